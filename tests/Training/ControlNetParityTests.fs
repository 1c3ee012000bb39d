module Recipes.Tests.ControlNetTrainingParityTests

open System
open System.Globalization
open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Core.Weights

type private Tensor = torch.Tensor

let private frobenius (tensor: Tensor) =
    tensor.``to``(torch.float64).norm().item<double>()

let private floats (tensor: Tensor) = [ for value in tensor.``to``(torch.float64).data<double>().ToArray() -> value ]

let private trains = test "train-controlnet" {
    use _ = torch.NewDisposeScope()

    use file =
        SafeTensorsFile.Open(Path.Combine(Support.golden, "train-controlnet.safetensors"))

    use model = StableDiffusionModel.Load(Path.Combine(Support.golden, "sd1"))

    use network =
        ControlNetFiles.Load(Path.Combine(Support.golden, "train-controlnet-init"), model.UNet.Config)

    let number key =
        Double.Parse(file.Metadata[key], CultureInfo.InvariantCulture)

    let initial =
        dict [ for pair in network.state_dict () -> pair.Key, pair.Value.detach().clone() ]

    let latents, noise, times, context, control =
        file.Read "latents", file.Read "noise", file.Read "t", file.Read "ctx", file.Read "cond"

    let batches = {
        new IBatchSource with
            member _.Batch number =
                DenoisingBatch(
                    latents[number],
                    noise[number],
                    times[number],
                    context.alias (),
                    Control = control[number]
                )
    }

    let rate = number "lr"

    let options =
        DenoisingStepOptions(
            Rate = LearningRate(Rate = rate, Steps = latents.shape[0]),
            Optimiser = AdamWOptions(WeightDecay = number "weight_decay"),
            ClipNorm = number "clip"
        )

    use step =
        ControlNetStep.Create(model.UNet, network, model.Schedule, batches, options)

    let kept = [
        for pair in model.UNet.state_dict () -> pair.Key, pair.Value, pair.Value.clone ()
    ]

    for index, (loss, norm) in
        List.zip (floats (file.Read "loss")) (floats (file.Read "grad_norm"))
        |> List.indexed do
        let result = step.Run index
        Expect.isLessThan (abs (result.Loss - loss)) 1e-5 $"the loss of step {index}"
        Expect.isLessThan (abs (result.GradientNorm - norm) / norm) 1e-3 $"the gradients' norm at step {index}"

    let final = network.state_dict ()

    let names = [
        for key in file.Tensors.Keys do
            if key.StartsWith "final." then
                key.Substring 6
    ]

    Expect.isNonEmpty names "weights to compare"

    for name in names do
        let wanted = file.Read $"final.{name}"
        let change = frobenius (wanted - initial[name])
        Expect.isGreaterThan change 0.0 $"{name} moved"
        Expect.isLessThan (frobenius (final[name].detach() - wanted) / change) 2e-2 $"the change of {name}"

    for name, now, before in kept do
        Expect.equal (frobenius (now - before)) 0.0 $"{name} of the base model stays"
}

[<Tests>]
let tests = testList "parity" [ testList "training" [ trains ] ]
