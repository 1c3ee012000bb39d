module Recipes.Tests.ScriptTests

open System.IO
open Expecto
open Recipes
open Recipes.Cli
open Recipes.Tests.Support

let private write (folder: string) name (lines: string list) =
    let path = Path.Combine(folder, name)
    File.WriteAllLines(path, lines)
    path

let private evaluate = Script.evaluate ignore

[<Tests>]
let tests =
    testSequenced
    <| testList "script" [
        test "the library is the running copy, wherever #r says it lies" {
            withFolder (fun folder ->
                write folder "_recipes.fsx" [ "#r \"../no/such/folder/Recipes.FSharp.dll\"" ]
                |> ignore

                let script =
                    write folder "a.fsx" [
                        "#load \"_recipes.fsx\""
                        "#r \"nuget: Recipes.FSharp, 9.9.9\""
                        "open Recipes"
                        "Session.Submitted <- Session.Submitted + 1000"
                    ]

                let before = Session.Submitted

                match evaluate script with
                | Evaluation.Done files ->
                    Expect.equal Session.Submitted (before + 1000) "the host's own Session was set"
                    Expect.equal (files |> List.map Path.GetFileName) [ "_recipes.fsx"; "a.fsx" ] "the files read"
                | other -> failtest $"{other}")
        }

        test "an error of the compiler names file, line and column, once" {
            withFolder (fun folder ->
                let script =
                    write folder "b.fsx" [ "open Recipes"; "let x: int ="; "    \"a\""; "let y = stepz 3" ]

                match evaluate script with
                | Evaluation.Refused lines ->
                    Expect.equal lines.Length 2 $"%A{lines}"
                    Expect.stringContains lines[0] "b.fsx(3,5): error FS0001: " ""
                    Expect.stringContains lines[1] "b.fsx(4,9): error FS0039: " ""
                    Expect.stringContains lines[1] "'stepz' is not defined" ""
                    Expect.isFalse (lines |> List.exists (fun line -> line.Contains '\n')) "a line each"
                | other -> failtest $"{other}")
        }

        test "a line in a loaded file is named as that file's" {
            withFolder (fun folder ->
                write folder "part.fsx" [ ""; "let z = nothere" ] |> ignore
                let script = write folder "c.fsx" [ "#load \"part.fsx\"" ]

                match evaluate script with
                | Evaluation.Refused lines -> Expect.stringContains lines[0] "part.fsx(2,9): error FS0039: " ""
                | other -> failtest $"{other}")
        }

        test "what a script throws comes with its line" {
            withFolder (fun folder ->
                let script =
                    write folder "d.fsx" [
                        "let half x ="
                        "    if x % 2 = 1 then invalidArg (nameof x) \"odd\""
                        "    x / 2"
                        ""
                        "half 3 |> ignore"
                    ]

                match evaluate script with
                | Evaluation.Threw(Some place, error) ->
                    Expect.stringEnds place "d.fsx(2)" ""
                    Expect.stringContains error.Message "odd" ""
                | other -> failtest $"{other}")
        }
    ]
