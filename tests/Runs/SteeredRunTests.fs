module Recipes.Tests.SteeredRunTests

open System.IO
open System.Threading
open Expecto
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes
open Recipes.Runs
open Recipes.Tests.Support
open Recipes.Tests.SteeredRecipes

[<Tests>]
let tests =
    testSequenced
    <| testList "control runs" [
        test "a ControlNet is trained, kept as a folder, and followed" {
            withFolder (fun folder ->
                let plan = planOf (recipeOf folder 3<step> (canny folder) [])

                let place, _ =
                    CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

                let has (parts: string list) =
                    Expect.isTrue (File.Exists(Path.Combine(List.toArray (place :: parts)))) $"%A{parts}"

                has [ "hints"; "1"; "0.png.png" ]
                has [ "hints"; "sample-01-canny.png" ]
                has [ "controlnet"; "config.json" ]

                use net =
                    ControlNetFiles.Load(
                        Path.Combine(place, "controlnet"),
                        UNetConfig.Read(Path.Combine(golden, "sd1", "unet", "config.json"))
                    )

                let numbers = net.parameters () |> Seq.sumBy (fun parameter -> parameter.numel ())
                Expect.equal plan.Method.Parameters numbers "the plan counts what is trained"
                let page = File.ReadAllText(Path.Combine(place, "report.html"))
                Expect.stringContains page "edge agreement" "measured"
                Pages.higherIsBetter page

                let pixels stage =
                    (ImageFile.Decode(Path.Combine(place, "samples", $"01-seed3-{stage}.png"))).Pixels

                Expect.isFalse (pixels "before" = pixels "after") "it steers"

                let again =
                    Redraw.run
                        plan
                        {
                            CookTests.redrawing with
                                Run = Some(Path.Combine(folder, "out"))
                        }
                        ignore
                        CancellationToken.None

                Expect.sequenceEqual (ImageFile.Decode again.Head).Pixels (pixels "after") "drawn again"

                // A later recipe follows it from its run.
                let later =
                    recipeOf folder 3<step> [
                        yield! canny folder
                        control (ControlNets.at<SD1, Canny> place) (drawn Canny (Path.Combine(folder, "square.png"))) {
                            strength 0.5
                            between 0.0 0.8
                        }
                    ] []

                Expect.hasLength (planOf later).Controls 2 "both")
        }

        test "at a rate of almost nothing it changes nothing" {
            withFolder (fun folder ->
                let still = {
                    recipeOf folder 1<step> (canny folder) [] with
                        Name = "still"
                }

                let plan =
                    planOf {
                        still with
                            Parts =
                                still.Parts
                                |> List.map (fun part ->
                                    match part with
                                    | RecipePart.Train parts ->
                                        RecipePart.Train(
                                            parts
                                            |> List.map (fun part ->
                                                match part with
                                                | TrainPart.Rate _ -> TrainPart.Rate 1e-30
                                                | other -> other)
                                        )
                                    | other -> other)
                    }

                let place, _ =
                    CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

                let pixels stage =
                    (ImageFile.Decode(Path.Combine(place, "samples", $"01-seed3-{stage}.png"))).Pixels

                Expect.sequenceEqual (pixels "after") (pixels "before") "zero convolutions")
        }
    ]
