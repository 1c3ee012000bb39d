/// What is looked at while training, how pictures are cut, and what is kept: words, checks and plans.
module Recipes.Tests.WatchingTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.LanguageBench

let private trained parts (folder: string) =
    right folder |> also [ RecipePart.Train parts ]

/// The right recipe, with pictures of a folder held out.
let private holding pictures (folder: string) =
    let toy = toy folder
    let parts = toy.Parts @ [ PicturePart.HeldOut(Path.Combine(folder, pictures)) ]
    right folder |> withSubject { toy with Parts = parts }

/// Five square pictures and two wide ones, larger than the tiny model's own size.
let private withShapes test =
    withPictures (fun folder ->
        writePictures (Path.Combine(folder, "toy")) 5 128

        for i in 1..2 do
            writePicture (Path.Combine(folder, "toy", $"wide{i}.bmp")) (20 + i) 256 64

        test folder)

let private shaped parts folder =
    trained (buckets :: size 128<px> :: parts) folder

/// Findings but the warning that 128 px are far from the model's own size.
let private found folder recipe =
    findings folder recipe |> List.filter (fun text -> not (text.StartsWith "C19"))

[<Tests>]
let tests =
    testList "watching" [
        test "L2: validation needs pictures held out, previews need samples" {
            withPictures (fun folder ->
                refused folder (trained [ validate 10<step> ] folder) [
                    "L2 train.validate: measures pictures held out, and there are none. Add a line `heldOut \"data/...\"` beside `images`, or leave `validate` out."
                ]

                let silent =
                    trained [ preview 10<step> ] folder
                    |> changed (fun part ->
                        match part with
                        | RecipePart.Sample _ -> None
                        | other -> Some other)

                Expect.contains
                    (findings folder silent)
                    "L2 train.preview: draws the samples, and there are none. Add a line such as `sample $\"a photo of {robot}\"`, or leave `preview` out."
                    "problem"

                passes folder (trained [ preview 10<step> ] folder))
        }

        test "L3: numbers out of range" {
            withPictures (fun folder ->
                refused folder (trained [ ema 1.0; captionDropout 1.5; preview 0<step> ] folder) [
                    "L3 train.ema: 1 is out of range. Write a number above 0 and below 1, such as 0.999."
                    "L3 train.captionDropout: 1.5 is out of range. Write a number from 0 to 1."
                    "L3 train.preview: 0 is less than 1. Write 1<step> or more."
                ]

                passes folder (trained [ ema 0.99; captionDropout 0.1; preview 50<step> ] folder))
        }

        test "B11: a picture held out must not be learned from" {
            withPictures (fun folder ->
                writePictures (Path.Combine(folder, "other")) 1 64
                let held = Path.Combine(folder, "other", "p1.bmp")
                File.Copy(Path.Combine(folder, "toy", "p2.bmp"), held, true)

                Expect.contains
                    (findings folder (holding "other" folder))
                    "B11 subject toy.heldOut: p1.bmp learned from too, with the same bytes. Remove it from one of the two folders."
                    "problem"

                writePicture held 77 64 64
                let plan = plan (holding "other" folder)
                Expect.equal plan.Budget.Validate (Some 40<step>) "every tenth of 400 steps"
                Expect.equal [ for picture in plan.Subjects.Head.HeldOut -> picture.Name ] [ "p1.bmp" ] "held out"
                Expect.equal plan.Subjects.Head.Images.Length 5 "learned from"
                Expect.stringContains plan.Text "1 picture held out" "text"
                Expect.stringContains plan.Json plan.Subjects.Head.HeldOut.Head.Sha256 "part of the plan's hash")
        }

        test "B9: a folder held out that is missing is named" {
            withPictures (fun folder ->
                Expect.contains
                    (findings folder (holding "nowhere" folder))
                    "B9 subject toy.heldOut: FOLDER/nowhere: no such folder. Check the path; a relative one starts at the script's folder."
                    "problem")
        }

        test "B13: shapes with fewer pictures than a batch" {
            withShapes (fun folder ->
                let says parts = found folder (shaped parts folder)

                Expect.equal
                    (says [ batch 3<img> ])
                    [
                        "B13 subject toy.images: 256x64 has 2 pictures, a batch 3. Write `remainder Repeat` to fill batches with pictures again, `remainder Drop` to leave them out, or `batch 1<img>`."
                    ]
                    "no word about the remainder"

                Expect.equal
                    (says [ batch 7<img>; remainder Drop ])
                    [
                        "B13 subject toy.images: 128x128 has 5 pictures and 256x64 has 2 pictures, a batch 7: all of them would be dropped. Write `remainder Repeat`, or a smaller `batch`."
                    ]
                    "nothing left"

                for parts in
                    [
                        [ batch 3<img>; remainder Repeat ]
                        [ batch 3<img>; remainder Drop ]
                        [ batch 2<img> ]
                    ] do
                    Expect.isEmpty (says parts) "right")
        }

        test "the plan tells the shapes" {
            withShapes (fun folder ->
                let text = (plan (shaped [] folder)).Text
                Expect.stringContains text "trained in 2 shapes: 5 at 128x128 and 2 at 256x64" "text"
                Expect.isFalse ((plan (right folder)).Text.Contains "shapes") "squares without the word")
        }

        test "B9: where shapes are kept, small pictures get a small one" {
            withShapes (fun folder ->
                let small = Path.Combine(folder, "toy", "p3.bmp")
                writePicture small 3 80 70
                Expect.isEmpty (found folder (shaped [] folder)) "64x64"
                writePicture small 3 80 40

                Expect.equal
                    (found folder (shaped [] folder))
                    [
                        "B9 subject toy.images: p3.bmp (80x40) below the least side of 64 px. Replace what is too small, lower `size`, or add the line `upscaled`."
                    ]
                    "problem")
        }

        test "D27: what is kept must not change" {
            withPictures (fun folder ->
                refused folder (trained [ cacheLatents; randomCrop ] folder) [
                    "D27 train.cacheLatents: `randomCrop` gives other latents at each visit, and kept ones exclude that. Leave one of the two lines out."
                ]

                let text = lora 4<rank> {
                    only Attention
                    only TextEncoder
                }

                refused folder (trained [ cacheTexts ] folder |> withTuning text) [
                    "D27 train.cacheTexts: captions give other states at each step, since the text encoder or a token is trained. Leave the line out, or do not adapt the text encoder."
                ]

                passes folder (trained [ cacheLatents; cacheTexts ] folder)
                passes folder (trained [ cacheLatents ] folder |> withTuning text))
        }

        test "what is kept is no part of the plan's hash, what is seen is" {
            withPictures (fun folder ->
                let hash parts = (plan (trained parts folder)).Hash
                let usual = (plan (right folder)).Hash
                Expect.equal (hash [ cacheLatents; cacheTexts ]) usual "caches"

                for part in
                    [
                        ema 0.9
                        captionDropout 0.2
                        buckets
                        randomCrop
                        preview 9<step>
                        remainder Drop
                    ] do
                    Expect.notEqual (hash [ part ]) usual part.Word)
        }
    ]
