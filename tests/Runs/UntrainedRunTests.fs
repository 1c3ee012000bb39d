module Recipes.Tests.UntrainedRunTests

open System.IO
open System.Threading
open Expecto
open Recipes.Core.Imaging
open Recipes
open Recipes.Runs
open Recipes.Tests.Support

/// A recipe that trains nothing, of these lines.
let private drawing (lines: Line<SD1> list) = recipe "drawn" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
    train { size 64<px> }

    draw {
        denoise 2<step>
        seeds [ 3 ]
    }

    for line in lines do
        line
}

let private refuses (recipe: Recipe) (words: string) =
    match Plan.check recipe with
    | Ok _ -> failtest "it has no problem"
    | Error problems ->
        let texts = problems |> List.map _.Text
        Expect.exists texts (fun text -> text.Contains words) $"%A{texts}"

let private along (folder: string) (net: ControlNet<SD1, Canny>) force : Line<SD1> =
    control net (drawn Canny (Path.Combine(folder, "square.png"))) { strength force }

/// A finished run of a recipe called `tiny` that trained a ControlNet for Canny's edges; the recipe is `tiny`'s own.
let private trained (folder: string) out =
    CookTests.pictures (Path.Combine(folder, "data"))
    SteeredRecipes.square (Path.Combine(folder, "square.png")) 64

    let shades = theme "shades" {
        images (Path.Combine(folder, "data"))
        captions (Same "a shade")
    }

    let plan =
        recipe "tiny" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
            data shades
            adapt (controlNet Canny)

            train {
                steps 3<step>
                rate 1e-3
                size 64<px>
            }

            draw {
                denoise 2<step>
                seeds [ 3 ]
            }

            along folder (ControlNets.learned Canny) 1.0
            sample $"a shade"
        }
        |> Plan.check
        |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

    CookTests.finish plan (CookTests.options folder out) ignore CancellationToken.None
    |> fst

[<Tests>]
let tests =
    testSequenced
    <| testList "recipes that draw only" [
        test "two controls lead the base model, and nothing is trained" {
            withFolder (fun folder ->
                let run = trained folder "out"

                let plan =
                    drawing [
                        // By the recipe's name, and by the folder of its run.
                        along folder (ControlNets.at (Path.Combine(folder, "out", "tiny"))) 1.0
                        along folder (ControlNets.at run) 0.5
                        sample $"a shade"
                    ]
                    |> Plan.check
                    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

                Expect.isFalse plan.Trains "trains"
                Expect.stringContains plan.Text "train    nothing" "said"
                Expect.isFalse (plan.Text.Contains "rate") "nothing of training"

                let place, state =
                    CookTests.finish plan (CookTests.options folder "led") ignore CancellationToken.None

                let results = nonNull (Option.toObj state.Results)
                Expect.isFalse (results.ContainsKey "weights") "no weights"
                let figures = results["figures"] |> nonNull |> _.ToJsonString()

                for name in [ "edges of canny"; "edges of all controls"; "CLIP-T" ] do
                    Expect.stringContains figures name "measured"

                let page = File.ReadAllText(Path.Combine(place, "report.html"))

                for words in [ "was led by canny and canny"; "strength 0.5"; "uncontrolled"; "F1 of all" ] do
                    Expect.stringContains page words "shown"

                let pixels stage =
                    (ImageFile.Decode(Path.Combine(place, "samples", $"01-seed3-{stage}.png"))).Pixels

                Expect.isFalse (pixels "before" = pixels "after") "they lead"

                let again =
                    Redraw.run
                        plan
                        {
                            CookTests.redrawing with
                                Run = Some place
                        }
                        ignore
                        CancellationToken.None

                Expect.sequenceEqual (ImageFile.Decode again.Head).Pixels (pixels "after") "drawn again")
        }

        test "what it cannot mean is refused" {
            withFolder (fun folder ->
                let run = trained folder "out"
                let net = ControlNets.at<SD1, Canny> run
                let led = along folder net 1.0
                let words = sample $"a shade"
                refuses (drawing [ led ]) "draws nothing. Add a line such as `sample"
                refuses (drawing [ words ]) "adapts nothing. Add a line `adapt (lora 16<rank>)`"

                refuses
                    (drawing [ along folder (ControlNets.learned Canny) 1.0; words ])
                    "`ControlNets.learned` is the ControlNet that a recipe trains, and this one trains none"

                for line, word in
                    [
                        steps 4<step>, "steps"
                        rate 1e-3, "rate"
                        batch 2<img>, "batch"
                        preview 2<step>, "preview"
                    ] do
                    refuses (drawing [ train { line }; led; words ]) $"train.{word}: nothing is trained here"

                refuses
                    (drawing [
                        along folder (ControlNets.at (Path.Combine(folder, "out", "other"))) 1.0
                        words
                    ])
                    "nor a finished run of a recipe of this name"

                refuses
                    (drawing [
                        control (ControlNets.at<SD1, Scribble> run) (scribbleOf (Path.Combine(folder, "square.png"))) {
                            strength 1.0
                        }
                        words
                    ])
                    "its ControlNet is trained for canny, the hint is scribble. Make both of one kind."

                // A second run of the same recipe.
                let copy = Path.Combine(folder, "out", "tiny-0123abcd", "controlnet")
                Directory.CreateDirectory copy |> ignore

                refuses
                    (drawing [
                        along folder (ControlNets.at (Path.Combine(folder, "out", "tiny"))) 1.0
                        words
                    ])
                    "there are 2 runs of this name. Name one of them: tiny-0123abcd")
        }
    ]
