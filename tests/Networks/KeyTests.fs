module Recipes.Tests.KeyTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Bench
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

/// Of the small models that diffusers' own pipeline tests are built on.
let private tinyUNet layers width =
    UNetConfig(
        BlockOutChannels = [| 4L; 8L |],
        DownBlockTypes = [| "DownBlock2D"; "CrossAttnDownBlock2D" |],
        UpBlockTypes = [| "CrossAttnUpBlock2D"; "UpBlock2D" |],
        LayersPerBlock = layers,
        CrossAttentionDim = width,
        AttentionHeads = [| 2L |],
        NormNumGroups = 2L
    )

let private tiny =
    testList "parity" [
        agrees "tiny_unet_pipeline_test" (unet (tinyUNet 1L 8L))
        agrees "tiny_unet_controlnet_test" (unet (tinyUNet 2L 32L))
        agrees "tiny_controlnet_test" (fun () ->
            let config =
                ControlNetConfig(Encoder = tinyUNet 2L 32L, ConditioningEmbeddingOutChannels = [| 16L; 32L |])

            new ControlNetModel(config, torch.META))
        agrees "tiny_vae_pipeline_test" (fun () ->
            let config =
                VaeConfig(BlockOutChannels = [| 4L; 8L |], LayersPerBlock = 1L, NormNumGroups = 2L)

            new AutoencoderKL(config, torch.META))
        agrees
            "tiny_clip_pipeline_test"
            (clip (
                ClipTextConfig(
                    VocabSize = 1000L,
                    HiddenSize = 8L,
                    IntermediateSize = 16L,
                    NumHiddenLayers = 2L,
                    NumAttentionHeads = 2L
                )
            ))

        testCase "every manifest of the folder is compared"
        <| fun () ->
            let files =
                Directory.EnumerateFiles(Path.Combine(Support.golden, "keys"), "*.tsv")
                |> Seq.map (fun path -> Path.GetFileNameWithoutExtension(path))
                |> Set.ofSeq

            let compared =
                set [
                    "unet_sd15"
                    "unet_sd15_inpaint"
                    "unet_sd21"
                    "unet_sdxl"
                    "controlnet_sd15"
                    "vae_sd"
                    "clip_l_sd15"
                    "openclip_h_sd21"
                    "openclip_g_sdxl_te2"
                    "tiny_unet_pipeline_test"
                    "tiny_unet_controlnet_test"
                    "tiny_controlnet_test"
                    "tiny_vae_pipeline_test"
                    "tiny_clip_pipeline_test"
                ]

            Expect.equal files compared "a new manifest needs a test of its own"
    ]

[<Tests>]
let tests =
    testList "keys" [
        tiny
        agrees "unet_sd15" (unet ModelShapes.Sd15.UNet)
        agrees "unet_sd15_inpaint" (unet (UNetConfig(InChannels = 9L)))
        agrees "unet_sd21" (unet ModelShapes.Sd21.UNet)
        agrees "unet_sdxl" (unet ModelShapes.Sdxl.UNet)
        agrees "controlnet_sd15" (fun () ->
            new ControlNetModel(ControlNetConfig(Encoder = ModelShapes.Sd15.UNet), torch.META))
        encoder "unet_sd21" ModelShapes.Sd21.UNet
        encoder "unet_sdxl" ModelShapes.Sdxl.UNet
        for shape in ModelShapes.All do
            testList shape.Name [ agrees "vae_sd" (fun () -> new AutoencoderKL(shape.Vae, torch.META)) ]
        agrees "clip_l_sd15" (clip ModelShapes.Sd15.TextEncoders[0])
        testList "sdxl first" [ agrees "clip_l_sd15" (clip ModelShapes.Sdxl.TextEncoders[0]) ]
        agrees "openclip_h_sd21" (clip ModelShapes.Sd21.TextEncoders[0])
        agrees "openclip_g_sdxl_te2" (clip ModelShapes.Sdxl.TextEncoders[1])
    ]
