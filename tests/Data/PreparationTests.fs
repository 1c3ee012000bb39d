module Recipes.Tests.PreparationTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Tests.Support

/// Grows brighter from left to right in red and from the top in green.
let private slope width height =
    Image(
        width,
        height,
        [|
            for y in 0 .. height - 1 do
                for x in 0 .. width - 1 do
                    byte (x * 255 / (width - 1))
                    byte (y * 255 / (height - 1))
                    40uy
        |]
    )

let private save folder name image =
    let path = Path.Combine(folder, name)
    ImageFile.WritePng(path, image)
    path

[<Tests>]
let tests =
    testList "preparation" [
        test "mask and control get the very same cut and mirroring" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                let path = save folder "a.png" (slope 90 40)
                let picture = TrainingPicture(path, "a slope", Mask = path, Control = path)
                Expect.equal (PreparedPicture.Measure picture) (Bucket(90, 40)) "measured"

                for flipped in [ false; true ] do
                    let framing = Framing.At(Bucket(90, 40), Bucket(32, 32), 0.7, 0.2, flipped)
                    let prepared = PreparedPicture.Read(picture, framing)
                    Expect.equal (List.ofArray prepared.Pixels.shape) [ 1L; 3L; 32L; 32L ] "pixels"
                    let mask, control = nonNull prepared.Mask, nonNull prepared.Control
                    Expect.equal (List.ofArray mask.shape) [ 1L; 1L; 32L; 32L ] "the mask"
                    let shown = prepared.Pixels * 0.5 + 0.5
                    Expect.isLessThan (worst shown control) 1e-6 "the control is the picture from 0 to 1"
                    let red, green, blue = shown[0L, 0L], shown[0L, 1L], shown[0L, 2L]
                    let luma = 0.299 * red + 0.587 * green + 0.114 * blue
                    Expect.isLessThan (worst luma mask[0L, 0L]) 0.01 "the mask is its brightness"
                    let first = red[0L, 0L].item<float32>()
                    let last = red[0L, 31L].item<float32>()
                    Expect.equal (first < last) (not flipped) "mirrored or not"
                    // 72 px wide when 32 px high: a cut at 28 of 72 starts at 0.39 of the slope.
                    let left = if flipped then last else first
                    Expect.isLessThan (abs (left - 0.39f)) 0.02f "where the cut starts")
        }

        test "a square in the middle is what plain centre cropping gives" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()

                for width, height in [ 90, 40; 31, 77; 64, 64 ] do
                    let image = slope width height
                    let path = save folder $"{width}.png" image
                    let framing = Framing.Centre(Bucket(width, height), Bucket(32, 32))
                    let prepared = PreparedPicture.Read(TrainingPicture(path, "x"), framing)
                    let scaled = Resize.ShorterSide(image, 32, Resampling.Bilinear)
                    let plain = ImageTensor.FromImages([ Crop.Centre(scaled, 32, 32) ])
                    Expect.equal (worst prepared.Pixels plain) 0.0 $"{width}x{height}")
        }

        test "masks and controls of another size are refused" {
            withFolder (fun folder ->
                let path = save folder "a.png" (slope 90 40)
                let other = save folder "b.png" (slope 40 90)

                failsWith "b.png: it is 40x90 px, its picture a.png is 90x40" (fun () ->
                    PreparedPicture.Measure(TrainingPicture(path, "x", Mask = other)) |> ignore)

                failsWith "b.png: it is 40x90 px, its picture a.png is 90x40" (fun () ->
                    PreparedPicture.Measure(TrainingPicture(path, "x", Control = other)) |> ignore)

                failsWith "it is 90x40 px now, and was 80x40" (fun () ->
                    let framing = Framing.Centre(Bucket(80, 40), Bucket(32, 32))
                    PreparedPicture.Read(TrainingPicture(path, "x"), framing) |> ignore))
        }
    ]
