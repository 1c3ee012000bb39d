/// Noise, times and errors of a training, against their formulas.
module Recipes.Tests.NoiseTests

open System
open Expecto
open TorchSharp
open Recipes.Core.Schedules
open Recipes.Core.Training
open Recipes.Tests.Support

let private draw options (number: int64) =
    let key = BatchDraws.Key(RandomStreams "1", number, torch.CPU)
    NoiseDraws.Of(BatchDraws key, options, [| 4L; 3L; 16L; 16L |], 1000)

let private mean (tensor: torch.Tensor) = tensor.mean().item<float32>() |> float

[<Tests>]
let tests =
    testList "noise" [
        test "without options it is plain noise at all times" {
            use _ = torch.NewDisposeScope()
            let drawn = draw (NoiseOptions()) 3L
            Expect.isNull drawn.Input "one noise"
            Expect.isLessThan (abs (drawn.Noise.std().item<float32>() - 1.0f)) 0.05f "deviation"
            Expect.equal (worst drawn.Noise (draw (NoiseOptions()) 3L).Noise) 0.0 "the number decides"
            Expect.isGreaterThan (worst drawn.Noise (draw (NoiseOptions()) 4L).Noise) 0.0 "another number"
        }

        test "an offset moves whole channels, and leaves the plain noise as it was" {
            use _ = torch.NewDisposeScope()
            let plain = draw (NoiseOptions()) 5L
            let moved = draw (NoiseOptions(Offset = 0.5)) 5L
            let difference = moved.Noise - plain.Noise
            let spread = difference.amax ([| 2L; 3L |]) - difference.amin ([| 2L; 3L |])
            Expect.isLessThan (spread.max().item<float32>()) 1e-6f "one number a channel"
            Expect.isGreaterThan (difference.abs().max().item<float32>()) 0.1f "and some"
            Expect.isTrue (moved.Timesteps.eq(plain.Timesteps).all().item<bool>()) "the same times"
        }

        test "a perturbation is in the input, not in what is to be found" {
            use _ = torch.NewDisposeScope()
            let plain = draw (NoiseOptions()) 6L
            let drawn = draw (NoiseOptions(Perturbation = 0.1)) 6L
            Expect.equal (worst drawn.Noise plain.Noise) 0.0 "to be found"
            let input = nonNull drawn.Input
            Expect.isLessThan (abs ((input - plain.Noise).std().item<float32>() - 0.1f)) 0.01f "0.1 of noise more"
        }

        test "times stay in their range and reach both ends" {
            use _ = torch.NewDisposeScope()

            let times = [
                for number in 0L .. 60L do
                    yield!
                        (draw (NoiseOptions(FirstTime = 200, LastTime = 209)) number).Timesteps.data<int64>().ToArray()
            ]

            Expect.equal (List.min times, List.max times) (200L, 209L) "the range"
        }

        test "settings out of range are refused" {
            let refused part (options: NoiseOptions) =
                failsWith part (fun () -> options.Check 1000)

            refused "Noise.Offset: -1" (NoiseOptions(Offset = -1.0))
            refused "times 600 to 500 are no part" (NoiseOptions(FirstTime = 600, LastTime = 500))
            refused "times 0 to 1000 are no part" (NoiseOptions(LastTime = 1000))
        }

        test "robust errors are squares near zero and straight far out" {
            use _ = torch.NewDisposeScope()
            let widths = torch.tensor [| 0.1f; 0.5f |]

            let errors (value: float32) =
                torch.full ([| 2L; 1L; 2L; 2L |], Scalar.op_Implicit value)

            for kind, factor in [ ErrorKind.Huber, id; ErrorKind.SmoothL1, (fun _ -> 1.0) ] do
                let options = ErrorOptions(Kind = kind)

                let expected (e: float) (c: float) =
                    2.0 * factor c * (sqrt (e * e + c * c) - c)

                for e in [ 0.01; 0.3; 20.0 ] do
                    let found = options.Of(errors (float32 e), widths)
                    Expect.isLessThan (abs (mean found[0] - expected e 0.1) / expected e 0.1) 1e-3 $"{kind} {e} 0.1"
                    Expect.isLessThan (abs (mean found[1] - expected e 0.5) / expected e 0.5) 1e-3 $"{kind} {e} 0.5"
        }

        test "widths follow their schedules" {
            use _ = torch.NewDisposeScope()
            use schedule = new NoiseSchedule(SchedulerConfig())
            let times = torch.tensor [| 0L; 500L; 999L |]

            let widths kind =
                ErrorOptions(Kind = ErrorKind.Huber, Width = 0.1, Schedule = kind)
                    .Widths(schedule, times)
                    .data<float32>()
                    .ToArray()
                |> Array.map float

            let near (found: float array) expected =
                Array.iter2 (fun f e -> Expect.isLessThan (abs (f - e)) 1e-4 "width") found expected

            near (widths WidthSchedule.Constant) [| 0.1; 0.1; 0.1 |]
            near (widths WidthSchedule.Exponential) [| 1.0; 0.1 ** 0.5; 0.1 ** 0.999 |]

            let snr =
                schedule.Snr(times).data<float32>().ToArray()
                |> Array.map (fun snr -> 0.9 / (1.0 + 1.0 / sqrt (float snr)) ** 2.0 + 0.1)

            near (widths WidthSchedule.Snr) snr
        }

        test "debiased weights are the inverse root of the SNR, within limits" {
            use _ = torch.NewDisposeScope()
            let snr = torch.tensor [| 4.0f; 1e6f; 0.25f |]

            let weights target =
                DiffusionLoss.DebiasedWeights(snr, target).data<float32>().ToArray()
                |> Array.map float

            let near (found: float array) expected =
                Array.iter2 (fun f e -> Expect.isLessThan (abs (f / e - 1.0)) 1e-5 "weight") found expected

            near (weights PredictionType.Epsilon) [| 0.5; 1.0 / sqrt 1e3; 2.0 |]
            near (weights PredictionType.Velocity) [| 0.2; 1.0 / 1001.0; 0.8 |]
            near (weights PredictionType.Sample) [| 2.0; sqrt 1e3; 0.5 |]

            failsWith "min-SNR weighs the samples already" (fun () ->
                DiffusionLossOptions(Debiased = true, MinSnrGamma = Nullable 5.0).Check())
        }
    ]
