module Recipes.Tests.ClipScorerTests

open System
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Eval

let private folder = Path.Combine(Support.golden, "clip")

let private picture (seed: int) width height =
    let random = Random seed
    let pixels = Array.zeroCreate<byte>(width * height * 3)
    random.NextBytes pixels
    Image(width, height, pixels)

let private pictures = [| for seed in 1..35 -> picture seed (20 + seed) 40 |]

let private withScorer (test: ClipScorer -> unit) =
    use scorer = ClipScorer.Load folder
    test scorer

let private near (one: Embeddings) row (other: Embeddings) otherRow what =
    Expect.isGreaterThan (one.Cosine(row, other, otherRow)) 0.99999 what

[<Tests>]
let tests =
    testSequenced
    <| testList "clip scorer" [
        test "a picture's row does not depend on the pictures beside it" {
            withScorer (fun scorer ->
                let together = scorer.EmbedImages pictures
                Expect.equal together.Count 35 "two batches"

                for row in [ 0; 31; 32; 34 ] do
                    near together row (scorer.EmbedImages [| pictures[row] |]) 0 $"picture {row}")
        }

        test "a text's row does not depend on the texts beside it" {
            withScorer (fun scorer ->
                let texts = [| "a red dog"; ""; String.replicate 200 "very " + "long"; "a red dog" |]
                let together = scorer.EmbedText texts
                near together 0 together 3 "equal texts"
                near together 2 (scorer.EmbedText [| texts[2] |]) 0 "a text cut to the context")
        }

        test "scores agree with their definitions on the rows" {
            withScorer (fun scorer ->
                let generated, real = pictures[..3], pictures[4..6]
                let rows, others = scorer.EmbedImages generated, scorer.EmbedImages real

                let expected =
                    List.average [
                        for g in 0..3 do
                            for r in 0..2 -> rows.Cosine(g, others, r)
                    ]

                let score = scorer.ClipI(generated, real)
                Expect.floatClose Accuracy.medium score.Value expected "CLIP-I"
                Expect.equal score.Name "CLIP-I (clip, mean pairwise cosine)" "the folder names the tower"
                Expect.isLessThan (scorer.ClipICeiling real).Value 1.0 "the ceiling leaves the picture itself out"

                let texts = [| "a dog"; "a cat"; "a dog"; "a tree" |]
                let text = scorer.EmbedText texts
                let expected = List.average [ for i in 0..3 -> rows.Cosine(i, text, i) ]
                let score = scorer.ClipT(generated, texts)
                Expect.floatClose Accuracy.medium score.Value expected "CLIP-T"
                Expect.sequenceEqual score.Groups texts "grouped by text")
        }

        test "retrieval agrees with the cosines" {
            withScorer (fun scorer ->
                let captions = [| "a dog"; "a cat"; "a tree"; "a red house"; "two stars"; "a boat" |]
                let rows, texts = scorer.EmbedImages pictures[..4], scorer.EmbedText captions
                let list = captions :> Collections.Generic.IReadOnlyList<string>
                let found = scorer.Retrieve(pictures[..4], Array.replicate 5 list, [| 0..4 |])

                for row in 0..4 do
                    let better =
                        [ 0..5 ]
                        |> List.filter (fun i -> rows.Cosine(row, texts, i) > rows.Cosine(row, texts, row))

                    Expect.equal found.Ranks[row] (better.Length + 1) $"picture {row}")
        }

        test "two loads give the same scores" {
            let score () =
                use scorer = ClipScorer.Load folder
                scorer.ClipI(pictures[..3], pictures[4..6]).Values |> List.ofSeq

            Expect.equal (score ()) (score ()) "bit for bit"
        }

        test "half precision agrees to its digits" {
            withScorer (fun scorer ->
                use half = ClipScorer.Load(folder, dtype = torch.ScalarType.BFloat16)
                let full = scorer.EmbedImages pictures[..1]
                Expect.isGreaterThan (full.Cosine(0, half.EmbedImages pictures[..1], 0)) 0.99 "bfloat16")
        }

        test "a folder that is none is refused" {
            Expect.throwsT<RecipesException> (fun () -> (ClipScorer.Load "no/such/folder").Dispose()) "no folder"
        }
    ]
