namespace Recipes.Cli

open System
open System.IO
open Argu
open Recipes
open Recipes.Core.Native
open Recipes.Runs

/// `recipes sample`
[<RequireQualifiedAccess>]
module Sample =
    let private count (args: ParseResults<SampleArgs>) =
        match args.TryGetResult SampleArgs.Count with
        | Some count when count < 1 ->
            raise (Submission.wrong $"--count {count}" "is no number of pictures" "Ask for 1 or more.")
        | count -> count

    let private seed (args: ParseResults<SampleArgs>) =
        match args.TryGetResult SampleArgs.Seed with
        | Some seed when seed < 0L || seed > int64 Int32.MaxValue - 100_000L ->
            raise (
                Submission.wrong
                    $"--seed {seed}"
                    "is out of range"
                    "Give a whole number from 0 to two thousand million."
            )
        | seed -> seed

    /// Read here rather than as a setting: a plan that ran on one device may be drawn on another.
    let private device (args: ParseResults<SampleArgs>) : Device option =
        args.TryGetResult SampleArgs.Device
        |> Option.map (fun text ->
            match text.Split ':' with
            | [| "cpu" |] -> Cpu
            | [| "cuda" |] -> Cuda 0
            | [| "cuda"; index |] when index <> "" && Seq.forall Char.IsAsciiDigit index -> Cuda(int index)
            | _ -> raise (Submission.wrong $"--device {text}" "is no device" "Write cpu, cuda or cuda:N."))

    let private print asJson (plan: Plan) (files: string list) =
        let files =
            files
            |> List.map (fun file -> Path.GetRelativePath(Environment.CurrentDirectory, file))

        if asJson then
            [
                "name", Json.Text plan.Name
                "plan", Json.Text plan.Hash
                "pictures", Json.List(files |> List.map Json.Text)
            ]
            |> Json.Object
            |> Json.canonical
            |> Console.Out.WriteLine
        else
            files |> List.iter Console.Out.WriteLine

    let verb (args: ParseResults<SampleArgs>) =
        Run.useLibTorch (args.TryGetResult SampleArgs.LibTorch)
        // Reading it from the disk takes as long as compiling a short script.
        LibTorch.Begin()

        let options = {
            Run = args.TryGetResult SampleArgs.Run
            Prompts = args.GetResults SampleArgs.Prompt
            Seed = seed args
            Count = count args
            Target = args.TryGetResult SampleArgs.Out
            Device = device args
            Scale = args.TryGetResult SampleArgs.Scale
            Adapters = args.GetResults SampleArgs.Adapter |> List.map FurtherAdapter.parse
            AnyBase = args.Contains SampleArgs.Any_Base
        }

        let submission = {
            Script = args.GetResult SampleArgs.Script
            Mode = Mode.Run
            Assignments = args.GetResults SampleArgs.Set
            Device = None
            Json = args.Contains SampleArgs.Json
            Quiet = args.Contains SampleArgs.Quiet
        }

        let told (progress: RunProgress) =
            match progress with
            | RunProgress.Began _ -> Stages.modelLoaded ()
            | RunProgress.Reached _ when args.Contains SampleArgs.First_Step -> Stages.firstStep ()
            | _ -> ()

        Submission.evaluate submission (fun _ plans ->
            Stages.scriptRead ()
            use stop = new Interruption()

            let recipe (submitted: Submitted) =
                match submitted with
                | Submitted.Recipe plan -> plan
                | Submitted.Pretraining plan ->
                    raise (
                        Submission.wrong
                            submission.Script
                            $"{plan.Name} trains a base model, which has no prompts of its own"
                            "Look at sheet.png in its run folder."
                    )

            try
                for plan in List.map recipe plans do
                    use display = Display.choose submission.Quiet

                    let tell progress =
                        told progress
                        display.Tell progress

                    print submission.Json plan (Redraw.run plan options tell stop.Token)

                Faults.ok
            with :? OperationCanceledException ->
                stop.ExitCode)
