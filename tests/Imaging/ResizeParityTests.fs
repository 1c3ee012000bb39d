module Recipes.Tests.ResizeParityTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Recipes.Core.Imaging
open Recipes.Core.Weights

/// Pillow's results are named by filter and width x height, e.g. lanczos_up_200x150.
let private name = Regex @"^(bilinear|bicubic|lanczos)(_\w+)?_(\d+)x(\d+)$"

[<Tests>]
let tests =
    testList "parity" [
        testList "images" [
            testCase "resizes agree with Pillow's to the byte" (fun () ->
                use file = SafeTensorsFile.Open(Path.Combine(Support.golden, "images.safetensors"))

                let read tensor =
                    let shape = file.Tensors[tensor].Shape
                    Image(int shape[1], int shape[0], file.Bytes(tensor).ToArray())

                let cases =
                    file.Tensors.Keys |> Seq.map name.Match |> Seq.filter _.Success |> List.ofSeq

                Expect.isNonEmpty cases "the file holds resized pictures"

                for case in cases do
                    let filter = Enum.Parse<Resampling>(case.Groups[1].Value, true)
                    let width, height = int case.Groups[3].Value, int case.Groups[4].Value
                    let expected = read case.Value
                    let actual = Resize.To(read "rgb", width, height, filter)
                    Expect.equal (actual.Width, actual.Height) (expected.Width, expected.Height) case.Value

                    let worst =
                        Array.map2 (fun a b -> abs (int a - int b)) actual.Pixels expected.Pixels
                        |> Array.max

                    Expect.equal worst 0 $"largest difference of {case.Value} of 255")
        ]
    ]
