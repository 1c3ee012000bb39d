/// Masks, and collages of what stands together.
module Recipes.Tests.MaskTests

open System.IO
open Expecto
open Recipes
open Recipes.Core.Imaging
open Recipes.Tests.LanguageBench

/// A mask whose left part is white.
let private mask (folder: string) (name: string) side white =
    Directory.CreateDirectory folder |> ignore
    let image = Image(side, side)

    for y in 0 .. side - 1 do
        for x in 0 .. white - 1 do
            for channel in 0..2 do
                image.Pixels[(y * side + x) * 3 + channel] <- 255uy

    ImageFile.WritePng(Path.Combine(folder, $"{name}.png"), image)

let private masksOf (folder: string) = Path.Combine(folder, "masks")

/// A mask for each of the five pictures.
let private all folder =
    for number in 1..5 do
        mask (masksOf folder) $"p{number}" 64 24

let private masked (folder: string) (lines: PictureLine<OfSubject> list) = subject "toy" {
    token "sks"
    images (Path.Combine(folder, "toy"))
    prior 24<img>
    masks (masksOf folder)

    for line in lines do
        line
}

let private plain (folder: string) (lines: PictureLine<OfSubject> list) = subject "toy" {
    token "sks"
    images (Path.Combine(folder, "toy"))
    prior 24<img>

    for line in lines do
        line
}

let private learning subject parts folder =
    right folder |> withSubject subject |> also [ RecipePart.Train parts ]

let private byMasks = [ maskedLoss PerArea ]

[<Tests>]
let tests =
    testList "masks" [
        test "B15: a mask for each picture, of its size, neither empty nor full" {
            withPictures (fun folder ->
                let found () =
                    learning (masked folder []) byMasks folder

                all folder
                passes folder (found ())

                File.Delete(Path.Combine(masksOf folder, "p5.png"))

                refused folder (found ()) [
                    "B15 subject toy.masks: 1 of 5 pictures have no mask (p5.bmp). Add masks with the pictures' names, white where the subject is."
                ]

                mask (masksOf folder) "p5" 32 8

                refused folder (found ()) [
                    "B15 subject toy.masks: p5.png is 32x32 px, its picture 64x64. Make both of the same size."
                ]

                mask (masksOf folder) "p5" 64 0

                refused folder (found ()) [
                    "B15 subject toy.masks: p5.png is empty. Draw the subject white, or remove the picture."
                ]

                mask (masksOf folder) "p5" 64 64

                refused folder (found ()) [
                    "B15 subject toy.masks: p5.png is full and leaves nothing out. Draw what is not the subject black."
                ])
        }

        test "D29: masks and what reads them belong together" {
            withPictures (fun folder ->
                all folder

                refused folder (learning (plain folder []) byMasks folder) [
                    "D29 train.maskedLoss: counts pixels by masks, and there are none. Add a line `masks \"data/...\"` to the subject, or leave `maskedLoss` out."
                ]

                refused folder (learning (plain folder []) [ attendMasks 0.01 ] folder) [
                    "D29 train.attendMasks: draws attention to masks, and toy has none. Add a line `masks \"data/...\"` to each subject, or leave `attendMasks` out."
                ]

                warned folder (learning (masked folder []) [] folder) [
                    "D29 subject toy.masks: masks are read by nothing. Add `maskedLoss PerArea`, `attendMasks 0.01` or a `collage` line to `train`, or leave the masks out."
                ]

                passes folder (learning (masked folder []) [ attendMasks 0.01 ] folder))
        }

        test "D48: collages are of two things" {
            withPictures (fun folder ->
                all folder

                refused folder (learning (plain folder []) [ collage 24<img> ] folder) [
                    "D48 train.collage: sets two things side by side, and there is one. Learn a second subject, or add a line such as `beside \"a cat\"` to this one."
                ]

                refused folder (learning (plain folder [ beside "a cat" ]) [] folder) [
                    "D48 subject toy.beside: sets it beside something in collages, and there are none. Add a line such as `collage 24<img>` to `train`, or leave `beside` out."
                ]

                refused folder (learning (plain folder []) [ unmix 0.1 ] folder) [
                    "D48 train.unmix: looks at the halves of collages, and there are none. Add a line such as `collage 24<img>`, or leave `unmix` out."
                ]

                passes folder (learning (masked folder [ beside "a cat" ]) [ collage 24<img> ] folder))
        }
    ]
