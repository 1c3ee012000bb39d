module Recipes.Tests.CannyTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Weights

let private draw width height (pixel: int -> int -> byte) =
    let image = Image(width, height)

    for y in 0 .. height - 1 do
        for x in 0 .. width - 1 do
            image.Row(y).Slice(x * 3, 3).Fill(pixel x y)

    image

let private edges (map: EdgeMap) =
    set [
        for y in 0 .. map.Height - 1 do
            for x in 0 .. map.Width - 1 do
                if map[x, y] then
                    x, y
    ]

let private parity =
    testList "parity" [
        testList "images" [
            testCase "edges agree with OpenCV's in every pixel" (fun () ->
                use file = SafeTensorsFile.Open(Path.Combine(Support.golden, "images.safetensors"))
                let shape = file.Tensors["rgb"].Shape
                let picture = Image(int shape[1], int shape[0], file.Bytes("rgb").ToArray())
                let named = Regex @"^canny_(\d+)_(\d+)$"

                let cases =
                    file.Tensors.Keys |> Seq.map named.Match |> Seq.filter _.Success |> List.ofSeq

                Expect.isNonEmpty cases "the file holds edges"

                for case in cases do
                    let found =
                        Canny.Detect(picture, float case.Groups[1].Value, float case.Groups[2].Value)

                    let expected = file.Bytes(case.Value).ToArray()
                    let pixels = found.ToImage().Pixels

                    let differing =
                        Seq.indexed expected
                        |> Seq.filter (fun (i, value) -> pixels[i * 3] <> value)
                        |> Seq.length

                    Expect.equal differing 0 $"differing pixels of {case.Value}")
        ]
    ]

let private canny =
    testList "canny" [
        test "a step has one line of edges, on its darker side" {
            // Sobel gives 4 * 100 on both sides of the step; of equal ones the left is kept.
            let step = draw 8 6 (fun x _ -> if x < 4 then 0uy else 100uy)
            Expect.equal (edges (Canny.Detect(step, 100.0, 200.0))) (set [ for y in 0..5 -> 3, y ]) "columns"
        }

        test "a step is found exactly above the threshold" {
            let step = draw 8 6 (fun x _ -> if x < 4 then 0uy else 100uy)
            Expect.equal (Canny.Detect(step, 100.0, 400.0).Count) 0 "400 is not above 400"
            Expect.equal (Canny.Detect(step, 100.0, 399.0).Count) 6 "400 is above 399"
        }

        test "weak edges stay where they touch strong ones, and only there" {
            // The step fades downwards, a second one is weak everywhere.
            let picture =
                draw 24 12 (fun x y ->
                    if x < 6 then 0uy
                    elif x < 16 then byte (120 - (5 * y))
                    else byte (120 - (5 * y) + 40))

            let found = edges (Canny.Detect(picture, 100.0, 400.0))
            Expect.isTrue (Set.contains (6, 9) found) "a weak part of the strong line"
            Expect.isFalse (Set.exists (fun (x, _) -> x > 10) found) "the weak line"
        }

        test "any turn of a picture has as many edges" {
            let radius x y =
                sqrt (float ((x - 19) * (x - 19) + (y - 19) * (y - 19)))

            let ring =
                draw 40 40 (fun x y -> if abs (radius x y - 12.0) < 3.0 then 220uy else 20uy)

            let count = Canny.Detect(ring, 100.0, 200.0).Count
            Expect.isGreaterThan count 60 "two circles"
            let turned = Canny.Detect(Flip.Transpose ring, 100.0, 200.0).Count
            Expect.equal turned count "transposed"
        }

        test "single pixels, rows and columns are no trouble" {
            for width, height in [ 1, 1; 9, 1; 1, 9 ] do
                let map =
                    Canny.Detect(draw width height (fun x y -> byte ((x + y) * 20)), 10.0, 20.0)

                Expect.equal (map.Width, map.Height) (width, height) "size"
        }

        test "thresholds that are no range are refused" {
            for low, high in [ -1.0, 2.0; 200.0, 100.0; nan, 1.0; 1.0, nan; 1.0, infinity ] do
                Expect.throwsC (fun () -> Canny.Detect(Image(3, 3), low, high) |> ignore) (fun error ->
                    Expect.isTrue (error :? RecipesException) "its kind"
                    Expect.stringContains error.Message "thresholds of" "what is wrong")
        }

        test "edges grow to squares" {
            let map = EdgeMap(7, 5, Array.init 35 (fun i -> i = 0 || i = 17))

            let near (x, y) =
                max (abs (x - 3)) (abs (y - 2)) <= 1 || max x y <= 1

            let square =
                set [
                    for y in 0..4 do
                        for x in 0..6 do
                            if near (x, y) then
                                x, y
                ]

            Expect.equal (edges (map.Grow 1)) square "by one"
            Expect.equal (edges (map.Grow 0)) (edges map) "by none"
            Expect.equal (map.Grow(9).Count) 35 "by more than there is"
        }

        test "a map drawn and read again is the same" {
            let map = EdgeMap(3, 2, [| true; false; false; true; true; false |])
            Expect.equal (edges (EdgeMap.FromImage(map.ToImage()))) (edges map) "edges"
        }
    ]

[<Tests>]
let tests = testList "images of edges" [ parity; canny ]
