module Recipes.Tests.ClipMetricsTests

open System
open Expecto
open Recipes.Core
open Recipes.Eval

let private rows (what: string) (values: float32 list list) =
    Embeddings(what, values.Length, values.Head.Length, ReadOnlySpan(List.concat values |> Array.ofList))

let private close actual expected what =
    Expect.floatClose { absolute = 1e-6; relative = 0.0 } actual expected what

// Unit vectors at 0, 60, 90 and 180 degrees, of other lengths on purpose.
let private at0 = [ 2f; 0f ]
let private at60 = [ 0.5f; 0.8660254f ]
let private at90 = [ 0f; 3f ]
let private at180 = [ -0.1f; 0f ]

[<Tests>]
let tests =
    testList "clip metrics" [
        test "embeddings are normalised, so a cosine needs no lengths" {
            let left, right = rows "left" [ at0; at90 ], rows "right" [ at60; at180 ]
            close (left.Cosine(0, right, 0)) 0.5 "0 and 60 degrees"
            close (left.Cosine(1, right, 0)) 0.8660254 "90 and 60 degrees"
            close (left.Cosine(0, right, 1)) -1.0 "opposite"
        }

        test "an embedding without a direction is refused by its number" {
            for bad in [ [ 0f; 0f ]; [ nanf; 1f ]; [ infinityf; 1f ] ] do
                Expect.throwsC (fun () -> rows "generated pictures" [ at0; bad ] |> ignore) (fun error ->
                    Expect.stringContains error.Message "generated pictures, number 2 of 2" "names the row")
        }

        test "towers of other widths cannot be compared" {
            let left, right = rows "left" [ at0 ], rows "right" [ [ 1f; 0f; 0f ] ]
            Expect.throwsT<RecipesException> (fun () -> left.Cosine(0, right, 0) |> ignore) "2 and 3 values"
        }

        test "CLIP-I is the mean over every generated and real pair" {
            let score =
                ClipMetrics.ImageSimilarity("tower", rows "generated" [ at0; at90; at60 ], rows "real" [ at0; at60 ])
            // Rows: (1 + 0.5) / 2, (0 + 0.8660254) / 2, (0.5 + 1) / 2.
            close score.Values[0] 0.75 "first picture"
            close score.Values[1] 0.4330127 "second picture"
            close score.Value ((0.75 + 0.4330127 + 0.75) / 3.0) "mean"
            Expect.equal score.Count 3 "one item a generated picture"
            Expect.equal score.Name "CLIP-I (tower, mean pairwise cosine)" "the name carries the tower"
        }

        test "the ceiling leaves every picture's pair with itself out" {
            let score = ClipMetrics.ImageCeiling("tower", rows "real" [ at0; at60; at90 ])
            // Pairs: 0-60 0.5, 0-90 0, 60-90 0.8660254; each counts twice.
            close score.Value ((0.5 + 0.0 + 0.8660254) / 3.0) "mean of the three pairs"

            Expect.throwsT<RecipesException>
                (fun () -> ClipMetrics.ImageCeiling("tower", rows "real" [ at0 ]) |> ignore)
                "one picture"
        }

        test "what the real pictures reach with their own captions bounds CLIP-T" {
            let captions = rows "captions" [ at60; at60 ]
            let score = ClipMetrics.TextCeiling("tower", rows "real" [ at0; at90 ], captions)
            close score.Value ((0.5 + 0.8660254) / 2.0) "mean of the pairs"
            Expect.equal score.Name "CLIP-T of the real pictures (tower, own captions)" "a name of its own"

            Expect.throwsT<RecipesException>
                (fun () -> ClipMetrics.TextCeiling("tower", rows "real" [ at0 ], captions) |> ignore)
                "a caption too many"
        }

        test "CLIP-T is the raw cosine with each picture's own text, negative ones too" {
            let score =
                ClipMetrics.TextSimilarity(
                    "tower",
                    rows "pictures" [ at0; at90 ],
                    rows "texts" [ at180; at60 ],
                    "as given"
                )

            close score.Value ((-1.0 + 0.8660254) / 2.0) "no factor, no clamp"

            Expect.throwsT<RecipesException>
                (fun () ->
                    ClipMetrics.TextSimilarity("t", rows "p" [ at0; at90 ], rows "x" [ at0 ], "")
                    |> ignore)
                "one text for two pictures"
        }

        test "retrieval ranks the right caption among the candidates" {
            let texts = rows "captions" [ at0; at60; at90; at180 ]
            let pictures = rows "pictures" [ at0; at0; at90 ]
            let all = ResizeArray [ 0; 1; 2; 3 ] :> Collections.Generic.IReadOnlyList<int>

            let found =
                ClipMetrics.Retrieve("tower", pictures, texts, [| all; all; all |], [| 0; 3; 1 |])

            Expect.sequenceEqual found.Ranks [ 1; 4; 2 ] "ranks from 1"
            close found.Top1.Value (1.0 / 3.0) "top 1"
            close found.Top5.Value 1.0 "top 5"
        }

        test "a tower that cannot tell captions apart earns nothing" {
            let same = rows "captions" [ for _ in 1..10 -> at60 ]
            let all = ResizeArray [ 0..9 ] :> Collections.Generic.IReadOnlyList<int>

            let found =
                ClipMetrics.Retrieve("tower", rows "pictures" [ at0 ], same, [| all |], [| 0 |])

            Expect.sequenceEqual found.Ranks [ 10 ] "ties count against it"
            close found.Top5.Value 0.0 "top 5"
        }

        test "candidates with the right caption twice or not at all are refused" {
            let texts = rows "captions" [ at0; at60 ]
            let twice = ResizeArray [ 0; 1; 0 ] :> Collections.Generic.IReadOnlyList<int>

            for answer in [ 0; 3; -1 ] do
                Expect.throwsT<RecipesException>
                    (fun () ->
                        ClipMetrics.Retrieve("t", rows "p" [ at0 ], texts, [| twice |], [| answer |])
                        |> ignore)
                    $"answer {answer}"
        }
    ]
