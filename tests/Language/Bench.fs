/// What the tests of the language work on: a tiny model, pictures, and a recipe without fault.
module Recipes.Tests.LanguageBench

open System
open System.IO
open Expecto
open Recipes
open Recipes.Tests.Support

/// The committed tiny model; texts under golden/ hold its numbers, so another set of references does not change it.
let modelFolder = Path.Combine(root, "tests", "golden", "sd1")

let model = Models.folder<SD1> modelFolder

/// Writes an uncompressed 24-bit picture whose bytes depend on nothing but the arguments.
let writePicture (path: string) (shade: int) (width: int) (height: int) =
    let stride = (width * 3 + 3) / 4 * 4
    use out = new BinaryWriter(File.Create path)
    out.Write("BM"B)

    for field in
        [
            54 + stride * height
            0
            54
            40
            width
            height
            1 ||| (24 <<< 16)
            0
            stride * height
            2835
            2835
            0
            0
        ] do
        out.Write field

    for y in 0 .. height - 1 do
        for x in 0 .. stride - 1 do
            out.Write(byte (shade * 37 + x * 5 + y * 3))

/// A folder of different square pictures.
let writePictures (folder: string) count side =
    Directory.CreateDirectory folder |> ignore

    for i in 1..count do
        writePicture (Path.Combine(folder, $"p{i}.bmp")) i side side

/// A test in a folder with five pictures in `toy`.
let withPictures (test: string -> unit) =
    withFolder (fun folder ->
        writePictures (Path.Combine(folder, "toy")) 5 64
        test folder)

/// A subject whose token is no word of the tiny vocabulary.
let toy (folder: string) = subject "toy" {
    token "sks"
    images (Path.Combine(folder, "toy"))
    prior 24<img>
}

/// A recipe that has no fault, and no warning.
let right (folder: string) =
    let toy = toy folder

    recipe "toy" model {
        learn toy
        adapt (lora 4<rank>)

        train {
            steps 400<step>
            rate 1e-4
            seed 7
        }

        draw {
            denoise 10<step>
            seeds [ 1; 2 ]
        }

        sample $"a photo of a {toy}"
        sample $"a {toy} on the moon"
    }

/// The same recipe with other lines after its own.
let also (parts: RecipePart list) (recipe: Recipe) = {
    recipe with
        Parts = recipe.Parts @ parts
}

/// The same recipe with each line changed or dropped.
let changed (change: RecipePart -> RecipePart option) (recipe: Recipe) = {
    recipe with
        Parts = List.choose change recipe.Parts
}

/// The right recipe with another subject in its place, which the samples mention too.
let withSubject (subject: Subject) (recipe: Recipe) =
    recipe
    |> changed (fun part ->
        match part with
        | RecipePart.Learn _ -> Some(RecipePart.Learn subject)
        | RecipePart.Sample _ -> None
        | other -> Some other)
    |> also [
        RecipePart.Sample {
            Text = $"a photo of a {subject}"
            Plain = $"a photo of a {subject.Noun}"
            Mentions = [ subject ]
        }
    ]

let withTuning (tuning: TuningBlock<'way>) (recipe: Recipe) =
    recipe
    |> changed (fun part ->
        match part with
        | RecipePart.Adapt _ -> Some(RecipePart.Adapt tuning.Tuning)
        | other -> Some other)

let plan (recipe: Recipe) : Plan =
    match Plan.check recipe with
    | Ok plan -> plan
    | Error problems -> failtestf "refused: %A" problems

/// The adapter of a plan that has one.
let loraOf (plan: Plan) =
    match plan.Method with
    | PlannedMethod.LowRank lora -> lora
    | other -> failtestf "no adapter: %A" other

/// Every error and warning, as text, with the test's folder left out.
let findings (folder: string) (recipe: Recipe) =
    (match Plan.check recipe with
     | Ok plan -> plan.Warnings
     | Error problems -> problems)
    |> List.map (fun problem -> problem.Text.Replace(folder, "FOLDER").Replace(modelFolder, "MODEL"))

/// The recipe is refused, and this is all that is said.
let refused (folder: string) (recipe: Recipe) (expected: string list) =
    Expect.isError (Plan.check recipe) "should be refused"
    Expect.equal (findings folder recipe) expected "problems"

/// The recipe passes, and these are its warnings.
let warned (folder: string) (recipe: Recipe) (expected: string list) =
    Expect.isOk (Plan.check recipe) "should pass"
    Expect.equal (findings folder recipe) expected "warnings"

/// The recipe passes without a warning.
let passes (folder: string) (recipe: Recipe) = warned folder recipe []

/// Compares with a committed text, and shows the lines that differ. With RECIPES_WRITE_GOLDEN=1 it writes the text.
let matchesGolden (name: string) (text: string) =
    let path = Path.Combine(root, "tests", "Language", "golden", name)

    if Environment.GetEnvironmentVariable "RECIPES_WRITE_GOLDEN" = "1" then
        File.WriteAllText(path, text + "\n")

    let wanted = (File.ReadAllText path).TrimEnd('\n').Split '\n'
    let got = text.Split '\n'

    if wanted <> got then
        let line (lines: string array) i =
            lines |> Array.tryItem i |> Option.defaultValue "(nothing)"

        let differences = [
            for i in 0 .. max wanted.Length got.Length - 1 do
                if line wanted i <> line got i then
                    $"line {i + 1}\n  - {line wanted i}\n  + {line got i}"
        ]

        failtestf
            "%s differs in %d lines:\n%s"
            name
            differences.Length
            (differences |> List.truncate 5 |> String.concat "\n")

/// Runs something with the session in this mode, and gives what was printed, how many recipes were handed in, and the
/// exit code. Only in tests that run alone.
let captured (mode: Mode) (json: bool) (action: unit -> unit) =
    use out = new StringWriter()
    let console, errors = Console.Out, Console.Error

    try
        Session.Mode <- mode
        Session.Json <- json
        Session.ExitCode <- 0
        Session.Submitted <- 0
        Console.SetOut out
        Console.SetError out
        action ()
        out.ToString(), Session.Submitted, Session.ExitCode
    finally
        Console.SetOut console
        Console.SetError errors
        Session.Mode <- Mode.Show
        Session.Json <- false
        Session.Overrides <- []
        Session.Runner <- ignore >> (fun () -> 0)
        Session.ExitCode <- 0
