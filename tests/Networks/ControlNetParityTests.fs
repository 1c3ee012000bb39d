module Recipes.Tests.ControlNetParityTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Networks
open Recipes.Core.Weights
open Recipes.Tests.Agreement

let private unet () =
    let path = Path.Combine(folder "sd1", "unet")
    let network = new UNet2DConditionModel(UNetConfig.Read path)

    use file =
        SafeTensorsFile.Open(Path.Combine(path, "diffusion_pytorch_model.safetensors"))

    StateDict.Load(network, [| file |], (fun key -> WeightKeys.ForDiffusers key), path)
    network

let private io =
    testCase "forward pass"
    <| fun () ->
        withFile "sd1-controlnet-io" (fun file read ->
            use unet = unet ()
            use network = ControlNetFiles.Load(folder "sd1-controlnet", unet.Config)
            use context = new TextContext(read "ctx")

            let found =
                network.forward(read "x", read "t", context, read "cond").Times(setting<double> file "scale")

            let count = file.Tensors.Keys |> Seq.filter _.StartsWith("down.") |> Seq.length
            Expect.equal found.Down.Count count "residuals"

            for i in 0 .. count - 1 do
                close forwardTolerance $"down.{i}" found.Down[i] (read $"down.{i}")

            close forwardTolerance "mid" found.Mid (read "mid")

            let conditions = UNetConditions(DownResiduals = found.Down, MidResidual = found.Mid)

            let output = unet.forward (read "x", read "t", context, conditions)
            close forwardTolerance "output" output (read "out"))

/// The way down and the zeros as the reference copies them; the hint encoder is drawn at random there too.
let private copied =
    quietly "a copy of the UNet" (fun () ->
        use _ = torch.NewDisposeScope()

        use file =
            SafeTensorsFile.Open(Path.Combine(folder "train-controlnet-init", "diffusion_pytorch_model.safetensors"))

        let shape = ControlNetConfig.Read(folder "train-controlnet-init")
        use unet = unet ()
        use generator = new torch.Generator(1UL, torch.CPU)

        use network =
            ControlNetModel.FromUNet(
                unet,
                generator,
                shape.ConditioningChannels,
                shape.ConditioningEmbeddingOutChannels
            )

        let state = network.state_dict ()
        Expect.equal (Set.ofSeq state.Keys) (Set.ofSeq file.Tensors.Keys) "keys"

        for KeyValue(name, tensor) in state do
            let expected = file.Read name

            let drawn =
                name.StartsWith "controlnet_cond_embedding."
                && not (name.StartsWith "controlnet_cond_embedding.conv_out.")

            if drawn then
                Expect.equal (Agreement.shape tensor) (Agreement.shape expected) name
                let bound = expected.abs().max().item<float32>()
                Expect.isGreaterThan (tensor.abs().max().item<float32>()) (bound / 2f) $"{name} is drawn"
            else
                Expect.equal (distance tensor expected) 0.0 name)

[<Tests>]
let tests = testList "parity" [ testList "sd1-controlnet" [ io; copied ] ]
