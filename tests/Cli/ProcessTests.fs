module Recipes.Tests.ProcessTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open Expecto
open Recipes.Cli
open Recipes.Tests.Support

type private Ended = {
    Code: int
    Out: string
    Error: string
}

/// Starts the built program in a process of its own, whose caches lie in the folder.
let launch (folder: string) (args: string list) =
    let start = ProcessStartInfo("dotnet", WorkingDirectory = folder)
    start.ArgumentList.Add typeof<RunArgs>.Assembly.Location
    args |> List.iter start.ArgumentList.Add
    start.RedirectStandardOutput <- true
    start.RedirectStandardError <- true
    start.RedirectStandardInput <- true
    start.Environment["RECIPES_CACHE"] <- Path.Combine(folder, "cache")
    start.Environment["RECIPES_CLIP"] <- Path.Combine(golden, "clip")
    nonNull (Process.Start start)

/// The program until it ends; `onError` sees each line of standard error as it comes.
let private run (folder: string) (args: string list) (onError: Process -> string -> unit) =
    use program = launch folder args
    let errors = Text.StringBuilder()

    program.ErrorDataReceived.Add(fun event ->
        match event.Data with
        | null -> ()
        | line ->
            lock errors (fun () -> errors.AppendLine line |> ignore)
            onError program line)

    program.BeginErrorReadLine()
    let out = program.StandardOutput.ReadToEnd()

    if not (program.WaitForExit(TimeSpan.FromMinutes 5.0)) then
        program.Kill()
        failtest "the program did not end"

    program.WaitForExit()

    {
        Code = program.ExitCode
        Out = out
        Error = string errors
    }

/// The program in this process: the exit code and standard error.
let private inProcess (args: string list) =
    let before = Console.Error
    use error = new StringWriter()
    Console.SetError error

    try
        let code = Program.main (List.toArray args)
        code, string error
    finally
        Console.SetError before

let private quietly folder args = run folder args (fun _ _ -> ())

let private script (folder: string) steps =
    CookTests.pictures (Path.Combine(folder, "data"))
    File.WriteAllText(Path.Combine(folder, "_recipes.fsx"), "#r \"bin/Recipes.FSharp.dll\"\n")

    File.WriteAllLines(
        Path.Combine(folder, "tiny.fsx"),
        [
            "#load \"_recipes.fsx\""
            "open Recipes"
            "let dog = subject \"dog\" { token \"sks\"; images \"data\" }"
            $"recipe \"tiny\" (Models.folder<SD1> @\"{golden}/sd1\") {{"
            "    learn dog"
            "    adapt (lora 4<rank>)"
            $"    train {{ steps {steps}<step>; rate 1e-3; size 64<px> }}"
            "    draw { denoise 2<step>; seeds [ 1 ] }"
            "    sample $\"a photo of {dog}\""
            "}"
            "|> Session.submit"
        ]
    )

[<Tests>]
let tests =
    testSequenced
    <| testList "process" [
        test "wrong use ends with 2 and loses nothing" {
            withFolder (fun folder ->
                script folder 2
                let tiny = Path.Combine(folder, "tiny.fsx")

                for args, said in
                    [
                        [ "check"; Path.Combine(folder, "nowhere.fsx") ], "Scripts in that folder: tiny.fsx"
                        [ "check"; folder ], "is a folder"
                        [ "run"; tiny; "--libtorch"; "nowhere" ], "nowhere"
                        [ "run"; tiny; "--set"; "steps" ], "name=value"
                        [ "run"; tiny; "--set"; "stepz=3"; "--out"; folder ], "`steps`"
                        [ "run"; tiny; "--device"; "tpu"; "--out"; folder ], "`tpu`"
                        [ "sample"; tiny; "--count"; "0" ], "--count 0"
                    ] do
                    let code, error = inProcess args
                    Expect.equal code 2 error
                    Expect.stringContains error said ""
                    Expect.isFalse (error.Contains "   at ") "no stack"

                let code, error = inProcess [ "sample"; tiny; "--run"; folder ]
                Expect.equal code 1 error
                Expect.stringContains error "there is no run of this plan" ""
                Expect.isEmpty (Directory.GetDirectories(folder, "tiny-*")) "nothing was started")
        }

        test "SIGINT keeps a checkpoint and ends with 130; the same command continues; --json is one object" {
            if OperatingSystem.IsWindows() then
                skiptest "signals are POSIX's"

            withFolder (fun folder ->
                script folder 20
                let mutable asked = false

                let stopped =
                    run folder [ "run"; "tiny.fsx" ] (fun program line ->
                        if
                            not asked
                            && line.StartsWith "training: "
                            && not (line.StartsWith "training: 0/")
                        then
                            asked <- true
                            use kill = Process.Start("kill", $"-INT {program.Id}")
                            kill.WaitForExit())

                Expect.equal stopped.Code 130 stopped.Error
                Expect.stringContains stopped.Error "Type the same command again to continue." ""
                let runs = Directory.GetDirectories(Path.Combine(folder, "runs"))
                Expect.equal runs.Length 1 "one run's folder"
                Expect.isTrue (File.Exists(Path.Combine(runs[0], "checkpoint.safetensors"))) "the checkpoint"

                let ended = quietly folder [ "run"; "tiny.fsx"; "--json" ]
                Expect.equal ended.Code 0 ended.Error
                Expect.stringContains ended.Error "continuing after step " ""
                use json = JsonDocument.Parse ended.Out
                Expect.equal (json.RootElement.GetProperty("state").GetString()) "complete" ""

                let figures =
                    json.RootElement.GetProperty("results").GetProperty("figures").EnumerateArray()
                    |> Seq.map (fun figure -> figure.GetProperty("name").GetString())
                    |> Seq.toList

                Expect.equal figures [ "CLIP-I"; "CLIP-T" ] ""
                Expect.equal (File.ReadAllLines(Path.Combine(runs[0], "metrics.jsonl"))).Length 20 "a line a step")
        }
    ]
