/// Optimisers, losses and noise as words: checked, planned and lowered.
module Recipes.Tests.TrainingWordTests

open System
open System.IO
open Expecto
open Recipes.Core.Training
open Recipes
open Recipes.Tests.LanguageBench

let private training (parts: TrainPart list) folder =
    right folder |> also [ RecipePart.Train parts ]

let private lower plan folder =
    Lowering.Training.options plan {
        ClassPictures = [ [] ]
        Collages = []
        Net = None
        Hints = []
        CheckpointFolder = folder
        CacheFolder = folder
        Show = fun _ _ -> ()
    }

let private lowered parts folder =
    lower (plan (training parts folder)) folder

let private sd2 =
    Models.folder<SD2>(Path.Combine(Recipes.Tests.Support.root, "tests", "golden", "sd2"))

[<Tests>]
let tests =
    testList "training words" [
        test "each reaches the core" {
            withPictures (fun folder ->
                let options =
                    lowered
                        [
                            optimiser Prodigy
                            loss (Huber 0.2)
                            debiased
                            noiseOffset 0.05
                            perturbation 0.1
                            timesteps 100 499
                        ]
                        folder

                Expect.isTrue (options.Step.Optimiser :? ProdigyOptions) "optimiser"
                Expect.isTrue options.Step.Loss.Debiased "weights"

                Expect.equal
                    (options.Step.Loss.Error.Kind, options.Step.Loss.Error.Width)
                    (ErrorKind.Huber, 0.2)
                    "loss"

                let noise = options.Noise
                Expect.equal (noise.Offset, noise.Perturbation) (0.05, 0.1) "noise"
                Expect.equal (noise.FirstTime, noise.LastTime) (100, Nullable 499) "times"
                Expect.isTrue ((lowered [ optimiser Lion ] folder).Step.Optimiser :? LionOptions) "Lion"

                match (lowered [ optimiser AdamWBFloat16 ] folder).Step.Optimiser with
                | :? AdamWOptions as adamW ->
                    Expect.equal adamW.Moments Recipes.Core.Training.Precision.BFloat16 "narrow moments"
                | other -> failtest $"{other}")
        }

        test "the plan tells them" {
            withPictures (fun folder ->
                let text =
                    (plan (training [ optimiser Lion; loss (SmoothL1 0.1); noiseOffset 0.05; timesteps 0 499 ] folder))
                        .Text

                for part in
                    [
                        "Lion, rate"
                        "smooth L1 loss of width 0.1"
                        "noise offset 0.05, times 0 to 499 only"
                    ] do
                    Expect.stringContains text part "the text")
        }

        test "the rate's default is the optimiser's" {
            withPictures (fun folder ->
                let rate parts =
                    let bare =
                        right folder
                        |> changed (fun part ->
                            match part with
                            | RecipePart.Train _ -> Some(RecipePart.Train(steps 500<step> :: parts))
                            | other -> Some other)

                    (plan bare).Budget.Rate

                Expect.equal
                    [ rate []; rate [ optimiser Lion ]; rate [ optimiser Prodigy ] ]
                    [ 1e-4; 3e-5; 1.0 ]
                    "rates")
        }

        test "D25: the usual rates are the optimiser's" {
            withPictures (fun folder ->
                warned folder (training [ optimiser Prodigy ] folder) [
                    "D25 train.rate: 0.0001 is unusual for Prodigy, which finds its own (usual: 0.1 to 10). Write `rate 1.0`, unless you know better."
                ])
        }

        test "D30: two weightings of the times" {
            withPictures (fun folder ->
                refused folder (training [ minSnr 5.0; debiased ] folder) [
                    "D30 train.debiased: min-SNR and debiased weights exclude each other. Keep one of `minSnr` and `debiased`."
                ]

                passes folder (training [ debiased ] folder))
        }

        test "gradient checkpointing reaches the core and the plan" {
            withPictures (fun folder ->
                Expect.isTrue (lowered [ gradientCheckpointing ] folder).GradientCheckpointing "core"
                Expect.isFalse (lowered [] folder).GradientCheckpointing "without the word"

                Expect.stringContains
                    (plan (training [ gradientCheckpointing ] folder)).Text
                    "blocks run again for gradients"
                    "plan")
        }

        test "dropout leaves out the same inputs in blocks that are run again" {
            withPictures (fun folder ->
                let toy = toy folder

                let both = recipe "both" model {
                    learn toy
                    adapt (lora 2<rank> { dropout 0.1 })

                    train {
                        steps 500<step>
                        size 64<px>
                        gradientCheckpointing
                    }

                    sample $"a photo of {toy}"
                }

                passes folder both)
        }

        test "C18: zero terminal SNR is for models that predict v" {
            withPictures (fun folder ->
                refused folder (training [ zeroTerminalSnr ] folder) [
                    "C18 train.zeroTerminalSnr: sd1 predicts epsilon, of which nothing can be found where all is noise. Leave the line out, or choose a model that predicts v."
                ]

                let toy = toy folder

                let v = recipe "v" sd2 {
                    learn toy
                    adapt (lora 2<rank>)

                    train {
                        steps 500<step>
                        size 64<px>
                        zeroTerminalSnr
                    }

                    sample $"a photo of {toy}"
                }

                Expect.isTrue (plan v).Budget.ZeroTerminalSnr "a right one passes"
                Expect.isTrue (lower (plan v) folder).Noise.ZeroTerminalSnr "and reaches the core")
        }

        test "L3: numbers out of range" {
            withPictures (fun folder ->
                refused folder (training [ loss (Huber 0.0); noiseOffset -1.0; timesteps 600 500 ] folder) [
                    "L3 train.loss: 0 is out of range. Write a number above 0 and at most 1, such as 0.1."
                    "L3 train.noiseOffset: -1 is out of range. Write a number of 0 or more."
                    "L3 train.timesteps: 600 to 500 is no part of the times 0 to 999. Write the first and the last, such as `timesteps 0 499`."
                ])
        }

        test "settings change them" {
            withPictures (fun folder ->
                let changed =
                    Overrides.apply
                        [ "optimiser", "prodigy"; "loss", "huber:0.3"; "noiseOffset", "0.1" ]
                        (right folder)

                match changed with
                | Ok recipe ->
                    let parts = RecipeLines.trainParts recipe
                    Expect.contains parts (TrainPart.Optimiser Prodigy) "optimiser"
                    Expect.contains parts (TrainPart.Loss(Huber 0.3)) "loss"
                    Expect.contains parts (TrainPart.NoiseOffset 0.1) "noise"
                | Error problems -> failtest $"{problems}")
        }

        test "states of optimisers count in memory and checkpoints" {
            let bytes optimiser =
                Checks.Resources.checkpointBytes optimiser 100L

            Expect.equal
                [ for kind in [ AdamW; AdamWBFloat16; Lion; Prodigy ] -> bytes kind ]
                [ 1200L; 800L; 800L; 2000L ]
                "bytes"
        }
    ]
