module Recipes.Tests.LossTests

open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Schedules
open Recipes.Core.Training

let private values (t: torch.Tensor) =
    t.``to``(torch.float64).flatten().data<double>().ToArray()

/// A prediction whose errors are the same number all over each sample.
let private batch (errors: float list) =
    let target = torch.randn (int64 errors.Length, 2L, 3L, 3L)

    let offset =
        torch.tensor(List.map float32 errors |> Array.ofList).reshape(int64 errors.Length, 1L, 1L, 1L)

    target + offset, target

let private near (expected: float) (actual: torch.Tensor) what =
    Expect.isLessThan (abs (expected - float (actual.item<float32>()))) 1e-5 what

let private failsWith (part: string) (act: unit -> unit) =
    try
        act ()
        failtest $"nothing was refused where '{part}' was expected"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

[<Tests>]
let tests =
    testList "loss" [
        test "plain is the mean squared error" {
            use _ = torch.NewDisposeScope()
            let prediction, target = batch [ 1.0; 2.0; 3.0 ]
            near (14.0 / 3.0) (DiffusionLoss.Compute(prediction, target)).Total "1 + 4 + 9 over 3"
        }

        for size in [ 1; 3 ] do
            test $"prior preservation weighs the second half, {size} and {size}" {
                use _ = torch.NewDisposeScope()
                let instance = [ 1.0; 2.0; 3.0 ] |> List.take size
                let prior = [ 4.0; 5.0; 6.0 ] |> List.take size
                let mean = List.averageBy (fun x -> x * x)
                let prediction, target = batch (instance @ prior)
                let terms = DiffusionLoss.Compute(prediction, target, priorWeight = 0.7)
                near (mean instance) terms.Instance "the instances"
                near (mean prior) (nonNull terms.Prior) "the class images, not weighted"
                near (mean instance + 0.7 * mean prior) terms.Total "the sum"
            }

            test $"min-SNR and prior preservation work together, {size} and {size}" {
                use _ = torch.NewDisposeScope()
                let errors = [ 1.0; 2.0; 3.0; 4.0; 5.0; 6.0 ] |> List.take (2 * size)
                let snr = [ 0.5; 10.0; 2.0; 50.0; 5.0; 0.1 ] |> List.take (2 * size)
                let weights = snr |> List.map (fun s -> min s 5.0 / s)
                let terms = List.map2 (fun e w -> e * e * w) errors weights
                let prediction, target = batch errors

                let snr = torch.tensor (Array.ofList snr |> Array.map float32)
                let drawn = DiffusionLoss.MinSnrWeights(snr, 5.0, PredictionType.Epsilon)
                let got = DiffusionLoss.Compute(prediction, target, drawn, 0.5)
                let instance, prior = List.splitAt size terms
                near (List.average instance + 0.5 * List.average prior) got.Total "each sample has its own weight"
            }

        test "min-SNR weights for noise, velocity and sample" {
            use _ = torch.NewDisposeScope()
            let snr = torch.tensor [| 0.0f; 0.5f; 5.0f; 20.0f |]

            let expect target (expected: float list) =
                let got = values (DiffusionLoss.MinSnrWeights(snr, 5.0, target)) |> List.ofArray

                for e, g in List.zip expected got do
                    Expect.isLessThan (abs (e - g)) 1e-6 $"{target}"

            expect PredictionType.Epsilon [ 1.0; 1.0; 1.0; 0.25 ]
            expect PredictionType.Velocity [ 0.0; 1.0 / 3.0; 5.0 / 6.0; 5.0 / 21.0 ]
            expect PredictionType.Sample [ 0.0; 0.5; 5.0; 5.0 ]
        }

        test "the loss of a bfloat16 network is computed in float32" {
            use _ = torch.NewDisposeScope()
            let prediction, target = batch [ 1.0; 2.0 ]
            let terms = DiffusionLoss.Compute(prediction.``to`` torch.bfloat16, target)
            Expect.equal terms.Total.dtype torch.float32 "its type"
        }

        test "what cannot be is refused" {
            use _ = torch.NewDisposeScope()
            let prediction, target = batch [ 1.0; 2.0; 3.0 ]
            failsWith "no two halves" (fun () -> DiffusionLoss.Compute(prediction, target, priorWeight = 1.0) |> ignore)
            failsWith "[3, 2, 3, 3]" (fun () -> DiffusionLoss.Compute(prediction, target[0]) |> ignore)
            failsWith "gamma 0" (fun () -> DiffusionLossOptions(MinSnrGamma = 0.0).Check())
            failsWith "weight is 0" (fun () -> DiffusionLossOptions(PriorWeight = 0.0).Check())
        }
    ]
