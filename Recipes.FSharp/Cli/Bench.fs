namespace Recipes.Cli

open System
open System.IO
open Argu
open Recipes
open Recipes.Core
open Recipes.Core.Bench
open Recipes.Core.Kernels
open Recipes.Core.Pocket
open TorchSharp

/// `recipes bench`: figures of this machine, never a verdict.
[<RequireQualifiedAccess>]
module Bench =
    let private number = Json.Number

    let private print asJson (lines: string list) (fields: (string * Json) list) =
        if asJson then
            Json.Object fields |> Json.canonical |> Console.Out.WriteLine
        else
            lines |> List.iter (fun (line: string) -> Console.Out.WriteLine line)

        Faults.ok

    let private shape (name: string) =
        try
            ModelShapes.Named name
        with :? RecipesException as error ->
            raise (WrongUse error)

    let private load (args: ParseResults<BenchLoadArgs>) =
        let dtype = args.GetResult(BenchLoadArgs.DType, "float16") |> DTypes.parse

        let folder =
            match args.TryGetResult BenchLoadArgs.Write, args.TryGetResult BenchLoadArgs.Model with
            | Some folder, None ->
                let shape = args.GetResult(BenchLoadArgs.Shape, "sd15") |> shape
                RandomModel.Write(shape, folder) |> ignore
                folder
            | None, Some folder -> folder
            | None, None when not (args.Contains BenchLoadArgs.Shape) -> PocketModel.Folder
            | _ ->
                raise (
                    Submission.wrong
                        "bench load"
                        "does not say what to load"
                        "Give --model FOLDER, or --write FOLDER to have one made."
                )

        let result = LoadBench.Run(folder, null, dtype)
        let first = if result.Forgotten then "cold" else "first"
        let gigabytes bytes = float (bytes: int64) / 1e9

        print (args.Contains BenchLoadArgs.Json) [
            $"{folder}: {gigabytes result.FileBytes:F2} GB of weights"
            $"  {first, -5} {result.LoadSeconds:F2} s to load, {result.ReadSeconds:F2} s to read the bytes alone, "
            + $"{result.KeepSeconds:F2} s into memory of the weights' size"
            $"  warm  {result.WarmLoadSeconds:F2} s to load ({result.WarmCpuSeconds:F2} s of processor time), "
            + $"{result.WarmReadSeconds:F2} s to read the bytes alone, "
            + $"{result.WarmKeepSeconds:F2} s into memory of the weights' size"
            $"  memory {gigabytes result.MemoryPeak:F2} GB at most, {result.PeakRatio:F2} times the weights held; "
            + $"{gigabytes result.MemoryBefore:F2} GB before"
        ] [
            "bytes", number (float result.FileBytes)
            "cold", Json.Bool result.Forgotten
            "load_seconds", number result.LoadSeconds
            "read_seconds", number result.ReadSeconds
            "keep_seconds", number result.KeepSeconds
            "warm_keep_seconds", number result.WarmKeepSeconds
            "warm_load_seconds", number result.WarmLoadSeconds
            "warm_load_cpu_seconds", number result.WarmCpuSeconds
            "warm_read_seconds", number result.WarmReadSeconds
            "memory_before", number (float result.MemoryBefore)
            "memory_peak", number (float result.MemoryPeak)
            "memory_ratio", number result.PeakRatio
        ]

    let private start (args: ParseResults<BenchStartArgs>) =
        let runs = args.GetResult(BenchStartArgs.Runs, 5)

        if runs < 1 then
            raise (Submission.wrong $"--runs {runs}" "is no number of runs" "Ask for 1 or more.")

        let folder = Directory.CreateTempSubdirectory "recipes-bench-"

        try
            let figures = StartBench.run folder.FullName runs

            let compiling, again =
                StartTimes.Median figures.Compiling, StartTimes.Median figures.Again

            let stage (name: string) (time: StartTimes -> float) =
                $"  {name, -26} {time compiling, 8:F2} s {time again, 8:F2} s"

            let stages (times: StartTimes) = [
                "main_seconds", number times.Main
                "script_seconds", number times.Read
                "model_seconds", number times.Loaded
                "first_step_seconds", number times.First
                "cpu_seconds", number times.Cpu
            ]

            print (args.Contains BenchStartArgs.Json) [
                $"recipes sample, from cold to the first denoising step, median of {runs}"
                "                                 new script      again"
                stage "the program starts" _.Main
                stage "the script is read" _.Read
                stage "the model is loaded" _.Loaded
                stage "the first step is done" _.First
                stage "processor time" _.Cpu
            ] [
                "runs", number (float runs)
                "new_script", Json.Object(stages compiling)
                "again", Json.Object(stages again)
            ]
        finally
            folder.Delete true

    let private row (row: BenchRow) =
        let gibibytes (bytes: System.Nullable<int64>) =
            if bytes.HasValue then
                $"{float bytes.Value / 1073741824.0:F2} GiB"
            else
                "unknown"

        let way = if row.Recorded then "recorded" else "run as usual"
        let kernels = if row.Fused then ", own kernels" else ""

        [
            $"{row.Job}, batch {row.Batch}, {row.Device}: {row.Milliseconds:F2} ms ({way}{kernels})"
            $"  host {row.HostMilliseconds:F2} ms, first step after {row.SetupSeconds:F1} s"
            $"  {row.FlopsPerSecond / 1e12:G3} TFLOP/s, {100.0 * row.Share:F0} %% of the {row.MatmulFlops / 1e12:G3} of matrix products"
            $"  most in tensors {gibibytes row.PeakAllocated}, most taken {gibibytes row.PeakReserved} "
            + $"({gibibytes (System.Nullable row.Cost.Memory)} estimated)"
        ],
        Json.Object [
            "job", Json.Text row.Job
            "batch", number (float row.Batch)
            "device", Json.Text row.Device
            "milliseconds", number row.Milliseconds
            "host_milliseconds", number row.HostMilliseconds
            "setup_seconds", number row.SetupSeconds
            "flop", number row.Cost.Flops
            "flop_per_second", number row.FlopsPerSecond
            "matmul_flop_per_second", number row.MatmulFlops
            "share_of_matmul", number row.Share
            "estimated_peak", number (float row.Cost.Memory)
            "recorded", Json.Bool row.Recorded
            "fused", Json.Bool row.Fused
            "peak_allocated",
            (if row.PeakAllocated.HasValue then
                 number (float row.PeakAllocated.Value)
             else
                 Json.Null)
            "peak_reserved",
            (if row.PeakReserved.HasValue then
                 number (float row.PeakReserved.Value)
             else
                 Json.Null)
        ]

    let private steps (jobs: string list) (args: ParseResults<BenchStepArgs>) =
        Run.useLibTorch (args.TryGetResult BenchStepArgs.LibTorch)
        Fused.Enabled <- not (args.Contains BenchStepArgs.Plain)

        let moments =
            match args.GetResult(BenchStepArgs.Moments, "float32") with
            | "float32" -> Training.Precision.Float32
            | "bfloat16" -> Training.Precision.BFloat16
            | name -> raise (Submission.wrong $"--moments {name}" "is no type" "Write float32 or bfloat16.")

        let options =
            BenchOptions(
                Batch = args.GetResult(BenchStepArgs.Batch, 1),
                Runs = args.GetResult(BenchStepArgs.Runs, 20),
                Steps = args.GetResult(BenchStepArgs.Steps, 50),
                Checkpointing = args.Contains BenchStepArgs.Checkpointing,
                Moments = moments,
                Recorded = not (args.Contains BenchStepArgs.Plain)
            )

        let shape = args.GetResult(BenchStepArgs.Shapes, "sd15")

        let rows =
            try
                jobs |> List.map (fun job -> StepBench.Run(job, shape, options) |> row)
            with :? RecipesException as error when error.Where.StartsWith("bench") || error.Where.StartsWith("shape") ->
                raise (WrongUse error)

        print (args.Contains BenchStepArgs.Json) (rows |> List.collect fst) [
            "shapes", Json.Text shape
            "rows", Json.List(rows |> List.map snd)
        ]

    let verb (args: ParseResults<BenchArgs>) =
        match args.GetSubCommand() with
        | BenchArgs.Load args -> load args
        | BenchArgs.Start args -> start args
        | BenchArgs.Lora args -> steps [ "lora" ] args
        | BenchArgs.DreamBooth args -> steps [ "dreambooth" ] args
        | BenchArgs.TextToImage args -> steps [ "txt2img" ] args
        | BenchArgs.ControlNet args -> steps [ "controlnet" ] args
        | BenchArgs.All args -> steps (List.ofSeq StepBench.Names) args
