module Recipes.Tests.CookTests

open System
open System.IO
open System.Threading
open Expecto
open Recipes
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Weights
open Recipes.Runs
open Recipes.Tests.Support

/// Three pictures of no one in particular.
let pictures (folder: string) =
    Directory.CreateDirectory folder |> ignore

    for number in 0..2 do
        let image = Image(64, 64)

        for y in 0..63 do
            for x in 0..63 do
                image.Pixels[(y * 64 + x) * 3] <- byte (x * 4)
                image.Pixels[(y * 64 + x) * 3 + 1] <- byte (y * 4)
                image.Pixels[(y * 64 + x) * 3 + 2] <- byte (number * 80)

        ImageFile.WritePng(Path.Combine(folder, $"{number}.png"), image)

let internal planOf (folder: string) count =
    let data = Path.Combine(folder, "data")

    if not (Directory.Exists data) then
        pictures data

    let dog = subject "dog" {
        token "sks"
        images data
        prior 4<img>
    }

    recipe "tiny" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
        learn dog
        adapt (lora 4<rank>)

        train {
            steps count
            rate 1e-3
            size 64<px>
            checkpoint 2<step>
        }

        draw {
            denoise 2<step>
            seeds [ 3; 4 ]
        }

        sample $"a photo of {dog} on the moon"
    }
    |> Plan.check
    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

let internal options folder out = {
    ScriptFiles = []
    Out = Some(Path.Combine(folder, out))
    Fresh = false
    Cache = Path.Combine(folder, "cache")
    Scorer = Path.Combine(golden, "clip")
}

/// A run's own prompts and seeds, drawn again as the run drew them.
let internal redrawing = {
    Run = None
    Prompts = []
    Seed = None
    Count = None
    Target = None
    Device = None
    Scale = None
    Adapters = []
    AnyBase = false
}

let internal finish plan options tell stop =
    match Cook.run plan options tell stop with
    | Outcome.Finished(folder, state) -> folder, state
    | outcome -> failtest $"{outcome}"

/// Everything whose bytes the plan decides.
let private decided (folder: string) = [
    for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> Array.sort do
        let name = Path.GetRelativePath(folder, file)

        if name <> "run.json" && not (name.StartsWith "script") then
            name, Json.sha256 (Convert.ToHexString(File.ReadAllBytes file))
]

[<Tests>]
let tests =
    testSequenced
    <| testList "cook" [
        test "a stopped run continues to the bytes of one that was not stopped" {
            withFolder (fun folder ->
                let plan = planOf folder 5<step>

                let whole, state =
                    finish plan (options folder "whole") ignore CancellationToken.None

                let names = decided whole |> List.map fst

                Expect.sequenceEqual
                    names
                    [
                        "environment.json"
                        "grid.png"
                        "metrics.jsonl"
                        "plan.json"
                        "report.html"
                        "samples/01-seed3-after.png"
                        "samples/01-seed3-before.png"
                        "samples/01-seed4-after.png"
                        "samples/01-seed4-before.png"
                        "tiny.safetensors"
                    ]
                    "the folder's files; no checkpoint is left"

                Expect.equal (File.ReadAllText(Path.Combine(whole, "plan.json")).TrimEnd()) plan.Json "the plan"

                let figures =
                    state.Results
                    |> Option.bind (fun results -> Option.ofObj results["figures"])
                    |> Option.map (fun figures -> figures.AsArray().Count)

                Expect.equal figures (Some 2) "CLIP-I and CLIP-T"

                // Stopped in the first drawing, after step 3, and in the last drawing.
                let stopAt (wanted: RunProgress -> bool) =
                    use stop = new CancellationTokenSource()

                    match
                        Cook.run
                            plan
                            (options folder "parts")
                            (fun told ->
                                if wanted told then
                                    stop.Cancel())
                            stop.Token
                    with
                    | Outcome.Stopped place -> Expect.isTrue (Directory.Exists place) "the folder is kept"
                    | outcome -> failtest $"{outcome}"

                stopAt (fun told ->
                    match told with
                    | RunProgress.Reached(Phase.Before, 1, _, _) -> true
                    | _ -> false)

                stopAt (fun told ->
                    match told with
                    | RunProgress.Reached(Phase.Training, 3, _, _) -> true
                    | _ -> false)

                stopAt (fun told ->
                    match told with
                    | RunProgress.Reached(Phase.After, 1, _, _) -> true
                    | _ -> false)

                let notes = ResizeArray<string>()

                let parts, _ =
                    finish
                        plan
                        (options folder "parts")
                        (fun told ->
                            match told with
                            | RunProgress.Note text -> notes.Add text
                            | _ -> ())
                        CancellationToken.None

                Expect.isTrue (notes.Exists(fun note -> note.StartsWith "continuing the run")) "it says so"
                Expect.sequenceEqual (decided parts) (decided whole) "byte for byte"

                // A third run of the plan finds it finished and does nothing.
                match Cook.run plan (options folder "parts") ignore CancellationToken.None with
                | Outcome.Already _ -> ()
                | outcome -> failtest $"{outcome}"

                // The run's folder itself may be named, and a changed plan is refused there.
                let other = planOf folder 4<step>

                Expect.throwsT<RecipesException>
                    (fun () ->
                        Cook.run
                            other
                            {
                                options folder "" with
                                    Out = Some parts
                            }
                            ignore
                            CancellationToken.None
                        |> ignore)
                    "another plan"

                Expect.sequenceEqual (decided parts) (decided whole) "nothing was touched"

                // More pictures of the finished run; the same prompt and seeds give the run's own pictures again.
                let redraw = {
                    redrawing with
                        Run = Some parts
                        Target = Some(Path.Combine(folder, "drawn"))
                }

                let drawn = Redraw.run plan redraw ignore CancellationToken.None
                Expect.equal drawn.Length 2 "a picture a seed"
                let sample = Path.Combine(parts, "samples", "01-seed3-after.png")
                Expect.sequenceEqual (File.ReadAllBytes drawn[0]) (File.ReadAllBytes sample) "the same picture"
                Expect.equal (Path.GetFileName drawn[0]) "a-photo-of-sks-dog-on-the-moon-seed3.png" ""

                let other =
                    Redraw.run
                        plan
                        {
                            redraw with
                                Prompts = [ "a red dog" ]
                                Seed = Some 9L
                                Count = Some 3
                        }
                        ignore
                        CancellationToken.None

                Expect.equal (other |> List.map Path.GetFileName) [ for s in 9..11 -> $"a-red-dog-seed{s}.png" ] "")
        }

        test "files say which plan they come from" {
            withFolder (fun folder ->
                let plan = planOf folder 1<step>
                let run, _ = finish plan (options folder "out") ignore CancellationToken.None
                use file = SafeTensorsFile.Open(Path.Combine(run, "tiny.safetensors"))
                Expect.equal file.Metadata["recipes.plan_sha256"] plan.Hash "weights"
                Expect.equal file.Metadata["modelspec.architecture"] "stable-diffusion-v1/lora" "architecture"
                Expect.equal file.Metadata["ss_network_dim"] "4" "rank"
                let text = PngText.Read(Path.Combine(run, "samples", "01-seed4-after.png"))
                Expect.stringContains text["recipes"] plan.Hash "picture"
                Expect.stringContains text["parameters"] "a photo of sks dog on the moon\nSteps: 2, " "prompt"
                Expect.stringContains text["parameters"] "Seed: 4, Size: 64x64" "seed and size"
                Expect.stringContains (File.ReadAllText(Path.Combine(run, "report.html"))) plan.Hash "report"

                // The cache is used again: a fresh run draws no class picture.
                let drawn = ResizeArray<int>()

                let fresh, _ =
                    finish
                        plan
                        {
                            options folder "out" with
                                Fresh = true
                        }
                        (fun told ->
                            match told with
                            | RunProgress.Reached(Phase.ClassPictures, count, _, _) -> drawn.Add count
                            | _ -> ())
                        CancellationToken.None

                Expect.equal fresh run "the same folder"
                Expect.sequenceEqual drawn [ 2 ] "all of them at once")
        }
    ]
