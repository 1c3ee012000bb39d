/// The trainer of all methods, on tiny models: what it does and reports.
module Recipes.Tests.DiffusionTrainerTests

open System
open System.Collections.Generic
open Expecto
open TorchSharp
open Recipes.Core.Data
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Tests.Support
open Recipes.Tests.DiffusionCases

[<Tests>]
let tests =
    testSequenced
    <| testList "trainer" [
        test "it learns, and reports what it does" {
            withFolder (fun folder ->
                let run = train { usual with Steps = 12L } folder
                Expect.equal [ for r in run.Reports -> r.Step ] [ 1L .. 12L ] "steps"

                for r in run.Reports do
                    Expect.isTrue (r.Total = 12L && r.SecondsPerStep > 0.0) "totals, seconds"

                    Expect.isLessThan
                        (abs (r.Loss - r.InstanceLoss - 0.8 * r.PriorLoss.Value))
                        1e-5
                        "the loss is instance + weight × prior"

                Expect.equal run.Reports[0].Rate 0.0 "the warm-up starts at 0"
                Expect.isLessThan (abs (run.Reports[1].Rate - 1e-2)) 1e-12 "and reaches the full rate"

                // Queries and keys of an attention to a single position have no gradient, and the middle has one.
                for KeyValue(name, values) in run.Weights do
                    if
                        name.EndsWith "lora_B.weight"
                        && not (name.Contains "to_q" || name.Contains "to_k")
                    then
                        Expect.isTrue (values |> Array.exists (fun value -> value <> 0.0f)) $"{name} moved")
        }

        test "the loss on held-out pictures falls, and measuring it changes nothing" {
            withFolder (fun folder ->
                let held = captioned usual.Caption (draw folder "held" 2 5)

                let case = {
                    usual with
                        Steps = 40L
                        Prior = 0
                        Parts = weights TrainedParts.Everything
                        Rate = 1e-3
                }

                let watched = {
                    case with
                        Validation = ValidationOptions(Pictures = held, Every = 10L, Times = 3)
                }

                let run = train watched folder

                let measured = [
                    for r in run.Reports do
                        if r.Further.ContainsKey "validation_loss" then
                            r.Step, r.Further["validation_loss"], r.Further.Count
                ]

                Expect.equal [ for step, _, _ in measured -> step ] [ 10L; 20L; 30L; 40L ] "when"
                Expect.equal [ for _, _, count in measured -> count ] [ 4; 4; 4; 4 ] "three times and the mean"
                let loss (_, value, _) = value
                Expect.isLessThan (loss (List.last measured)) (loss measured.Head) "it falls"
                Expect.equal (train case folder).Weights run.Weights "the same weights without it")
        }

        test "another seed gives other weights, the same seed the same" {
            withFolder (fun folder ->
                let one = train { usual with Steps = 2L } folder
                Expect.equal (train { usual with Steps = 2L } folder).Weights one.Weights "the same seed"

                Expect.notEqual
                    (train { usual with Steps = 2L; Seed = "18" } folder).Weights
                    one.Weights
                    "another seed")
        }

        test "previews see the model as it would be used" {
            withFolder (fun folder ->
                let seen = List<int64 * bool>()

                let show done' (model: StableDiffusionModel) =
                    use _ = torch.no_grad ()
                    let x = torch.ones [| 1L; 4L; 8L; 8L |]

                    let predict () =
                        model.UNet.forward (x, torch.tensor [| 500L |], model.EncodePrompts [ "a" ])

                    seen.Add(done', worst (predict ()) (predict ()) = 0.0)

                let plain = train usual folder

                let watched =
                    train
                        {
                            usual with
                                Preview = PreviewOptions(Every = 2L, Show = Action<_, _> show)
                        }
                        folder

                Expect.equal (List.ofSeq seen) [ 2L, true; 4L, true; 5L, true ] "when, and without dropout"
                Expect.equal watched.Weights plain.Weights "nothing is changed by looking")
        }

        test "what cannot train is refused, and leaves nothing on the model" {
            withFolder (fun folder ->
                use model = load "sd1"

                let refused part case =
                    failsWith part (fun () -> (DiffusionTrainer.Run(model, options folder model case)).Dispose())

                let token token initialiser vectors = {
                    inversion with
                        Parts =
                            fun _ ->
                                TrainedParts(
                                    Tokens = [|
                                        NewToken(Token = token, Initialiser = initialiser, Vectors = vectors)
                                    |]
                                )
                }

                refused "the warm-up of 1 steps is as long" { usual with Steps = 1L }
                refused "the rate is 0" { usual with Rate = 0.0 }

                refused "target attn3 matches 0 of" {
                    usual with
                        Parts = weights [ "attn3" ]
                }

                refused
                    "is 2 tokens, Vectors is 1. Use a word of one token, or set Vectors to 2"
                    (token "<toy>" $"{word model} {word model}" 1)

                refused "already in the vocabulary" {
                    token (word model) (word model) 1 with
                        Caption = $"a {word model}"
                }

                refused "Size: 72 px is no multiple of 64" {
                    usual with
                        Buckets = BucketOptions(Size = 72, Shapes = false)
                }

                Expect.isEmpty model.LearnedTokens.Names "no token"

                Expect.isTrue
                    (model.UNet.modules ()
                     |> Seq.forall (fun m ->
                         match box m with
                         | :? Recipes.Core.Networks.Layers.IAdaptable as layer -> layer.Adapters.Count = 0
                         | _ -> true))
                    "no adapter")
        }
    ]
