module Recipes.Tests.DataTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.LanguageBench

let private toyOf pictures (more: PictureLine<OfSubject> list) (folder: string) = subject "toy" {
    token "sks"
    images (Path.Combine(folder, pictures))

    for part in more do
        part
}

let private at (folder: string) name = Path.Combine(folder, "toy", name)

let private stepsOf number (recipe: Recipe) =
    recipe
    |> changed (fun part ->
        match part with
        | RecipePart.Train _ -> Some(RecipePart.Train [ steps number ])
        | other -> Some other)

[<Tests>]
let tests =
    testList "data" [
        test "B9: a folder that is missing, empty or a file" {
            withPictures (fun folder ->
                Directory.CreateDirectory(Path.Combine(folder, "empty")) |> ignore

                refused folder (right folder |> withSubject (toyOf "nowhere" [] folder)) [
                    "B9 subject toy.images: FOLDER/nowhere: no such folder. Check the path; a relative one starts at the script's folder."
                ]

                refused folder (right folder |> withSubject (toyOf "empty" [] folder)) [
                    "B9 subject toy.images: FOLDER/empty: the folder is empty. Put pictures (png, jpg, jpeg, webp, bmp) into it."
                ]

                refused folder (right folder |> withSubject (toyOf "toy/p1.bmp" [] folder)) [
                    "B9 subject toy.images: FOLDER/toy/p1.bmp: this is a file, not a folder. Name the folder that holds the pictures."
                ])
        }

        test "B9: pictures that cannot be read, each named" {
            withPictures (fun folder ->
                File.WriteAllBytes(at folder "p2.bmp", [||])
                File.WriteAllText(at folder "p4.bmp", "no picture")

                refused folder (right folder) [
                    "B9 subject toy.images: FOLDER/toy/p2.bmp: the file is empty (0 bytes). Copy or download it again, or take it out of the folder."
                    "B9 subject toy.images: FOLDER/toy/p4.bmp: 10 bytes that are no picture this program can read (Unimplemented). Save it as PNG, JPEG or WebP, or take it out of the folder."
                ])
        }

        test "B9: pictures smaller than the training size" {
            withPictures (fun folder ->
                writePicture (at folder "p3.bmp") 3 80 40

                refused folder (right folder) [
                    "B9 subject toy.images: p3.bmp (80x40) below the training size of 64 px. Replace what is too small, lower `size`, or add the line `upscaled`."
                ]

                passes folder (right folder |> withSubject (toyOf "toy" [ upscaled ] folder)))
        }

        test "B9: transparent pictures" {
            withPictures (fun folder ->
                // A PNG of 64x64 transparent pixels.
                use bitmap =
                    new SkiaSharp.SKBitmap(64, 64, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Unpremul)

                use data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100)
                File.WriteAllBytes(at folder "q.png", data.ToArray())

                warned folder (right folder) [
                    "B9 subject toy.images: q.png with an alpha channel; transparent pixels are laid on white. Lay the subject on a background of your own if white is wrong."
                ])
        }

        test "B10: caption files that are not read" {
            withPictures (fun folder ->
                for name in [ "p1.txt"; "p2.txt" ] do
                    File.WriteAllText(at folder name, "a toy")

                warned folder (right folder) [
                    "B10 subject toy.images: p1.txt and p2.txt lie among the pictures and are not read. Say what they hold in `instancePrompt` (now \"a photo of sks toy\"), or move them away."
                ])
        }

        test "B10: empty captions" {
            withPictures (fun folder ->
                let silent =
                    toyOf "toy" [ prior 24<img>; instancePrompt " "; classPrompt "" ] folder

                let found = findings folder (right folder |> withSubject silent)

                for expected in
                    [
                        "B10 subject toy.instancePrompt: every caption is empty. Write what the pictures show, such as `a photo of {token} {noun}`."
                        "B10 subject toy.classPrompt: every class caption is empty. Write what the class is, such as `a photo of a {noun}`."
                    ] do
                    Expect.contains found expected "empty caption")
        }

        test "B11: the same picture twice" {
            withPictures (fun folder ->
                File.Copy(at folder "p1.bmp", at folder "p9.bmp")

                warned folder (right folder) [
                    "B11 subject toy.images: p1.bmp and p9.bmp are the same picture. Remove all but one, or its details will be learned by heart."
                ])
        }

        test "B11: the same picture for two subjects" {
            withPictures (fun folder ->
                let other = Path.Combine(folder, "other")
                writePictures other 5 72
                File.Copy(at folder "p1.bmp", Path.Combine(other, "same.bmp"))

                let cat = subject "cat" {
                    token "zwx"
                    images other
                    prior 24<img>
                }

                let both =
                    right folder
                    |> also [
                        RecipePart.Learn cat
                        RecipePart.Sample {
                            Text = $"{cat}"
                            Plain = cat.Noun
                            Mentions = [ cat ]
                        }
                    ]

                warned folder both [
                    "B11 subject toy.images: p1.bmp and same.bmp belong to toy and cat, with the same bytes. Keep the picture with the subject that it shows."
                ])
        }

        test "B12: class pictures that are never seen" {
            withPictures (fun folder ->
                let many = toyOf "toy" [ prior 1000<img> ] folder
                let recipe = right folder |> withSubject many

                warned folder recipe [
                    "B12 subject toy.prior: 400 of 1000 class pictures will be seen. Raise `steps`, or write `prior 400<img>`."
                ]

                Expect.equal (plan recipe).Subjects.Head.ClassVisited 400<img> "visited")
        }

        test "B14: pictures seen too seldom or too often" {
            withPictures (fun folder ->
                let seldom = right folder |> withSubject (toyOf "toy" [] folder) |> stepsOf 20<step>

                warned folder seldom [
                    "B14 train.steps: each picture of the toy is seen 4 times (usual: 50 to 200). Write about `steps 500<step>` for 100 times each."
                ]

                warned folder (right folder |> stepsOf 8000<step>) [
                    "B14 train.steps: each picture of the toy is seen 1600 times (usual: 50 to 200). Write about `steps 500<step>` for 100 times each."
                ])
        }
    ]
