module Recipes.Tests.OptimisationTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.LanguageBench

/// The right recipe with these lines for its training, and no others but the steps.
let private trained (parts: TrainPart list) folder =
    right folder
    |> changed (fun part ->
        match part with
        | RecipePart.Train _ -> Some(RecipePart.Train(steps 400<step> :: parts))
        | other -> Some other)

let private withoutPrior folder =
    right folder
    |> withSubject (
        subject "toy" {
            token "sks"
            images (Path.Combine(folder, "toy"))
        }
    )

[<Tests>]
let tests =
    testList "optimisation" [
        test "D25: an unusual rate" {
            withPictures (fun folder ->
                warned folder (trained [ rate 0.1 ] folder) [
                    "D25 train.rate: 0.1 is unusual for a LoRA of a small model (usual: 1e-5 to 5e-3). Write `rate 1e-4`, unless you know better."
                ]

                refused folder (trained [ rate -1e-4 ] folder) [
                    "L3 train.rate: -0.0001 is out of range. Write a number above 0, such as 1e-4."
                ]

                passes folder (trained [ rate 1e-3 ] folder))
        }

        test "D26: a warm-up as long as the training" {
            withPictures (fun folder ->
                refused folder (trained [ warmup 400<step> ] folder) [
                    "D26 train.warmup: the warm-up of 400 steps is as long as the training of 400, so the rate is never reached. Write `warmup 40<step>`."
                ]

                passes folder (trained [ warmup 40<step>; schedule Cosine ] folder))
        }

        test "D26: restarts and checkpoints that never come" {
            withPictures (fun folder ->
                refused folder (trained [ warmup 390<step>; schedule (CosineRestarts 11) ] folder) [
                    "D26 train.schedule: 11 restarts do not fit into the 10 steps after the warm-up. Write fewer restarts, or more steps."
                ]

                warned folder (trained [ checkpoint 500<step> ] folder) [
                    "D26 train.checkpoint: every 500 steps is never, in a training of 400. Write a smaller number, or leave the line out."
                ]

                passes folder (trained [ schedule (CosineRestarts 4); checkpoint 100<step> ] folder))
        }

        test "D30: a gamma that switches training off" {
            withPictures (fun folder ->
                for gamma in [ 0.0; -5.0 ] do
                    refused folder (trained [ minSnr gamma ] folder) [
                        $"D30 train.minSnr: gamma {gamma} switches training off. Write `minSnr 5.0`, or leave the line out."
                    ]

                passes folder (trained [ minSnr 5.0 ] folder))
        }

        test "D31: a prior weight without class pictures, and the other way round" {
            withPictures (fun folder ->
                refused folder (withoutPrior folder |> also [ RecipePart.Train [ priorWeight 1.0 ] ]) [
                    "D31 train.priorWeight: 1 weighs class pictures, but no subject has any. Add the line `prior 100<img>` to the subject, or leave `priorWeight` out."
                ]

                refused folder (trained [ priorWeight 0.0 ] folder) [
                    "D31 train.priorWeight: 0 leaves the class pictures of toy without use. Write `priorWeight 1.0`, or remove `prior`."
                ]

                passes folder (withoutPrior folder)
                Expect.equal (plan (withoutPrior folder)).Budget.PriorWeight 0.0 "no class pictures, no weight"
                Expect.equal (plan (right folder)).Budget.PriorWeight 1.0 "class pictures weigh as much")
        }

        test "D31: class pictures for one subject of two" {
            withPictures (fun folder ->
                writePictures (Path.Combine(folder, "cat")) 5 72

                let cat = subject "cat" {
                    token "zwx"
                    images (Path.Combine(folder, "cat"))
                }

                let both =
                    right folder
                    |> also [
                        RecipePart.Learn cat
                        RecipePart.Sample {
                            Text = $"{cat}"
                            Plain = cat.Noun
                            Mentions = [ cat ]
                        }
                    ]

                refused folder both [
                    "D31 subject cat: has no class pictures, while the toy has 24. Give every subject a `prior`, or none."
                ])
        }
    ]
