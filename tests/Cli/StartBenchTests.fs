module Recipes.Tests.StartBenchTests

open System.Text.Json
open Expecto
open Recipes.Tests.Support

[<Tests>]
let tests =
    testSequenced
    <| testList "bench start" [
        test "the stages follow one another, with a new script and again" {
            withFolder (fun folder ->
                use program =
                    ProcessTests.launch folder [ "bench"; "start"; "--runs"; "1"; "--json" ]

                let errors = program.StandardError.ReadToEndAsync()
                let output = program.StandardOutput.ReadToEnd()
                program.WaitForExit()
                Expect.equal program.ExitCode 0 errors.Result
                use json = JsonDocument.Parse output

                for name in [ "new_script"; "again" ] do
                    let start = json.RootElement.GetProperty name

                    let stages =
                        [ "main_seconds"; "script_seconds"; "model_seconds"; "first_step_seconds" ]
                        |> List.map (fun stage -> start.GetProperty(stage).GetDouble())

                    Expect.equal stages (List.sort stages) $"{name}: {stages}"
                    Expect.isGreaterThan stages.Head 0.0 name)
        }
    ]
