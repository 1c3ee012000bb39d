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

let private clip config () : torch.nn.Module = new ClipTextModel(config, torch.META)

[<Tests>]
let tests =
    testList "keys" [
        agrees "unet_sd15" (unet ModelShapes.Sd15.UNet)
        agrees "unet_sd15_inpaint" (unet (UNetConfig(InChannels = 9L)))
        agrees "unet_sd21" (unet ModelShapes.Sd21.UNet)
        agrees "unet_sdxl" (unet ModelShapes.Sdxl.UNet)
        for shape in ModelShapes.All do
            testList shape.Name [ agrees "vae_sd" (fun () -> new AutoencoderKL(shape.Vae, torch.META)) ]
        agrees "clip_l_sd15" (clip ModelShapes.Sd15.TextEncoders[0])
        testList "sdxl first" [ agrees "clip_l_sd15" (clip ModelShapes.Sdxl.TextEncoders[0]) ]
        agrees "openclip_h_sd21" (clip ModelShapes.Sd21.TextEncoders[0])
        agrees "openclip_g_sdxl_te2" (clip ModelShapes.Sdxl.TextEncoders[1])
    ]
