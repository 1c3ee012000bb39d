module Recipes.Tests.ScriptsTests

open System
open System.IO
open Expecto
open FSharp.Compiler.Interactive.Shell
open Recipes
open Recipes.Cli
open Recipes.Tests.LanguageBench
open Recipes.Tests.Support

/// One compiler for all scripts: starting it takes longer than checking them all.
let private compiler =
    lazy
        (let library = typeof<Recipe>.Assembly.Location
         let core = typeof<Recipes.Core.RecipesException>.Assembly.Location
         let nowhere = new StringWriter()

         let session =
             FsiEvaluationSession.Create(
                 FsiEvaluationSession.GetDefaultConfiguration(),
                 [|
                     "fsi"
                     "--noninteractive"
                     "--nologo"
                     "--quiet"
                     "--usesdkrefs-"
                     $"-r:{library}"
                     $"-r:{core}"
                 |],
                 new StringReader "",
                 nowhere,
                 nowhere
             )

         session.EvalInteraction "open Recipes"
         session)

/// The compiler's errors: code, line and message.
let private errors (script: string) =
    lock compiler (fun () ->
        let _, diagnostics = compiler.Value.EvalInteractionNonThrowing script

        [
            for d in diagnostics do
                if d.Severity = FSharp.Compiler.Diagnostics.FSharpDiagnosticSeverity.Error then
                    d.ErrorNumber, d.StartLine, d.Message
        ]
        |> List.distinct)

let private start =
    """let toy = subject "toy" { token "sks"; images "toy" }
let owl = subject "owl" { token "ohwx"; images "owl" }
"""

/// A recipe whose third line is the one given.
let private around line =
    $"""recipe "wrong" Models.pocket {{
    learn toy
    {line}
}}
|> ignore"""

let private refusals = [
    "a number without its unit", around "train { steps 800 }", 1, 3, "int<step>"
    "a number with another unit", around "train { steps 512<px> }", 1, 3, "'px'"
    "a misspelt word", around "tran { steps 800<step> }", 39, 3, "train"
    "a word of another block", around "steps 800<step>", 1, 3, "TrainPart"
    "a recipe's word in a block", around "train { learn toy }", 1, 3, "TrainPart"
    "a drawing word in an adapter", around "adapt (lora 4<rank> { guidance 2.0 })", 1, 3, "DrawPart"
    "a plain string as a prompt", around "sample \"a dog\"", 1, 3, "FormattableString"
    "a rank where steps belong", around "train { steps 8<rank> }", 1, 3, "'rank'"
    "a name that is no layer", around "adapt (lora 4<rank> { only Atention })", 39, 3, "Attention"
    "a new token's line in a low-rank adapter", around "adapt (lora 4<rank> { startFrom \"toy\" })", 1, 3, "ByVectors"
    "layers of new vectors", around "adapt (textualInversion 2<vec> { only Attention })", 1, 3, "ByLayers"
    "a rank for a model's own weights", around "adapt (everything { alpha 4.0 })", 1, 3, "ByLowRank"
    "a token of a theme", "theme \"sea\" { token \"sks\" } |> ignore", 1, 1, "OfSubject"
    "a rank where vectors belong", around "adapt (textualInversion 2<rank>)", 1, 3, "'rank'"
    "a ControlNet of another family",
    "let net: ControlNet<SD2, Canny> = ControlNets.at \"net\"\nrecipe \"wrong\" Models.pocket { control net (cannyOf \"a.png\") { strength 1.0 } } |> ignore",
    1,
    2,
    "SD2"
    "a hint of another kind",
    around "control (ControlNets.learned Canny) (scribbleOf \"a.png\") { strength 1.0 }",
    1,
    3,
    "Canny"
    "a ControlNet of no kind", around "adapt (controlNet Attention)", 1, 3, "IHintKind"
    "a layer of a ControlNet", around "adapt (controlNet Canny { only Attention })", 1, 3, "ByLayers"
    "hints of a subject", "subject \"toy\" { hints \"toy\" } |> ignore", 1, 1, "OfSubject"
    "an upscaler's line in another recipe", around "noiseUpTo 20", 1, 3, "X4"
    "an upscaler that is no recipe", around "enlarge Models.pocketX4", 193, 3, "Recipe"
    "a device that is none", around "train { device Gpu }", 39, 3, "Gpu"
    "no base model", "recipe \"wrong\" { learn toy }", 740, 1, ""
    "a model of no family", "Models.folder<int> \"models\" |> ignore", 1, 1, "Family"
    "a line for another family",
    "let line: Line<SD2> = learn toy\nrecipe \"wrong\" Models.pocket { line } |> ignore",
    1,
    2,
    "SD2"
    "a recipe where a plan belongs",
    "let run (plan: Plan) = plan.Name\nrun (recipe \"wrong\" Models.pocket { learn toy })",
    193,
    2,
    "Recipe"
    "a plan that was never checked", "let plan = Plan()", 801, 1, "no accessible"
]

/// The embedded model's own weights, which the checks read.
let private unet =
    Path.Combine(AppContext.BaseDirectory, "pocket", "unet", "diffusion_pytorch_model.safetensors")

/// As the command line does it.
let private asTool (file: string) () =
    match Script.evaluate (failtestf "%s: %s" file) file with
    | Evaluation.Done _ -> ()
    | Evaluation.Refused lines -> failtestf "%s: %A" file lines
    | Evaluation.Threw(_, error) -> failtestf "%s: %O" file error

[<Tests>]
let tests =
    testSequenced
    <| testList "scripts" [
        testList "must not compile" [
            for name, script, code, line, words in refusals do
                test name {
                    Expect.isEmpty (errors start) "the lines before"

                    match errors script with
                    | (foundCode, foundLine, message) :: _ ->
                        Expect.equal (foundCode, foundLine) (code, line) message
                        Expect.stringContains message words "message"
                    | [] -> failtest "it compiles"
                }
        ]

        test "the lines around them compile" {
            Expect.isEmpty (errors start) "subjects"
            Expect.isEmpty (errors (around "train { steps 800<step> }")) "recipe"

            Expect.isEmpty
                (errors (
                    around
                        "for place in [ 1; 2 ] do\n        if place > 1 then\n            sample $\"{toy} at {place}\""
                ))
                "for and if"
        }

        testList "recipes" [
            for script in Directory.GetFiles(Path.Combine(root, "recipes"), "*.fsx") do
                let name = string (Path.GetFileName script)

                let text = File.ReadAllText script

                if name.StartsWith '_' then
                    ()
                elif not (text.Contains "|> Session.") then
                    // A tool beside the recipes: it compiles, and is not run.
                    test name {
                        let code =
                            String.concat "\n" [
                                // The interactive session's own object is not there in a hosted one.
                                "module fsi ="
                                "    let CommandLineArgs: string array = [||]"
                                for line in text.Split '\n' do
                                    if not (line.StartsWith '#') then
                                        line
                            ]

                        let _, checkedFile, _ = compiler.Value.ParseAndCheckInteraction code

                        let errors =
                            checkedFile.Diagnostics
                            |> Array.filter (fun d ->
                                d.Severity = FSharp.Compiler.Diagnostics.FSharpDiagnosticSeverity.Error)

                        Expect.isEmpty errors $"%A{errors}"
                    }
                else
                    test name {
                        let printed, submitted, code = captured Mode.Show false (asTool script)
                        Expect.equal submitted 1 "recipes handed in"

                        if text.Contains "|> Session.submit" && not (File.Exists unet) then
                            skiptest "the embedded model is not here, so the recipe was compiled and not checked"

                        // One that draws with what other recipes trained says so where they have not run.
                        if text.Contains "\"../runs/" && code = 2 then
                            Expect.stringContains printed "nor a finished run of a recipe of this name" printed
                        else
                            Expect.equal code 0 printed
                            Expect.stringContains printed $"run it with: recipes run" "how to run it"
                            Expect.isFalse (printed.Contains "warning") printed
                    }
        ]

        test "a script with problems says all of them, where, and ends with 2" {
            withPictures (fun folder ->
                let script = Path.Combine(folder, "wrong.fsx")

                File.WriteAllText(
                    script,
                    $"""open Recipes

let toy = subject "toy" {{ token "sks"; images "nowhere" }}

recipe "wrong" (Models.folder<SD1> "{modelFolder}") {{
    learn toy
    adapt (lora 400<rank>)
    train {{ steps 100<step>; rate 1e-4 }}
    sample $"a {{toy}}"
}}
|> Session.submit
"""
                )

                let printed, submitted, code = captured Mode.Show false (asTool script)
                Expect.equal (submitted, code) (1, 2) printed
                let lines = printed.TrimEnd().Replace(folder, "FOLDER").Split Environment.NewLine
                Expect.equal lines[0] "wrong: 2 problems (wrong.fsx:11)" "head"
                Expect.equal lines.Length 3 printed

                Expect.equal
                    lines[1]
                    "  error   B9 subject toy.images: FOLDER/nowhere: no such folder. Check the path; a relative one starts at the script's folder."
                    "first"

                Expect.stringStarts lines[2] "  error   C21 adapt: rank 400 is wider than" "second")
        }
    ]
