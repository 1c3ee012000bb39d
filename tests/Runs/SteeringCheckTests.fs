module Recipes.Tests.SteeringCheckTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.Support
open Recipes.Tests.SteeredRecipes

let private problemsOf recipe =
    match Plan.check recipe with
    | Ok _ -> failtest "it has no problem"
    | Error problems -> problems |> List.map (fun problem -> $"{problem.Code} {problem.Text}")

let private refuses (recipe: Recipe) words =
    Expect.exists (problemsOf recipe) (fun text -> text.Contains(words: string)) (sprintf "%A" (problemsOf recipe))

[<Tests>]
let tests =
    testSequenced
    <| testList "control runs" [
        test "hints in a folder are partners of their pictures" {
            withFolder (fun folder ->
                let place = Path.Combine(folder, "edges")
                Directory.CreateDirectory place |> ignore

                let recipe () =
                    recipeOf folder 3<step> (canny folder) [ hints place ]

                for number in 0..1 do
                    square (Path.Combine(place, $"{number}.png")) 64

                refuses (recipe ()) "2.png without a hint"
                square (Path.Combine(place, "2.png")) 32
                refuses (recipe ()) "2.png is 32x32, its picture 2.png 64x64"
                square (Path.Combine(place, "2.png")) 64
                square (Path.Combine(place, "3.png")) 64
                refuses (recipe ()) "the hints 3.png without a picture"
                File.Delete(Path.Combine(place, "3.png"))
                let plan = planOf (recipe ())
                Expect.all plan.Subjects.Head.Images (fun picture -> picture.Hint.IsSome) "partners")
        }

        test "hints that metadata.jsonl names are taken" {
            withFolder (fun folder ->
                let recipe = recipeOf folder 3<step> (canny folder) []
                let place = Path.Combine(folder, "data")

                File.WriteAllLines(
                    Path.Combine(place, "metadata.jsonl"),
                    [
                        for number in 0..2 ->
                            $$"""{"file_name": "{{number}}.png", "text": "a shade", "conditioning_image": "../square.png"}"""
                    ]
                )

                let plan = planOf recipe
                Expect.all plan.Subjects.Head.Images (fun picture -> picture.Hint.IsSome) "partners"

                // One of them loses its hint.
                File.WriteAllLines(
                    Path.Combine(place, "metadata.jsonl"),
                    [
                        for number in 0..2 ->
                            if number = 1 then
                                """{"file_name": "1.png", "text": "a shade"}"""
                            else
                                $$"""{"file_name": "{{number}}.png", "text": "a shade", "conditioning_image": "../square.png"}"""
                    ]
                )

                refuses recipe "1.png without a hint. Give each picture one hint of its name")
        }

        test "controls that cannot steer are refused" {
            withFolder (fun folder ->
                let with' lines =
                    recipeOf folder 3<step> (adapt (controlNet Canny) :: lines) []

                let learned = ControlNets.learned Canny
                let square' = drawn Canny (Path.Combine(folder, "square.png"))
                refuses (with' []) "no sample follows the ControlNet"
                refuses (with' [ control learned square' { between 0.8 0.2 } ]) "is no part of the steps"

                refuses
                    (with' [ control learned (oneEach [ square'; square' ]) { strength 1.0 } ])
                    "2 hints for 1 sample"

                refuses
                    (with' [
                        control learned (drawn Canny (Path.Combine(folder, "none.png"))) { strength 1.0 }
                    ])
                    "no such file"

                refuses
                    (with' [
                        control (ControlNets.learned Scribble) (scribbleOf (Path.Combine(folder, "square.png"))) {
                            strength 1.0
                        }
                    ])
                    "trained for canny, the hint is scribble"

                square (Path.Combine(folder, "small.png")) 32

                refuses
                    (with' [
                        control learned (drawn Canny (Path.Combine(folder, "small.png"))) { strength 1.0 }
                    ])
                    "the pictures drawn 64x64"

                refuses
                    (with' [
                        control (ControlNets.at<SD1, Canny>(Path.Combine(golden, "sd2"))) square' { strength 1.0 }
                    ])
                    "C24"

                refuses
                    (recipeOf folder 3<step> [ adapt (lora 2<rank>); control learned square' { strength 1.0 } ] [])
                    "this one trains none"

                refuses
                    (recipeOf folder 3<step> [
                        adapt (controlNet DepthMap)
                        control (ControlNets.learned DepthMap) (drawn DepthMap (Path.Combine(folder, "square.png"))) {
                            strength 1.0
                        }
                    ] [])
                    "nothing here makes depth hints from pictures")
        }
    ]
