module Recipes.Tests.ScriptCacheTests

open System
open System.IO
open Expecto
open FSharp.Compiler.Diagnostics
open Recipes
open Recipes.Cli
open Recipes.Tests.Support

let private write (folder: string) name (lines: string list) =
    let path = Path.Combine(folder, name)
    File.WriteAllLines(path, lines)
    path

let private entries (folder: string) =
    let compiled = ScriptCache.Folder folder

    if Directory.Exists compiled then
        Directory.GetFiles compiled |> List.ofArray
    else
        []

/// How far the evaluation raised the count of submissions, which the scripts of these tests set as they like.
let private counted (cache: ScriptCache) script =
    let before = Session.Submitted

    match Script.evaluateWith cache ignore script with
    | Evaluation.Done files -> Session.Submitted - before, files |> List.map Path.GetFileName
    | other -> failtest $"{other}"

let private library = "#r \"../no/such/folder/Recipes.FSharp.dll\""

/// A script that raises the count by what the loaded file says.
let private script (folder: string) (step: int) =
    write folder "_part.fsx" [ library; $"let step = {step}" ] |> ignore

    write folder "a.fsx" [
        "#load \"_part.fsx\""
        "open Recipes"
        "Session.Submitted <- Session.Submitted + _part.step"
    ]

[<Tests>]
let tests =
    testSequenced
    <| testList "script cache" [
        test "a compiled script runs again from its entry, and its sources are told" {
            withFolder (fun folder ->
                let script = script folder 3
                let cache = ScriptCache folder
                Expect.isNone (cache.Find script) "nothing at first"
                let first = counted cache script
                Expect.equal first (3, [ "_part.fsx"; "a.fsx" ]) "compiled"
                let kept = cache.Find script
                Expect.isSome kept "kept"
                Expect.equal (counted cache script) first "from the cache"
                Expect.equal (cache.Find script) kept "and left alone")
        }

        test "a change of the script or of a file that it loads counts at once" {
            withFolder (fun folder ->
                let path = script folder 3
                let cache = ScriptCache folder
                counted cache path |> ignore
                script folder 4 |> ignore
                Expect.isNone (cache.Find path) "the loaded file differs"
                Expect.equal (fst (counted cache path)) 4 "the loaded file's new text"
                File.AppendAllText(path, "Session.Submitted <- Session.Submitted + 10\n")
                Expect.isNone (cache.Find path) "the script differs"
                Expect.equal (fst (counted cache path)) 14 "the script's new text"
                Expect.equal (entries folder).Length 1 "one entry a script")
        }

        test "what a script reads is read each time" {
            withFolder (fun folder ->
                let data = write folder "data.txt" [ "5" ]

                let script =
                    write folder "b.fsx" [
                        "open Recipes"
                        $"let step = int ((System.IO.File.ReadAllText @\"{data}\").Trim())"
                        "Session.Submitted <- Session.Submitted + step"
                    ]

                let cache = ScriptCache folder
                Expect.equal (fst (counted cache script)) 5 ""
                write folder "data.txt" [ "6" ] |> ignore
                Expect.isSome (cache.Find script) "the code is the same"
                Expect.equal (fst (counted cache script)) 6 "")
        }

        test "a harmed entry is made anew" {
            withFolder (fun folder ->
                let script = script folder 2
                let cache = ScriptCache folder
                counted cache script |> ignore
                let entry = (entries folder).Head
                let sound = File.ReadAllBytes entry

                for harmed in
                    [
                        [||]
                        sound[.. sound.Length / 2]
                        Array.append sound [| 0uy |]
                        Array.mapi (fun i b -> if i = sound.Length / 2 then b ^^^ 1uy else b) sound
                    ] do
                    File.WriteAllBytes(entry, harmed)
                    Expect.isNone (cache.Find script) $"{harmed.Length} bytes"

                Expect.equal (fst (counted cache script)) 2 "compiled again"
                Expect.isSome (cache.Find script) "and kept")
        }

        test "writers and readers at once see whole entries" {
            withFolder (fun folder ->
                let script = script folder 1
                let cache = ScriptCache folder
                counted cache script |> ignore
                let compiled = (cache.Find script).Value

                let found =
                    Array.Parallel.init 64 (fun i ->
                        if i % 2 = 0 then
                            cache.Keep(script, compiled)

                        cache.Find script)

                Expect.all found ((=) (Some compiled)) "none is half"
                Expect.equal (entries folder).Length 1 "nothing is left lying about")
        }

        test "a script that does not compile is not kept, and says the same again" {
            withFolder (fun folder ->
                let script =
                    write folder "c.fsx" [ "open Recipes"; "let x: int ="; "    \"a\""; "let y = stepz 3" ]

                let cache = ScriptCache folder

                let said () =
                    match Script.evaluateWith cache ignore script with
                    | Evaluation.Refused lines -> lines
                    | other -> failtest $"{other}"

                let first = said ()
                Expect.stringContains first.Head "c.fsx(3,5): error FS0001: " ""
                Expect.equal (said ()) first ""
                Expect.isEmpty (entries folder) "")
        }

        testList "what does not compile is told without the interpreter, in its words" [
            for name, lines in
                [
                    "a wrong type and a misspelt word",
                    [
                        "open Recipes"
                        "let learned = subject \"toy\" { token 3 }"
                        "let budget: Line<SD1> = train { stepz 3<step>; steps 3<rank> }"
                    ]
                    "a word of another block",
                    [ "open Recipes"; "recipe \"wrong\" Models.pocket { steps 3<step> } |> ignore" ]
                    "a block without its end", [ "open Recipes"; "let budget: Line<SD1> = train {"; "    seed 3" ]
                    "errors of a loaded file and of the script",
                    [ "#load \"_wrong.fsx\""; "let x: int = _wrong.x"; "let y = _wrong.nothere" ]
                    "a file that is not there", [ "#load \"nowhere.fsx\""; "let x = 1" ]
                    "a warning beside an error", [ "let f x = match x with 1 -> 2"; "1 + 1"; "let y: int = \"a\"" ]
                    "a misspelt namespace", [ "open Recipe"; "open Sistem" ]
                    "types of the framework beyond its common part",
                    [ "open System.Xml"; "let x: XmlReader = 3"; "let y = XmlDocumnt()" ]
                    "the interactive session's own object", [ "let arguments = fsi.CommandLineArgs" ]
                ] do
                test name {
                    withFolder (fun folder ->
                        write folder "_wrong.fsx" [ library; "let x = \"a\""; "let y: int = x" ]
                        |> ignore

                        let script = write folder "c.fsx" lines
                        let running = typeof<Plan>.Assembly.Location

                        let said (messages: FSharpDiagnostic list) =
                            messages
                            |> List.map (fun d ->
                                d.FileName, d.StartLine, d.StartColumn, d.Severity, d.ErrorNumberText, d.Message)
                            |> List.distinct

                        match ScriptCompiler.run running script with
                        | Compilation.Refused messages ->
                            let _, interpreted = Interpreter.run running (ScriptFiles running) script
                            Expect.equal (said messages) (said interpreted) ""
                        | other -> failtest $"{other}")
                }
        ]

        test "what only the interpreter knows goes to it" {
            withFolder (fun folder ->
                let cache = ScriptCache folder
                let add = "Recipes.Session.Submitted <- Recipes.Session.Submitted + 7"

                for lines in
                    [
                        [ "#time \"off\""; add ]
                        [ "#if INTERACTIVE"; add; "#endif" ]
                        [ "#I \".\""; add ]
                        [ "let x = 1;;"; add ]
                    ] do
                    let script = write folder "d.fsx" lines
                    Expect.equal (fst (counted cache script)) 7 lines.Head
                    Expect.isEmpty (entries folder) lines.Head)
        }

        test "a warning is told at every start" {
            withFolder (fun folder ->
                let script = write folder "e.fsx" [ "match 1 with"; "| 1 -> ()" ]
                let cache = ScriptCache folder

                for _ in 1..2 do
                    let warnings = ResizeArray()

                    match Script.evaluateWith cache warnings.Add script with
                    | Evaluation.Done _ -> ()
                    | other -> failtest $"{other}"

                    Expect.equal warnings.Count 1 $"%A{List.ofSeq warnings}"
                    Expect.stringContains warnings[0] "e.fsx(1,7): warning FS0025: " "")
        }

        test "what a compiled script or a file that it loads throws comes with its line" {
            withFolder (fun folder ->
                write folder "bad.fsx" [ ""; "let x: int = invalidArg \"step\" \"odd\"" ]
                |> ignore

                let script = write folder "f.fsx" [ "#load \"bad.fsx\""; "printfn \"%d\" Bad.x" ]
                let cache = ScriptCache folder

                for start in [ "compiled"; "again" ] do
                    match Script.evaluateWith cache ignore script with
                    | Evaluation.Threw(Some place, (:? ArgumentException as error)) ->
                        Expect.stringEnds place "bad.fsx(2)" start
                        Expect.stringContains error.Message "odd" start
                    | other -> failtest $"{start}: {other}"

                Expect.isNonEmpty (entries folder) "it was kept")
        }

        test "without a place to keep entries scripts run all the same" {
            withFolder (fun folder ->
                let file = write folder "file" [ "not a folder" ]
                let script = script folder 9
                Expect.equal (fst (counted (ScriptCache file) script)) 9 "")
        }
    ]
