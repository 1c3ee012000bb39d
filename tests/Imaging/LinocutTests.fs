module Recipes.Tests.LinocutTests

open System.IO
open System.Text.Json
open Expecto
open Recipes.Core.Imaging

let private folder = Path.Combine(Support.root, "recipes", "data", "linocut")

let private captions =
    lazy
        [
            for line in File.ReadAllLines(Path.Combine(folder, "metadata.jsonl")) do
                use json = JsonDocument.Parse line

                let text (name: string) =
                    string (json.RootElement.GetProperty(name).GetString())

                text "file_name", text "text"
        ]

[<Tests>]
let tests =
    testList "linocuts" [
        testCase "a hundred light pictures, each with a caption of its own" (fun () ->
            let files = ImageFolder.List folder
            Expect.equal files.Count 100 "pictures"

            let names =
                files |> Seq.map (fun file -> string (Path.GetFileName file)) |> Seq.toList

            Expect.equal (List.sort (List.map fst captions.Value)) (List.sort names) "captions"
            Expect.hasLength (captions.Value |> List.map snd |> List.distinct) 100 "different captions"
            Expect.isLessThan (files |> Seq.sumBy (fun file -> FileInfo(file).Length)) 700_000L "bytes"

            for file in files do
                let header = ImageFile.Probe file
                Expect.equal (header.Width, header.Height, header.HasAlpha) (128, 128, false) file)

        testCase "each is paper and the one ink that its caption names" (fun () ->
            let inks =
                dict [
                    "black", [| 28; 26; 32 |]
                    "blue", [| 31; 59; 115 |]
                    "red", [| 163; 45; 34 |]
                    "green", [| 29; 90; 60 |]
                ]

            for name, text in captions.Value do
                let pixels =
                    (ImageFile.Decode(Path.Combine(folder, name))).Pixels |> Array.chunkBySize 3

                let share (near: int array) =
                    let close (pixel: byte array) =
                        Array.forall2 (fun a b -> abs (int a - b) < 12) pixel near

                    float (pixels |> Array.filter close |> Array.length) / float pixels.Length

                let words = text.Split ' '
                let ink = words[words.Length - 2]
                Expect.stringStarts text "a linocut " name
                Expect.isGreaterThan (share inks[ink]) 0.35 $"{ink} in {name}"
                Expect.isGreaterThan (share [| 243; 233; 210 |]) 0.15 $"paper in {name}")
    ]
