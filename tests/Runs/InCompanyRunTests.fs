module Recipes.Tests.InCompanyRunTests

open System.IO
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Recipes
open Recipes.Core.Imaging
open Recipes.Runs
open Recipes.Tests.Support

/// Pictures, and masks of their middles.
let internal subjectOf (folder: string) noun word =
    let data = Path.Combine(folder, noun)

    if not (Directory.Exists data) then
        CookTests.pictures data
        Directory.CreateDirectory(Path.Combine(data, "masks")) |> ignore

        for number in 0..2 do
            let mask = Image(64, 64)

            for y in 16..47 do
                for x in 16..47 do
                    for channel in 0..2 do
                        mask.Pixels[(y * 64 + x) * 3 + channel] <- 255uy

            ImageFile.WritePng(Path.Combine(data, "masks", $"{number}.png"), mask)

    subject noun {
        token word
        images data
        masks (Path.Combine(data, "masks"))
    }

let internal labels (state: RunState) = [
    match state.Results with
    | None -> ()
    | Some results ->
        for figure in (nonNull results["figures"]).AsArray() do
            let name = (nonNull figure)["name"]
            yield (nonNull name).GetValue<string>()
]

[<Tests>]
let tests =
    testSequenced
    <| testList "company runs" [
        test "two subjects are learned with cut-outs of both, and each is measured in company" {
            withFolder (fun folder ->
                let dog, cat = subjectOf folder "dog" "sks", subjectOf folder "cat" "ktn"

                let plan =
                    recipe "both" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
                        learn dog
                        learn cat
                        adapt (lora 2<rank>)

                        train {
                            steps 3<step>
                            rate 1e-3
                            size 64<px>
                            collage 2<img>
                            attendMasks 0.01
                            maskedLoss PerArea
                        }

                        draw {
                            denoise 2<step>
                            seeds [ 3 ]
                        }

                        sample $"a photo of {dog} and {cat}"
                    }
                    |> Plan.check
                    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

                let place, state =
                    CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

                Expect.equal
                    (labels state)
                    [
                        "CLIP-I sks dog"
                        "CLIP-I ktn cat"
                        "CLIP-I sks dog in company"
                        "recognised sks dog in company"
                        "CLIP-I ktn cat in company"
                        "recognised ktn cat in company"
                        "CLIP-T"
                    ]
                    "figures"

                for name in [ "000.png"; "000-left.png"; "000-right.png"; "000-both.png" ] do
                    Expect.isTrue (File.Exists(Path.Combine(place, "collages", name))) name

                Expect.stringContains
                    (File.ReadAllText(Path.Combine(place, "report.html")))
                    "ktn cat recognised"
                    "a row for each subject")
        }
    ]
