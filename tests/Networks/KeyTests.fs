module Recipes.Tests.KeyTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Networks

/// Keys and shapes of a published model, without its weights.
let private manifest name =
    File.ReadLines(Path.Combine(Support.golden, "keys", $"{name}.tsv"))
    |> Seq.filter (fun line -> line <> "")
    |> Set.ofSeq

let private keys (network: torch.nn.Module) =
    network.state_dict ()
    |> Seq.map (fun pair ->
        let shape = pair.Value.shape |> Seq.map string |> String.concat ", "
        $"{pair.Key}\t[{shape}]")
    |> Set.ofSeq

let private agrees name (build: unit -> torch.nn.Module) =
    testCase name
    <| fun () ->
        use network = build ()
        let actual, expected = keys network, manifest name
        Expect.isEmpty (expected - actual |> Seq.truncate 10) "missing"
        Expect.isEmpty (actual - expected |> Seq.truncate 10) "not in the published model"

let private unet config () : torch.nn.Module =
    new UNet2DConditionModel(config, torch.META)

/// The way down of a base model, and the ControlNet's own maps beside it.
let private encoder name (config: UNetConfig) =
    testCase $"controlnet of {name}"
    <| fun () ->
        use network = new ControlNetModel(ControlNetConfig(Encoder = config), torch.META)

        let starts (words: string list) (line: string) = words |> List.exists line.StartsWith
        let actual = keys network |> Set.filter (starts [ "controlnet_" ] >> not)

        let expected =
            manifest name
            |> Set.filter (starts [ "up_blocks."; "conv_norm_out."; "conv_out." ] >> not)

        Expect.isNonEmpty expected "the base model's keys"
        Expect.equal actual expected "the way down"

let private clip config () : torch.nn.Module = new ClipTextModel(config, torch.META)

let private sd2 =
    UNetConfig(
        SampleSize = 96L,
        CrossAttentionDim = 1024L,
        AttentionHeads = [| 5L; 10L; 20L; 20L |],
        UseLinearProjection = true
    )

let private sdxl =
    UNetConfig(
        SampleSize = 128L,
        BlockOutChannels = [| 320L; 640L; 1280L |],
        DownBlockTypes = [| "DownBlock2D"; "CrossAttnDownBlock2D"; "CrossAttnDownBlock2D" |],
        UpBlockTypes = [| "CrossAttnUpBlock2D"; "CrossAttnUpBlock2D"; "UpBlock2D" |],
        CrossAttentionDim = 2048L,
        AttentionHeads = [| 5L; 10L; 20L |],
        TransformerLayersPerBlock = [| 1L; 2L; 10L |],
        UseLinearProjection = true,
        AdditionTimeEmbedDim = 256L,
        ProjectionClassEmbeddingsInputDim = 2816L
    )

let private openClip width inner layers heads projection =
    ClipTextConfig(
        HiddenSize = width,
        IntermediateSize = inner,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        HiddenAct = "gelu",
        ProjectionDim = projection
    )

[<Tests>]
let tests =
    testList "keys" [
        agrees "unet_sd15" (unet (UNetConfig()))
        agrees "unet_sd15_inpaint" (unet (UNetConfig(InChannels = 9L)))
        agrees "unet_sd21" (unet sd2)
        agrees "unet_sdxl" (unet sdxl)
        agrees "controlnet_sd15" (fun () -> new ControlNetModel(ControlNetConfig(Encoder = UNetConfig()), torch.META))
        encoder "unet_sd21" sd2
        encoder "unet_sdxl" sdxl
        agrees "vae_sd" (fun () -> new AutoencoderKL(VaeConfig(), torch.META))
        agrees "clip_l_sd15" (clip (ClipTextConfig()))
        agrees "openclip_h_sd21" (clip (openClip 1024L 4096L 23L 16L (System.Nullable())))
        agrees "openclip_g_sdxl_te2" (clip (openClip 1280L 5120L 32L 20L (System.Nullable 1280L)))
    ]
