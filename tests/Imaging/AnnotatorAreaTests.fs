module Recipes.Tests.AnnotatorAreaTests

open System
open System.IO
open Expecto
open Recipes.Core.Imaging
open Recipes.Core.Imaging.Annotators
open Recipes.Tests.AnnotatedPictures

let private areas =
    testList "areas" [
        test "flat areas are segments, the largest in the first colour" {
            let picture =
                draw 90 60 (fun x y ->
                    if x < 50 then 200uy, 40uy, 30uy
                    elif y < 40 then 30uy, 180uy, 60uy
                    else 20uy, 40uy, 220uy)

            let drawn = ColourSegmentation(Areas = 3, Compactness = 0.0).Annotate picture

            for x, y, place in [ 20, 30, 0; 70, 15, 1; 70, 52, 2 ] do
                let struct (red, green, blue) = SegmentationPalette.Colours[place]
                Expect.equal (at drawn x y) (red, green, blue) $"area {place}"

            let colours =
                set [
                    for y in 0..59 do
                        for x in 0..89 -> at drawn x y
                ]

            Expect.equal colours.Count 3 "three areas"

            Expect.equal
                (ColourSegmentation(Areas = 3, Compactness = 0.0).Annotate(picture).Pixels)
                drawn.Pixels
                "twice"
        }

        test "a flat picture is one area" {
            let drawn = ColourSegmentation(Compactness = 0.0).Annotate(flat 30 20 77)
            Expect.equal (Array.distinct (Array.chunkBySize 3 drawn.Pixels)).Length 1 "one colour"
        }

        test "small islands sink" {
            let values = Array.zeroCreate 100
            values[55] <- 7
            Array.fill values 0 30 3
            Islands.Sink(values, 10, 5)
            Expect.equal values (Array.init 100 (fun i -> if i < 30 then 3 else 0)) "the single pixel"
        }

        test "colours of the palette are told apart" {
            for i, struct (r1, g1, b1) in Seq.indexed SegmentationPalette.Colours do
                for j, struct (r2, g2, b2) in Seq.indexed SegmentationPalette.Colours do
                    if i < j then
                        let distance = abs (int r1 - int r2) + abs (int g1 - int g2) + abs (int b1 - int b2)
                        Expect.isGreaterThan distance 60 $"{i} and {j}"
        }

        test "masks are painted over each other" {
            let left = draw 4 2 (fun x _ -> if x < 2 then grey 255 else grey 0)
            let upper = draw 4 2 (fun _ y -> if y = 0 then grey 128 else grey 127)

            let segments = [
                Segment(left, struct (1uy, 2uy, 3uy))
                Segment(upper, struct (9uy, 8uy, 7uy))
            ]

            let drawn = MaskSegmentation(segments).Annotate(flat 4 2 50)

            let expected =
                draw 4 2 (fun x y ->
                    if y = 0 then 9uy, 8uy, 7uy
                    elif x < 2 then 1uy, 2uy, 3uy
                    else grey 0)

            Expect.equal drawn.Pixels expected.Pixels "pixels"

            refused "a mask of 4x2 for a picture of 5x2" (fun () ->
                MaskSegmentation(segments).Annotate(flat 5 2 0) |> ignore)

            refused "there is no mask" (fun () -> MaskSegmentation [] |> ignore)
        }

        test "settings out of range are refused" {
            refused "1 areas" (fun () -> ColourSegmentation(Areas = 1).Annotate disc |> ignore)
            refused "17 areas" (fun () -> ColourSegmentation(Areas = 17).Annotate disc |> ignore)
            refused "compactness -1" (fun () -> ColourSegmentation(Compactness = -1.0).Annotate disc |> ignore)
        }

        test "depth is inverse distance between the nearest layer and the background" {
            let mask (value: int -> int) = draw 4 1 (fun x _ -> grey (value x))

            let layers = [
                DepthLayer(mask (fun x -> if x < 2 then 255 else 0), 2.0)
                DepthLayer(mask (fun x -> if x > 0 && x < 3 then 255 else 0), 4.0)
                DepthLayer(mask (fun x -> if x = 3 then 51 else 0), 4.0)
            ]

            let values background =
                let depth = LayeredDepth(layers, background).Annotate(flat 4 1 0)
                [ for x in 0..3 -> let value, _, _ = at depth x 0 in int value ]

            // Infinitely far: 2 / distance; the last is a fifth covered.
            Expect.equal (values (Nullable())) [ 255; 255; 128; 26 ] "no background"
            // 1/2 - 1/8 = 3/8 is white, 1/4 - 1/8 a third of it.
            Expect.equal (values (Nullable 8.0)) [ 255; 255; 85; 17 ] "a background at 8"
            refused "no layer is given, and depth is not estimated" (fun () -> LayeredDepth [] |> ignore)
            refused "a layer at 0" (fun () -> LayeredDepth [ DepthLayer(flat 1 1 0, 0.0) ] |> ignore)

            refused "a layer at 9 with the background at 8" (fun () ->
                LayeredDepth([ DepthLayer(flat 1 1 0, 9.0) ], Nullable 8.0) |> ignore)

            refused "a mask of 4x1 for a picture of 4x2" (fun () -> LayeredDepth(layers).Annotate(flat 4 2 0) |> ignore)
        }

        test "transparency is a mask" {
            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "alpha.png")

                use bitmap =
                    new SkiaSharp.SKBitmap(
                        SkiaSharp.SKImageInfo(2, 1, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Unpremul)
                    )

                bitmap.SetPixel(0, 0, SkiaSharp.SKColor(200uy, 10uy, 10uy, 77uy))
                bitmap.SetPixel(1, 0, SkiaSharp.SKColor(0uy, 0uy, 0uy, 255uy))
                use data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100)
                File.WriteAllBytes(path, data.ToArray())
                Expect.equal (ImageFile.DecodeAlpha path).Pixels [| 77uy; 77uy; 77uy; 255uy; 255uy; 255uy |] "alpha"
                ImageFile.WritePng(path, disc)
                Expect.isTrue ((ImageFile.DecodeAlpha path).Pixels |> Array.forall ((=) 255uy)) "opaque")
        }
    ]

[<Tests>]
let tests = testList "annotators" [ areas ]
