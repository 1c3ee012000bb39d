module Recipes.Tests.ThemeTests

open System.IO
open Expecto
open Recipes
open Recipes.Core.Training
open Recipes.Tests.LanguageBench

let private folderOf (folder: string) = Path.Combine(folder, "toy")

let private studying (lines: PictureLine<OfTheme> list) (folder: string) =
    let pictures = theme "toys" {
        images (folderOf folder)

        for line in lines do
            line
    }

    recipe "toys" model {
        data pictures
        adapt (lora 4<rank>)

        train {
            steps 400<step>
            rate 1e-4
        }

        draw { seeds [ 1 ] }
        sample $"a toy on the moon"
    }

let private metadata (folder: string) (entries: (string * string) list) =
    File.WriteAllLines(
        Path.Combine(folderOf folder, "metadata.jsonl"),
        [
            for name, text in entries -> $"{{\"file_name\": \"{name}\", \"text\": \"{text}\"}}"
        ]
    )

let private captionsOf (plan: Plan) =
    plan.Subjects.Head.Images |> List.map _.Caption

let private stepsOf number (recipe: Recipe) =
    recipe
    |> changed (fun part ->
        match part with
        | RecipePart.Train _ -> Some(RecipePart.Train [ steps number ])
        | other -> Some other)

[<Tests>]
let tests =
    testList "themes" [
        test "captions come from metadata, text files, names or one text" {
            withPictures (fun folder ->
                metadata folder [ for i in 1..5 -> $"p{i}.bmp", $"toy {i}" ]
                let own = [ for i in 1..5 -> Some $"toy {i}" ]
                Expect.equal (captionsOf (plan (studying [] folder))) own "metadata"

                for i in 1..5 do
                    File.WriteAllText(Path.Combine(folderOf folder, $"p{i}.txt"), $"a toy, {i}\n")

                Expect.equal
                    (captionsOf (plan (studying [ captions TextFiles ] folder)))
                    [ for i in 1..5 -> Some $"a toy, {i}" ]
                    "text files"

                Expect.equal
                    (captionsOf (plan (studying [ captions FileNames ] folder)))
                    [ for i in 1..5 -> Some $"p{i}" ]
                    "names"

                Expect.all (captionsOf (plan (studying [ captions (Same "a toy") ] folder))) _.IsNone "one text")
        }

        test "B14: a theme's pictures need fewer looks than a subject's" {
            withPictures (fun folder ->
                let recipe = studying [ captions (Same "a toy") ] folder
                passes folder (recipe |> stepsOf 50<step>)

                warned folder (recipe |> stepsOf 5<step>) [
                    "B14 train.steps: each picture of the toys is seen 1 times (usual: 5 to 50). Write about `steps 50<step>` for 10 times each."
                ])
        }

        test "the core is given each picture's caption, and whether to mirror" {
            withPictures (fun folder ->
                metadata folder [ for i in 1..5 -> $"p{i}.bmp", $"toy {i}" ]

                let options =
                    Lowering.Training.options (plan (studying [ flipped ] folder)) {
                        ClassPictures = [ [] ]
                        Collages = []
                        Net = None
                        Hints = []
                        CheckpointFolder = folder
                        CacheFolder = folder
                        Show = fun _ _ -> ()
                    }

                let concept = Seq.exactlyOne options.Concepts

                Expect.equal
                    [ for picture in concept.Pictures -> picture.Caption ]
                    [ for i in 1..5 -> $"toy {i}" ]
                    "captions"

                Expect.equal concept.Flip 0.5 "half of the visits"
                options.Check())
        }

        test "the plan's hash holds the captions" {
            withPictures (fun folder ->
                metadata folder [ for i in 1..5 -> $"p{i}.bmp", $"toy {i}" ]
                let first = (plan (studying [] folder)).Hash
                metadata folder [ for i in 1..5 -> $"p{i}.bmp", $"a toy {i}" ]
                Expect.notEqual (plan (studying [] folder)).Hash first "hash")
        }

        test "B10: captions that are missing are named" {
            withPictures (fun folder ->
                metadata folder [ "p1.bmp", "toy 1"; "p2.bmp", "toy 2" ]

                match findings folder (studying [] folder) with
                | [ one ] ->
                    Expect.stringStarts one "B10 theme toys.images: " "place"
                    Expect.stringContains one "p3.bmp, p4.bmp, p5.bmp" "names"
                    Expect.stringContains one "Add a line with file_name and text for each." "cure"
                | other -> failtest $"%A{other}")
        }

        test "A1: a subject's own captions name it" {
            withPictures (fun folder ->
                metadata folder [ for i in 1..5 -> $"p{i}.bmp", (if i = 3 then "a toy" else "a sks toy") ]

                let toy = subject "toy" {
                    token "sks"
                    images (folderOf folder)
                    captions Metadata
                }

                refused folder (right folder |> withSubject toy) [
                    "A1 subject toy.captions: `sks` is missing in 1 of 5 captions (p3.bmp). Add it to them, or leave `captions` out for one caption of all."
                ])
        }

        test "L6: a theme has no token for new vectors" {
            withPictures (fun folder ->
                let recipe =
                    studying [ captions FileNames ] folder
                    |> withTuning (textualInversion 1<vec> { startFrom "a" })

                Expect.contains
                    (findings folder recipe)
                    "L6 theme toys: new vectors are of a token, and a theme has none. Write a `subject` with a new token, such as `token \"<style>\"`."
                    "problem")
        }
    ]
