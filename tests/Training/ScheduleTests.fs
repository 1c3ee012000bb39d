module Recipes.Tests.ScheduleTests

open System
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Training

let private near (expected: float) (actual: float) what =
    Expect.isLessThan (abs (expected - actual)) 1e-12 what

let private rate shape =
    LearningRate(Rate = 2.0, Shape = shape, Steps = 110L, WarmUp = 10L)

let private failsWith (part: string) (act: unit -> unit) =
    try
        act ()
        failtest $"nothing was refused where '{part}' was expected"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

[<Tests>]
let tests =
    testList "schedules" [
        for shape in Enum.GetValues<RateShape>() do
            test $"{shape} warms up in a straight line and starts at the full rate" {
                near 0.0 ((rate shape).At 0L) "the first step"
                near 0.8 ((rate shape).At 4L) "within the warm-up"
                near 2.0 ((rate shape).At 10L) "after the warm-up"
            }

        test "constant stays" { near 2.0 ((rate RateShape.Constant).At 109L) "the last step" }

        test "linear falls to 0" {
            near 1.5 ((rate RateShape.Linear).At 35L) "a quarter"
            near 0.0 ((rate RateShape.Linear).At 110L) "the end"
            near 0.0 ((rate RateShape.Linear).At 200L) "beyond"
        }

        test "cosine falls by half a wave" {
            near (1.0 + cos (Math.PI / 4.0)) ((rate RateShape.Cosine).At 35L) "a quarter"
            near 1.0 ((rate RateShape.Cosine).At 60L) "the middle"
            near 0.0 ((rate RateShape.Cosine).At 110L) "the end"

            let whole =
                LearningRate(Rate = 2.0, Shape = RateShape.Cosine, Steps = 100L, Cycles = 1.0)

            near 0.0 (whole.At 50L) "a whole wave has its valley in the middle"
            near 2.0 (whole.At 100L) "and ends at the top"
        }

        test "restarts start again at the full rate" {
            let restarts =
                LearningRate(Rate = 2.0, Shape = RateShape.CosineWithRestarts, Steps = 100L, Cycles = 4.0)

            near 2.0 (restarts.At 25L) "the second wave"
            near (1.0 + cos (Math.PI * 0.4)) (restarts.At 60L) "within the third"
            near 0.0 (restarts.At 100L) "the end"
        }

        test "polynomial ends at its end rate" {
            let square =
                LearningRate(Rate = 2.0, Shape = RateShape.Polynomial, Steps = 100L, Power = 2.0, EndRate = 0.5)

            near (1.5 * 0.25 + 0.5) (square.At 50L) "the middle"
            near 0.5 (square.At 100L) "the end"
            near 0.5 (square.At 500L) "beyond"
        }

        test "schedules that could not train are refused" {
            failsWith "as long as the training" (fun () -> LearningRate(Rate = 1.0, Steps = 10L, WarmUp = 10L).Check())

            failsWith "the rate is 0" (fun () -> LearningRate(Rate = 0.0, Steps = 10L).Check())
            failsWith "0 steps" (fun () -> LearningRate(Rate = 1.0, Steps = 0L).Check())
        }

        test "an average follows the reference's decay" {
            use _ = torch.NewDisposeScope()
            let weight = torch.tensor [| 1.0f; -2.0f |]
            use ema = new Ema([ weight ], EmaOptions(Decay = 0.5))
            let mutable expected = 1.0

            for step in 1..20 do
                weight.fill_ (float32 step) |> ignore
                ema.Update()
                let since = float (step - 1)

                let decay =
                    if step = 1 then
                        0.0
                    else
                        min 0.5 ((1.0 + since) / (10.0 + since))

                expected <- expected - (1.0 - decay) * (expected - float step)

            Expect.isLessThan (abs (expected - float (ema.Averages[0].[0L].item<float32>()))) 1e-5 "the average"

            near
                (1.0 - 4.0 ** -0.75)
                ((new Ema([ weight ], EmaOptions(WarmUp = true, Power = 0.75))).DecayAt 4L)
                "warm-up"

            near
                0.0
                ((new Ema([ weight ], EmaOptions(UpdateAfterStep = 5L))).DecayAt 6L)
                "the weights themselves until it starts"
        }
    ]
