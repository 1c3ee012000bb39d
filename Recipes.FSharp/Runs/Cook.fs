namespace Recipes.Runs

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography
open System.Text.Json.Nodes
open System.Threading
open Recipes
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Eval

/// Runs a plan, from the base model's pictures to the report.
[<RequireQualifiedAccess>]
module Cook =
    let private sha256 (path: string) =
        use stream = File.OpenRead path
        Convert.ToHexStringLower(SHA256.HashData stream)

    /// Bytes that a run may write: the adapter, two copies of its optimiser's state, pictures, and the small files.
    let private space (plan: Plan) =
        let picture = 3L * int64 plan.Budget.Size * int64 plan.Budget.Size
        let pictures = 4L * int64 (Painter.shots plan).Length
        plan.Lora.Parameters * 4L * (1L + 2L * 3L) + picture * pictures + 20_000_000L

    let private train (folder: RunFolder) (plan: Plan) model classPictures (tell: RunProgress -> unit) stop =
        let total = int plan.Budget.Steps
        let mutable metrics: Metrics option = None

        let onStep (step: TrainingStep) =
            let log =
                match metrics with
                | Some log -> log
                | None ->
                    let first = int step.Step - 1
                    let log = Metrics.After(folder.File "metrics.jsonl", first)
                    metrics <- Some log

                    if first > 0 then
                        tell (RunProgress.Note $"continuing after step {first}")

                    // The first step also prepares; the pace is counted from its end.
                    tell (RunProgress.Began(Phase.Training, int step.Step, total))
                    log

            log.Add(
                int step.Step,
                [
                    "loss", step.Loss
                    "instance_loss", step.InstanceLoss
                    match Option.ofNullable step.PriorLoss with
                    | Some loss -> "prior_loss", loss
                    | None -> ()
                    "gradient_norm", step.GradientNorm
                    "rate", step.Rate
                ]
            )

            tell (RunProgress.Reached(Phase.Training, int step.Step, Some step.Loss, Some step.Rate))

        let progress = {
            new IProgress<TrainingStep> with
                member _.Report step = onStep step
        }

        try
            let result =
                DreamBoothTrainer.Run(model, Lower.dreamBooth plan classPictures folder.Path, progress, stop)

            if result.Status = TrainingStatus.Interrupted then
                result.Dispose()
                raise (OperationCanceledException stop)

            if metrics.IsSome then
                tell (RunProgress.Ended Phase.Training)

            result.PlainReason
            |> Option.ofObj
            |> Option.iter (fun reason -> tell (RunProgress.Note $"the steps were not recorded: {reason}"))

            result
        finally
            metrics |> Option.iter (fun log -> (log :> IDisposable).Dispose())

    /// One phase that counts denoising passes.
    let private drawing (tell: RunProgress -> unit) phase total (draw: (int -> unit) -> 'a) =
        tell (RunProgress.Began(phase, 0, total))

        let result =
            draw (fun count -> tell (RunProgress.Reached(phase, count, None, None)))

        tell (RunProgress.Ended phase)
        result

    let private results (plan: Plan) adapter (comparisons: Comparison list) (seconds: float) =
        let json = JsonObject()
        json["adapter"] <- JsonValue.Create(Path.GetFileName(adapter: string))
        json["adapter_sha256"] <- JsonValue.Create(sha256 adapter)
        json["grid"] <- JsonValue.Create "grid.png"
        json["report"] <- JsonValue.Create "report.html"
        json["samples"] <- JsonValue.Create "samples"
        json["steps"] <- JsonValue.Create(int plan.Budget.Steps)
        json["figures"] <- Scores.json comparisons
        json["seconds"] <- JsonValue.Create(Math.Round(seconds, 1))
        json

    let private work
        (folder: RunFolder)
        (plan: Plan)
        options
        state
        (tell: RunProgress -> unit)
        (stop: CancellationToken)
        =
        let clock = Stopwatch.StartNew()
        let shots = Painter.shots plan
        let subject = Lower.subject plan
        Machine.prepare plan.Budget.Device state.Threads
        Disk.writeText (folder.File "environment.json") (RunEnvironment.json plan state.Threads)
        use model = Machine.load plan plan.Budget.Device

        let draw phase () =
            drawing tell phase (Painter.work plan shots) (fun reached -> Painter.draw model plan shots reached stop)

        let before = Samples.get folder plan "before" shots (draw Phase.Before)

        let classPictures =
            if subject.PriorCount = 0<img> then
                []
            else
                drawing tell Phase.ClassPictures (ClassPictures.work plan subject) (fun reached ->
                    ClassPictures.files options.Cache plan subject model reached stop)

        let adapter = folder.File $"{plan.Name}.safetensors"

        let after =
            use result = train folder plan model classPictures tell stop
            result.SaveAdapters(adapter, AdapterHeader.ofPlan plan)
            Samples.get folder plan "after" shots (draw Phase.After)

        stop.ThrowIfCancellationRequested()
        tell (RunProgress.Began(Phase.Scoring, 0, 1))

        let comparisons =
            use scorer = ClipScorer.Load(options.Scorer, Lower.device plan.Budget.Device)
            Scores.compare scorer plan shots before after

        tell (RunProgress.Ended Phase.Scoring)
        RunReport.grid (folder.File "grid.png") plan shots before after

        RunReport.page (folder.File "report.html") plan {
            Shots = shots
            Before = shots |> List.map (Samples.path folder "before")
            After = shots |> List.map (Samples.path folder "after")
            Comparisons = comparisons
            Metrics = folder.File "metrics.jsonl"
            AdapterSha256 = sha256 adapter
            Threads = state.Threads
        }

        results plan adapter comparisons clock.Elapsed.TotalSeconds

    /// Runs the plan in its folder: from the start, from where an earlier run of it was stopped, or not at all where
    /// one is finished. `tell` hears how it goes; `stop` ends it at the next safe point.
    let run (plan: Plan) (options: CookOptions) (tell: RunProgress -> unit) (stop: CancellationToken) : Outcome =
        let frame = {
            Name = plan.Name
            Hash = plan.Hash
            Json = plan.Json
            Device = plan.Budget.Device
            OutputFolder = plan.OutputFolder
            Space = space plan
        }

        Frame.run frame options tell (fun folder state ->
            let results = work folder plan options state tell stop
            File.Delete(folder.File TrainingCheckpoint.FileName)
            results)
