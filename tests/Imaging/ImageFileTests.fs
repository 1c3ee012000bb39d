module Recipes.Tests.ImageFileTests

open System.IO
open Expecto
open SkiaSharp
open Recipes.Core
open Recipes.Core.Imaging

let private withFile name (bytes: byte[]) (test: string -> unit) =
    Support.withFolder (fun folder ->
        let path = Path.Combine(folder, name)
        File.WriteAllBytes(path, bytes)
        test path)

let private pixel (image: Image) x y =
    List.ofArray image.Pixels[(y * image.Width + x) * 3 .. (y * image.Width + x) * 3 + 2]

let private farthest (a: Image) (b: Image) =
    Array.map2 (fun (x: byte) (y: byte) -> abs (int x - int y)) a.Pixels b.Pixels
    |> Array.max

/// Decoding fails with a message that names the file and holds each of the words.
let private refused name bytes words =
    testCase name (fun () ->
        withFile "bad.png" bytes (fun path ->
            try
                ImageFile.Decode path |> ignore
                failtest "the file was accepted"
            with :? RecipesException as error ->
                Expect.equal error.Where path "where"
                Expect.isNotEmpty error.Cure "cure"

                for word: string in words do
                    Expect.stringContains error.Fault word "fault"))

let private whole = lazy (ImageFile.EncodePng(DrawnPictures.uneven 40 30))

[<Tests>]
let tests =
    testList "image files" [
        testList "formats" [
            for format, name in
                [
                    SKEncodedImageFormat.Png, "png"
                    SKEncodedImageFormat.Jpeg, "jpeg"
                    SKEncodedImageFormat.Webp, "webp"
                ] do
                testCase name (fun () ->
                    let image = DrawnPictures.smooth 48 32

                    withFile $"a.{name}" (DrawnPictures.encoded format image) (fun path ->
                        let header = ImageFile.Probe path

                        Expect.equal
                            (header.Width, header.Height, header.Format, header.Orientation)
                            (48, 32, name, 1)
                            "header"

                        Expect.isLessThan (farthest (ImageFile.Decode path) image) 12 "levels"))

            testCase "grey of 16 bits becomes RGB" (fun () ->
                withFile "a.png" (DrawnPictures.png 2u 1u 16uy 0uy [| 0uy; 0x80uy; 0uy; 0xFFuy; 0xFFuy |]) (fun path ->
                    let image = ImageFile.Decode path

                    Expect.equal
                        (pixel image 0 0, pixel image 1 0)
                        ([ 128uy; 128uy; 128uy ], [ 255uy; 255uy; 255uy ])
                        "pixels"))

            testCase "transparency shows white" (fun () ->
                let rows = [|
                    0uy
                    200uy
                    100uy
                    0uy
                    255uy
                    200uy
                    100uy
                    0uy
                    51uy
                    200uy
                    100uy
                    0uy
                    0uy
                |]

                withFile "a.png" (DrawnPictures.png 3u 1u 8uy 6uy rows) (fun path ->
                    let image = ImageFile.Decode path
                    Expect.isTrue (ImageFile.Probe path).HasAlpha "alpha"
                    Expect.equal (pixel image 0 0) [ 200uy; 100uy; 0uy ] "opaque"
                    Expect.equal (pixel image 1 0) [ 244uy; 224uy; 204uy ] "a fifth"
                    Expect.equal (pixel image 2 0) [ 255uy; 255uy; 255uy ] "clear"))

            testCase "CMYK becomes RGB" (fun () ->
                withFile "a.jpg" (DrawnPictures.cmyk 255 128 64 255) (fun path ->
                    let shown = pixel (ImageFile.Decode path) 4 4

                    for value, expected in List.zip shown [ 255; 128; 64 ] do
                        Expect.isLessThan (abs (int value - expected)) 6 $"{shown}"))
        ]

        testList "orientation" [
            // Where the stored picture's upper left corner shows, and whether the sides change places.
            for orientation, corner, swapped in
                [
                    1, "upper left", false
                    2, "upper right", false
                    3, "lower right", false
                    4, "lower left", false
                    5, "upper left", true
                    6, "upper right", true
                    7, "lower right", true
                    8, "lower left", true
                ] do
                testCase $"{orientation}" (fun () ->
                    let stored = Image(48, 32)

                    for y in 0..15 do
                        stored.Row(y).Slice(0, 24 * 3).Fill 255uy

                    let bytes =
                        DrawnPictures.encoded SKEncodedImageFormat.Jpeg stored
                        |> DrawnPictures.turned orientation

                    withFile "a.jpg" bytes (fun path ->
                        let header, image = ImageFile.Probe path, ImageFile.Decode path
                        let size = if swapped then 32, 48 else 48, 32
                        Expect.equal header.Orientation orientation "orientation"
                        Expect.equal (header.Width, header.Height) size "header"
                        Expect.equal (image.Width, image.Height) size "picture"

                        for name, x, y in
                            [
                                "upper left", 4, 4
                                "upper right", image.Width - 5, 4
                                "lower left", 4, image.Height - 5
                                "lower right", image.Width - 5, image.Height - 5
                            ] do
                            Expect.equal (List.head (pixel image x y) > 128uy) (name = corner) name))
        ]

        testList "bad files" [
            refused "zero bytes" [||] [ "0 bytes" ]
            refused "text" "no picture at all"B [ "17 bytes"; "no picture" ]
            refused "cut short" (whole.Value[.. whole.Value.Length / 2]) [ "breaks off"; "40x30" ]
            refused "only a header" whole.Value[..40] [ "bytes" ]
            refused "a damaged middle" (whole.Value |> Array.mapi (fun i b -> if i > 100 then ~~~b else b)) [ "bytes" ]
            refused "a side too long" (DrawnPictures.png 20000u 2u 8uy 0uy [||]) [ "20000x2"; "16384" ]
            refused "a bomb" (DrawnPictures.png 16000u 16000u 8uy 0uy (Array.zeroCreate 1000)) [ "16000x16000" ]

            testCase "a missing file, and a folder" (fun () ->
                Support.withFolder (fun folder ->
                    for path in [ folder; Path.Combine(folder, "none.png") ] do
                        Expect.throwsT<RecipesException> (fun () -> ImageFile.Decode path |> ignore) path
                        Expect.throwsT<RecipesException> (fun () -> ImageFile.Probe path |> ignore) path))

            testCase "a folder that cannot be written to" (fun () ->
                Support.withFolder (fun folder ->
                    let path = Path.Combine(folder, "none", "a.png")

                    Expect.throwsT<RecipesException>
                        (fun () -> ImageFile.WritePng(path, DrawnPictures.uneven 2 2))
                        path))
        ]

        testList "png" [
            for width, height in [ 1, 1; 40, 30; 3, 200; 257, 5 ] do
                testCase $"{width}x{height} comes back, and both decoders agree" (fun () ->
                    let image = DrawnPictures.uneven width height
                    let bytes = ImageFile.EncodePng image
                    Expect.equal (ImageFile.EncodePng image) bytes "the same bytes"

                    withFile "a.png" bytes (fun path ->
                        Expect.equal (ImageFile.Decode path).Pixels image.Pixels "pixels"))

            testCase "texts come back, whatever their order and letters" (fun () ->
                let texts =
                    readOnlyDict [ "prompt", "naïve café"; "Author", "日本 ✓"; "plan", "{\n}"; "empty", "" ]

                let image = DrawnPictures.uneven 8 8
                let bytes = ImageFile.EncodePng(image, texts)
                let reversed = texts |> Seq.rev |> Seq.map (|KeyValue|) |> readOnlyDict
                Expect.equal (ImageFile.EncodePng(image, reversed)) bytes "the same bytes"

                withFile "a.png" bytes (fun path ->
                    Expect.sequenceEqual
                        (PngText.Read path |> Seq.map (|KeyValue|) |> Seq.sort)
                        (texts |> Seq.map (|KeyValue|) |> Seq.sort)
                        "texts"

                    Expect.equal (ImageFile.Decode path).Pixels image.Pixels "pixels"))

            for keyword in [ ""; " a"; "a  b"; "✓"; System.String('a', 80) ] do
                testCase $"'{keyword}' is no keyword" (fun () ->
                    let texts = readOnlyDict [ keyword, "a" ]

                    Expect.throwsT<System.ArgumentException>
                        (fun () -> ImageFile.EncodePng(DrawnPictures.uneven 2 2, texts) |> ignore)
                        keyword)

            testCase "texts of a cut file" (fun () ->
                for length in [ 0; 7; 8; 30; whole.Value.Length - 1 ] do
                    withFile "a.png" whole.Value[.. length - 1] (fun path ->
                        Expect.throwsT<RecipesException> (fun () -> PngText.Read path |> ignore) $"{length} bytes"))

            testCase "writing leaves nothing but the file" (fun () ->
                Support.withFolder (fun folder ->
                    let path = Path.Combine(folder, "a.png")
                    ImageFile.WritePng(path, DrawnPictures.uneven 9 9)
                    ImageFile.WritePng(path, DrawnPictures.uneven 5 5)
                    Expect.equal (ImageFile.Probe path).Width 5 "width"
                    Expect.equal (Directory.GetFileSystemEntries folder) [| path |] "files"))
        ]
    ]
