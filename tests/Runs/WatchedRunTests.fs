/// Runs that are looked at while they train.
module Recipes.Tests.WatchedRunTests

open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Threading
open Expecto
open Recipes
open Recipes.Core.Imaging
open Recipes.Runs
open Recipes.Tests.Support

let private planOf (folder: string) =
    let data, held = Path.Combine(folder, "data"), Path.Combine(folder, "held")

    if not (Directory.Exists data) then
        CookTests.pictures data
        Directory.CreateDirectory held |> ignore
        let other = Image(64, 64, Array.init (64 * 64 * 3) (fun at -> byte (at % 199)))
        ImageFile.WritePng(Path.Combine(held, "other.png"), other)

    let dog = subject "dog" {
        token "sks"
        images data
        heldOut held
        prior 4<img>
    }

    recipe "watched" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
        learn dog
        adapt (lora 4<rank>)

        train {
            steps 5<step>
            rate 1e-2
            size 64<px>
            ema 0.9
            captionDropout 0.2
            validate 2<step>
            preview 2<step>
            cacheLatents
            cacheTexts
        }

        draw {
            denoise 2<step>
            seeds [ 3; 4 ]
        }

        sample $"a photo of {dog} on the moon"
    }
    |> Plan.check
    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

let private notes = List<string>()

let private finish folder out =
    notes.Clear()

    let tell progress =
        match progress with
        | RunProgress.Note text -> notes.Add text
        | RunProgress.Began _
        | RunProgress.Reached _
        | RunProgress.Ended _ -> ()

    CookTests.finish (planOf folder) (CookTests.options folder out) tell CancellationToken.None

[<Tests>]
let tests =
    testSequenced
    <| testList "watched runs" [
        test "leave previews, the loss on pictures held out, and visits; what is kept serves the next run" {
            withFolder (fun folder ->
                let place, state = finish folder "one"

                Expect.sequenceEqual
                    (Directory.GetFiles(Path.Combine(place, "previews"), "*", SearchOption.AllDirectories)
                     |> Array.map (fun path -> Path.GetRelativePath(place, path))
                     |> Array.sort)
                    [ for step in [ 2; 4; 5 ] -> $"previews/step-00000{step}/01-seed3.png" ]
                    "previews"

                let measured = [
                    for line in File.ReadLines(Path.Combine(place, "metrics.jsonl")) do
                        use json = JsonDocument.Parse line

                        match json.RootElement.TryGetProperty "validation_loss" with
                        | true, value -> json.RootElement.GetProperty("step").GetInt32(), value.GetDouble()
                        | false, _ -> ()
                ]

                Expect.equal (List.map fst measured) [ 2; 4; 5 ] "measured"
                let report = File.ReadAllText(Path.Combine(place, "report.html"))

                for part in
                    [
                        "While training"
                        "step 4"
                        "Loss on pictures held out"
                        "5 visits of 3 pictures, each 1 to 2 times; 4 of 4 class pictures"
                    ] do
                    Expect.stringContains report part "report"

                let results = state.Results |> Option.get
                let visits = (nonNull ((nonNull results["visits"]).AsArray().[0])).AsObject()
                let entry (name: string) = nonNull visits[name]
                Expect.equal ((entry "concept").GetValue<string>()) "sks dog" "concept"
                Expect.equal ((entry "class_visited").GetValue<int>()) 4 "class pictures"

                let counts = [
                    for count in (entry "pictures").AsArray() -> (nonNull count).GetValue<int64>()
                ]

                Expect.equal (List.sum counts) 5L "visits"
                Expect.equal (planOf folder).Subjects.Head.Visits counts "as the plan said before"

                Expect.contains
                    notes
                    "pictures' latents: 0 were kept by earlier runs, 8 were computed"
                    "three own, four of the class, one held out"

                let again, _ = finish folder "two"
                Expect.contains notes "pictures' latents: 8 were kept by earlier runs, 0 were computed" "found"

                for name in
                    [
                        "watched.safetensors"
                        "metrics.jsonl"
                        "report.html"
                        "previews/step-000004/01-seed3.png"
                    ] do
                    Expect.isTrue
                        (File.ReadAllBytes(Path.Combine(place, name)) = File.ReadAllBytes(Path.Combine(again, name)))
                        name)
        }
    ]
