/// An upscaler's training killed without warning, alone and as a second stage.
module Recipes.Tests.UpscalerResumeTests

open System
open System.IO
open Expecto
open Recipes.Tests.Support

let private steps = 16

let private script (folder: string) =
    CookTests.pictures (Path.Combine(folder, "data"))
    let held = Path.Combine(folder, "held-out")
    CookTests.pictures held

    for path in Directory.GetFiles held do
        let image = Recipes.Core.Imaging.ImageFile.Decode path
        image.Pixels.AsSpan().Reverse()
        Recipes.Core.Imaging.ImageFile.WritePng(path, image)

    let training =
        $"train {{ steps {steps}<step>; rate 1e-3; size 64<px>; checkpoint 5<step> }}"

    File.WriteAllLines(
        Path.Combine(folder, "all.fsx"),
        [
            "#r \"bin/Recipes.FSharp.dll\""
            "open Recipes"
            "let dog = subject \"dog\" { token \"sks\"; images \"data\" }"
            "let large name tuning ="
            $"    recipe name (Models.folder<X4> @\"{golden}/x4-upscaler\") {{"
            "        learn dog"
            "        adapt tuning"
            $"        {training}"
            "        noiseUpTo 100"
            "        draw { denoise 2<step> }"
            "        measureOn \"held-out\""
            "    }"
            "large \"alone\" everything |> Session.submit"
            $"recipe \"drawn\" (Models.folder<SD1> @\"{golden}/sd1\") {{"
            "    learn dog"
            "    adapt (lora 2<rank>)"
            $"    {training}"
            "    draw { denoise 2<step>; seeds [ 1 ] }"
            "    sample $\"a photo of {dog}\""
            "    enlarge (large \"large\" (lora 2<rank>))"
            "}"
            "|> Session.submit"
        ]
    )

[<Tests>]
let tests =
    testSequenced
    <| testList "killed upscaler" [
        test "at random steps leaves the same bytes" {
            withFolder (fun folder ->
                script folder
                ResumeTests.finish folder "straight"
                let random = Random()
                // Trainings follow each other: the upscaler alone, the base model, its upscaler.
                let kills = [ for index in 0..2 -> index * steps + random.Next(1, steps) ]

                for count in kills do
                    ResumeTests.killAt folder "killed" count

                ResumeTests.finish folder "killed"
                let straight = ResumeTests.weights (Path.Combine(folder, "straight"))
                let killed = ResumeTests.weights (Path.Combine(folder, "killed"))

                let files =
                    straight |> List.countBy (fun (name, _) -> Path.GetExtension name) |> Map

                Expect.equal files (Map [ ".safetensors", 3; ".jsonl", 3 ]) "weights and figures of each training"
                Expect.equal (List.map fst killed) (List.map fst straight) "files"

                for (name, one), (_, other) in List.zip straight killed do
                    Expect.isTrue (one.AsSpan().SequenceEqual(other.AsSpan())) $"{name}, killed at steps %A{kills}")
        }
    ]
