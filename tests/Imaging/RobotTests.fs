module Recipes.Tests.RobotTests

open System.IO
open Expecto
open Recipes.Core.Imaging

let private pictures =
    lazy (ImageFolder.List(Path.Combine(Support.root, "recipes", "data", "robot")))

[<Tests>]
let tests =
    testList "robot" [
        testCase "five light square pictures" (fun () ->
            Expect.equal pictures.Value.Count 5 "pictures"

            for path in pictures.Value do
                let header = ImageFile.Probe path
                Expect.equal (header.Width, header.Height, header.HasAlpha) (256, 256, false) path
                Expect.isLessThan (FileInfo path).Length 60_000L path)

        testCase "no two are the same" (fun () ->
            let different =
                pictures.Value
                |> Seq.map (fun path -> (ImageFile.Decode path).Pixels |> List.ofArray)
                |> Seq.distinct
                |> Seq.length

            Expect.equal different 5 "different pictures")

        testCase "the red stripe and the steel body show in each" (fun () ->
            for path in pictures.Value do
                let pixels = (ImageFile.Decode path).Pixels |> Array.chunkBySize 3

                let share near =
                    let close pixel =
                        Array.forall2 (fun (a: byte) b -> abs (int a - b) < 40) pixel near

                    float (pixels |> Array.filter close |> Array.length) / float pixels.Length

                Expect.isGreaterThan (share [| 201; 212; 223 |]) 0.04 $"steel in {path}"
                Expect.isGreaterThan (share [| 232; 69; 60 |]) 0.008 $"red in {path}")
    ]
