module Recipes.Tests.ImageTests

open System
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Recipes.Core
open Recipes.Core.Data
open Recipes.Core.Imaging

let private firstOf batch = Seq.head (ImageTensor.ToImages batch)
let private filters = Enum.GetValues<Resampling>()
let private sides = Gen.choose (1, 70)

[<Tests>]
let tests =
    testList "images" [
        testCase "the pixel count must fit" (fun () ->
            Expect.throwsT<ArgumentException> (fun () -> Image(2, 2, Array.zeroCreate 11) |> ignore) "11 bytes"
            Expect.throwsT<ArgumentOutOfRangeException> (fun () -> Image(0, 2, [||]) |> ignore) "no width")

        testProperty "a flat colour stays so at any size"
        <| Prop.forAll (Gen.four sides |> Arb.fromGen) (fun (width, height, newWidth, newHeight) ->
            let flat =
                Image(width, height, Array.replicate (width * height) [| 10uy; 200uy; 255uy |] |> Array.concat)

            filters
            |> Array.forall (fun filter ->
                let resized = Resize.To(flat, newWidth, newHeight, filter)

                resized.Pixels = (Array.replicate (newWidth * newHeight) [| 10uy; 200uy; 255uy |] |> Array.concat)))

        testProperty "resizing a mirror image mirrors the resized one"
        <| Prop.forAll (Gen.four sides |> Arb.fromGen) (fun (width, height, newWidth, newHeight) ->
            let image = DrawnPictures.uneven width height

            let turned =
                Resize.To(Flip.Transpose image, newHeight, newWidth, Resampling.Bilinear)

            let plain = Resize.To(image, newWidth, newHeight, Resampling.Bilinear)
            // The passes change order, so the rounding between them may differ; this filter cannot overshoot there.
            Array.forall2
                (fun (a: byte) (b: byte) -> abs (int a - int b) <= 2)
                (Flip.Transpose turned).Pixels
                plain.Pixels)

        testCase "the shorter side is met and the longer one cut down" (fun () ->
            let size (image: Image) = image.Width, image.Height
            Expect.equal (size (Resize.ShorterSide(Image(70, 50), 32, Resampling.Bilinear))) (44, 32) "wide"
            Expect.equal (size (Resize.ShorterSide(Image(50, 70), 32, Resampling.Bilinear))) (32, 44) "high"
            Expect.equal (size (Resize.ShorterSide(Image(9, 9), 32, Resampling.Bilinear))) (32, 32) "square")

        testCase "flips undo themselves" (fun () ->
            let image = DrawnPictures.uneven 7 4

            for flip in [ Flip.Horizontal; Flip.Vertical; Flip.Transpose ] do
                Expect.notEqual (flip image).Pixels image.Pixels "once"
                Expect.equal (flip (flip image)).Pixels image.Pixels "twice")

        testCase "half pixels of a centre cut go to the even side" (fun () ->
            let image = Image(5, 7, Array.init (5 * 7 * 3) byte)
            let cut = Crop.Centre(image, 4, 4)
            // (5 - 4) / 2 = 0.5 goes to 0, (7 - 4) / 2 = 1.5 to 2.
            Expect.equal cut.Pixels[0] (byte (2 * 5 * 3)) "upper left"
            Expect.throwsT<ArgumentException> (fun () -> Crop.Centre(image, 6, 4) |> ignore) "too wide"
            Expect.throwsT<ArgumentException> (fun () -> Crop.At(image, 2, 0, 4, 4) |> ignore) "over the edge")

        testCase "tensors give the pictures back" (fun () ->
            let images = [| DrawnPictures.uneven 6 5; Flip.Vertical(DrawnPictures.uneven 6 5) |]
            use batch = ImageTensor.FromImages images
            Expect.equal batch.shape [| 2L; 3L; 5L; 6L |] "shape"

            let value =
                batch[torch.TensorIndex.Single 1L,
                      torch.TensorIndex.Single 2L,
                      torch.TensorIndex.Single 3L,
                      torch.TensorIndex.Single 4L]

            let expected = float32 images[1].Pixels[(3 * 6 + 4) * 3 + 2] / 127.5f - 1f
            Expect.floatClose Accuracy.medium (float (value.ToSingle())) (float expected) "a value"

            for image, back in Seq.zip images (ImageTensor.ToImages batch) do
                Expect.equal back.Pixels image.Pixels "pixels"

            use half = batch.``to`` torch.ScalarType.BFloat16
            Expect.equal (ImageTensor.ToImages half).Count 2 "bfloat16")

        testCase "values beyond the range are clamped, and NaN is refused" (fun () ->
            use wild = torch.tensor([| -7f; 0f; 7f |]).reshape(1L, 3L, 1L, 1L)
            Expect.equal (firstOf wild).Pixels [| 0uy; 128uy; 255uy |] "clamped"
            use broken = torch.tensor([| 0f; nanf; 0f |]).reshape(1L, 3L, 1L, 1L)
            Expect.throwsT<RecipesException> (fun () -> ImageTensor.ToImages broken |> ignore) "NaN"
            Expect.throwsT<ArgumentException> (fun () -> ImageTensor.FromImages [||] |> ignore) "none"

            Expect.throwsT<ArgumentException>
                (fun () -> ImageTensor.FromImages [| Image(1, 1); Image(2, 1) |] |> ignore)
                "sizes")

        testCase "a folder lists its pictures in ordinal order" (fun () ->
            Support.withFolder (fun folder ->
                for name in [ "b.PNG"; "a.jpg"; "Z.webp"; "10.jpeg"; "9.bmp"; "notes.txt"; ".hidden.png" ] do
                    File.WriteAllText(Path.Combine(folder, name), "")

                Directory.CreateDirectory(Path.Combine(folder, "more.png")) |> ignore

                Expect.equal
                    (ImageFolder.List folder |> Seq.map (Path.GetFileName >> string) |> List.ofSeq)
                    [ "10.jpeg"; "9.bmp"; "Z.webp"; "a.jpg"; "b.PNG" ]
                    "names"))

        testCase "a folder without pictures, a missing one and a file are refused" (fun () ->
            Support.withFolder (fun folder ->
                let refused path =
                    Expect.throwsT<RecipesException> (fun () -> ImageFolder.List path |> ignore) path

                refused folder
                let notes = Path.Combine(folder, "notes.txt")
                File.WriteAllText(notes, "")
                refused folder
                refused notes
                refused (Path.Combine(folder, "none"))))

        testCase "squares are cut out of the middle" (fun () ->
            Support.withFolder (fun folder ->
                let path name = Path.Combine(folder, name)
                let wide, high = DrawnPictures.uneven 90 60, DrawnPictures.uneven 40 80
                ImageFile.WritePng(path "a.png", wide)
                ImageFile.WritePng(path "b.png", high)

                let expected = [
                    "a.png", Crop.Centre(Resize.To(wide, 48, 32, Resampling.Bilinear), 32, 32)
                    "b.png", Crop.Centre(Resize.To(high, 32, 64, Resampling.Bilinear), 32, 32)
                ]

                for name, square in expected do
                    use pixels = PreparedPicture.Square(path name, 32)
                    Expect.equal pixels.shape [| 1L; 3L; 32L; 32L |] "shape"
                    Expect.equal (firstOf pixels).Pixels square.Pixels name))
    ]
