/// Training killed without warning goes on as if nothing had happened.
module Recipes.Tests.ResumeTests

open System
open System.IO
open System.Threading
open Expecto
open Recipes.Core.Imaging
open Recipes.Tests.Support

let private steps = 24

/// One recipe for each way to learn, each with what its random streams serve.
let private methods = [
    "dreambooth", "lora 4<rank> { dropout 0.1; only Attention; only TextEncoder }", "sks", "; prior 4<img>", ""
    "magnitudes", "dora 2<rank>", "sks", "; flipped", "; cacheLatents; cacheTexts"
    "vectors", "textualInversion 2<vec> { startFrom \"a\" }", "<new>", "", "; captionDropout 0.3"
    "weights", "everything", "sks", "", "; accumulate 2"
    "averages",
    "lora 4<rank> { dropout 0.1 }",
    "sks",
    "; heldOut \"held\"; upscaled",
    "; ema 0.9; buckets; randomCrop; captionDropout 0.3; validate 4<step>; preview 6<step>"
]

/// A ControlNet learns from a theme, and its sample needs a hint.
let private control = [
    "let shades = theme \"shades\" { images \"data\"; captions (Same \"a shade\") }"
    $"recipe \"control\" (Models.folder<SD1> @\"{golden}/sd1\") {{"
    "    data shades"
    "    adapt (controlNet Canny)"
    $"    train {{ steps {steps}<step>; rate 1e-3; size 64<px>; checkpoint 5<step>; warmup 3<step> }}"
    "    draw { denoise 2<step>; seeds [ 1 ] }"
    "    control (ControlNets.learned Canny) (drawn Canny \"square.png\") { strength 1.0 }"
    "    sample $\"a shade\""
    "}"
    "|> Session.submit"
]

let private recipes = methods.Length + 1

let private script (folder: string) =
    CookTests.pictures (Path.Combine(folder, "data"))
    SteeredRecipes.square (Path.Combine(folder, "square.png")) 64
    CookTests.pictures (Path.Combine(folder, "held"))

    for picture in Directory.GetFiles(Path.Combine(folder, "held")) do
        let image = ImageFile.Decode picture
        ImageFile.WritePng(picture, Flip.Horizontal image)

    File.WriteAllLines(
        Path.Combine(folder, "all.fsx"),
        [
            "#r \"bin/Recipes.FSharp.dll\""
            "open Recipes"
            for name, way, token, more, training in methods do
                $"let {name} = subject \"dog\" {{ token \"{token}\"; images \"data\"{more} }}"
                $"recipe \"{name}\" (Models.folder<SD1> @\"{golden}/sd1\") {{"
                $"    learn {name}"
                $"    adapt ({way})"
                $"    train {{ steps {steps}<step>; rate 1e-3; size 64<px>; checkpoint 5<step>; warmup 3<step>{training} }}"
                "    draw { denoise 2<step>; seeds [ 1 ] }"
                $"    sample $\"a photo of {{{name}}}\""
                "}"
                "|> Session.submit"
            yield! control
        ]
    )

let private arguments out = [ "run"; "all.fsx"; "--out"; out; "--quiet" ]

let finish folder out =
    use program = ProcessTests.launch folder (arguments out)
    let errors = program.StandardError.ReadToEndAsync()
    program.StandardOutput.ReadToEnd() |> ignore
    Expect.isTrue (program.WaitForExit(TimeSpan.FromMinutes 5.0)) "ends"
    Expect.equal program.ExitCode 0 errors.Result

/// Steps that the runs in a folder have logged.
let private logged (folder: string) =
    if Directory.Exists folder then
        Directory.EnumerateFiles(folder, "metrics.jsonl", SearchOption.AllDirectories)
        |> Seq.sumBy (fun path ->
            use stream =
                new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite ||| FileShare.Delete)

            use reader = new StreamReader(stream)
            reader.ReadToEnd() |> Seq.filter (fun c -> c = '\n') |> Seq.length)
    else
        0

/// Kills the program once this many steps are logged.
let killAt folder out count =
    use program = ProcessTests.launch folder (arguments out)
    program.OutputDataReceived.Add ignore
    program.ErrorDataReceived.Add ignore
    program.BeginOutputReadLine()
    program.BeginErrorReadLine()

    while not program.HasExited && logged (Path.Combine(folder, out)) < count do
        Thread.Sleep 5

    let early = not program.HasExited
    program.Kill()
    program.WaitForExit()
    Expect.isTrue early "it was killed before it ended"

/// The weights, figures and previews that runs left, by their path without the folder of the runs.
let weights (folder: string) =
    [ "*.safetensors"; "metrics.jsonl"; "*.png" ]
    |> Seq.collect (fun pattern -> Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories))
    |> Seq.filter (fun path -> not (path.EndsWith ".png") || path.Contains "/previews/")
    |> Seq.map (fun path -> Path.GetRelativePath(folder, path), File.ReadAllBytes path)
    |> Seq.sortBy fst
    |> List.ofSeq

[<Tests>]
let tests =
    testSequenced
    <| testList "killed training" [
        test "at random steps of every method leaves the same bytes" {
            withFolder (fun folder ->
                script folder
                finish folder "straight"
                let random = Random()

                let kills = [ for index in 0 .. recipes - 1 -> index * steps + random.Next(1, steps) ]

                for count in kills do
                    killAt folder "killed" count

                finish folder "killed"
                let straight = weights (Path.Combine(folder, "straight"))
                let killed = weights (Path.Combine(folder, "killed"))

                let files =
                    straight |> List.countBy (fun (name, _) -> Path.GetExtension name) |> Map

                Expect.equal
                    files
                    (Map [ ".safetensors", recipes; ".jsonl", recipes; ".png", 4 ])
                    "files of each method"

                Expect.equal (List.map fst killed) (List.map fst straight) "files"

                for (name, one), (_, other) in List.zip straight killed do
                    Expect.isTrue (one.AsSpan().SequenceEqual(other.AsSpan())) $"{name}, killed at steps %A{kills}")
        }
    ]
