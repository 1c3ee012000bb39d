module Recipes.Tests.MergingPlanTests

open System.IO
open System.Text.Json
open Expecto
open Recipes
open Recipes.Tests.LanguageBench

let private thing (folder: string) noun word =
    let own = Path.Combine(folder, noun)

    if not (Directory.Exists own) then
        Directory.CreateDirectory own |> ignore

        for i in 1..5 do
            writePicture (Path.Combine(own, $"{noun}{i}.bmp")) (i + 40) 64 64

    subject noun {
        token word
        images own
    }

/// A recipe that learns one thing.
let private part (folder: string) name noun word (tuning: TuningBlock<'way>) =
    let one = thing folder noun word

    recipe name model {
        learn one
        adapt tuning

        train {
            steps 400<step>
            rate 1e-4
        }

        sample $"a photo of {one}"
    }

let private keys = customDiffusion { startFrom "a" }

let private merging way (folder: string) recipes =
    let one, two = thing folder "toy" "<one>", thing folder "cup" "<two>"

    recipe "both" model {
        merge way recipes
        sample $"a photo of {one} and {two}"
    }

let private pair (folder: string) (tuning: TuningBlock<'way>) (other: TuningBlock<'other>) = [
    part folder "one" "toy" "<one>" tuning
    part folder "two" "cup" "<two>" other
]

/// The right merge.
let private right folder =
    merging LeastSquares folder (pair folder keys keys)

[<Tests>]
let tests =
    testList "merging plan" [
        test "the right one passes, and says what is merged" {
            withPictures (fun folder ->
                passes folder (right folder)
                let plan = plan (right folder |> also [ RecipePart.Against PlainSum ])
                Expect.equal [ for part in plan.Parts -> part.Name ] [ "one"; "two" ] "parts"

                for line in
                    [
                        "merge    by least squares, beside the plain sum, into keys and values"
                        "part     one"
                        "and a new vector for `<two>`, starting from \"a\""
                        "sample   a photo of <one> toy and <two> cup"
                    ] do
                    Expect.stringContains plan.Text line "text"

                let json = JsonDocument.Parse plan.Json
                let way = json.RootElement.GetProperty "method"
                Expect.equal (way.GetProperty("way").GetString()) "least squares" "way"
                Expect.equal (way.GetProperty("against").GetString()) "plain sum" "against"
                Expect.equal (json.RootElement.GetProperty("parts").GetArrayLength()) 2 "parts")
        }

        test "adapters at right angles have a sum" {
            withPictures (fun folder ->
                let share number = lora 2<rank> { orthogonal number }

                let summed first second =
                    let one, two = thing folder "toy" "sks", thing folder "cup" "zwx"

                    recipe "both" model {
                        merge Sum [
                            part folder "one" "toy" "sks" (share first)
                            part folder "two" "cup" "zwx" (share second)
                        ]

                        sample $"a photo of {one} and {two}"
                    }

                passes folder (summed 1 2)

                refused folder (summed 1 1) [
                    "M54 merge: one and two have share 1 of the common basis, and read the same inputs. Give each recipe a share of its own: `orthogonal 1`, `orthogonal 2`, ..."
                ])
        }

        test "M51: two recipes or more, each once, and another way to compare with" {
            withPictures (fun folder ->
                let has recipe text =
                    Expect.exists (findings folder recipe) (fun line -> line.StartsWith(text: string)) text

                has (merging LeastSquares folder [ (pair folder keys keys).Head ]) "M51 merge: puts together 1 recipe"

                has
                    (right folder |> also [ RecipePart.Against LeastSquares ])
                    "M51 against: compares the least squares with itself"

                has
                    (merging LeastSquares folder [
                        part folder "one" "toy" "<one>" keys
                        part folder "one" "cup" "<two>" keys
                    ])
                    "M51 merge: names one 2 times"

                has
                    (LanguageBench.right folder |> also [ RecipePart.Against PlainSum ])
                    "M51 against: compares merges, and there is none")
        }

        test "M50: a merge trains nothing of its own" {
            withPictures (fun folder ->
                refused folder (right folder |> also [ RecipePart.Train [ TrainPart.Rate 1e-4 ] ]) [
                    "M50 train.rate: a merge learns nothing of its own. Put the line into one of the recipes that it merges, or leave it out."
                ])
        }

        test "M52: one base model" {
            withPictures (fun folder ->
                let tree = Path.Combine(Recipes.Tests.Support.root, "tests", "golden", "sd2")
                let cup = thing folder "cup" "<two>"

                let other = recipe "two" (Models.folder<SD2> tree) {
                    learn cup
                    adapt keys

                    train {
                        steps 400<step>
                        rate 1e-4
                    }

                    sample $"a photo of {cup}"
                }

                Expect.exists
                    (findings folder (merging LeastSquares folder [ part folder "one" "toy" "<one>" keys; other ]))
                    (fun line -> line.StartsWith "M52 merge.two: is for sd2, and this recipe for sd1")
                    "another base")
        }

        test "M53: what a way of merging cannot take" {
            withPictures (fun folder ->
                let has way first second text =
                    Expect.exists
                        (findings folder (merging way folder [ first; second ]))
                        (fun line -> line.StartsWith(text: string))
                        text

                let one tuning = part folder "one" "toy" "<one>" tuning
                let two tuning = part folder "two" "cup" "<two>" tuning
                has Sum (one keys) (two keys) "M53 merge.one: keys and values read the same inputs"
                has Sum (one (lora 4<rank>)) (two (lora 4<rank>)) "M53 merge.one: its adapter is not at right angles"
                has PlainSum (one (dora 4<rank>)) (two (lora 4<rank>)) "M53 merge.one: DoRA is no product"
                has PlainSum (one keys) (two (lora 4<rank>)) "M53 merge: the plain sum is of one kind"
                has LeastSquares (one (lora 4<rank>)) (two keys) "M53 merge.one: "
                has LeastSquares (one everything) (two keys) "M53 merge.one: a merge takes low-rank adapters")
        }

        test "A2: no token twice" {
            withPictures (fun folder ->
                Expect.exists
                    (findings
                        folder
                        (merging LeastSquares folder [
                            part folder "one" "toy" "<one>" keys
                            part folder "two" "cup" "<one>" keys
                        ]))
                    (fun line -> line.StartsWith "A2 subject cup.token: `<one>` is the token of the toy too")
                    "the same token")
        }

        test "a part's own problems are named with the part" {
            withPictures (fun folder ->
                Expect.exists
                    (findings
                        folder
                        (merging LeastSquares folder (pair folder keys (customDiffusion { startFrom "a b" }))))
                    (fun line -> line.StartsWith "A3 merge.two.adapt.startFrom: ")
                    "where it is")
        }

        test "a setting changes what is merged" {
            withPictures (fun folder ->
                match Overrides.apply [ "steps", "12"; "seeds", "5" ] (right folder) with
                | Error problems -> failtest $"%A{problems}"
                | Ok recipe ->
                    let plan = plan recipe
                    Expect.equal [ for part in plan.Parts -> part.Budget.Steps ] [ 12<step>; 12<step> ] "steps"
                    Expect.equal plan.Draw.Seeds [ 5 ] "its own drawing"
                    Expect.equal plan.Parts.Head.Draw.Seeds [ 0; 1; 2; 3 ] "not the parts'")
        }
    ]
