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

[<Tests>]
let tests =
    testList "keys" [
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
