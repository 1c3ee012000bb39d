namespace Recipes.Runs

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Recipes
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Eval
open Recipes.Lowering

/// Runs a plan, from the base model's pictures to the report.
[<RequireQualifiedAccess>]
module Cook =
    /// Bytes that a run may write: the result, two copies of its optimiser's state, pictures, and the small files.
    let private space (plan: Plan) =
        let picture = 3L * int64 plan.Budget.Size * int64 plan.Budget.Size
        let previews = (Previews.steps plan).Length * (Previews.shots plan).Length
        let pictures = 4L * int64 (Painter.shots plan).Length + int64 previews

        let enlarged =
            plan.Enlarge
            |> Option.map (fun stage -> Enlarging.space stage (Painter.shots plan).Length)
            |> Option.defaultValue (Enlarging.space plan 0)

        Checks.Resources.resultBytes plan.Method.Parameters
        + 2L
          * (Checks.Resources.checkpointBytes plan.Budget.Optimiser plan.Method.Parameters
             + Checks.Resources.averageBytes plan.Budget plan.Method.Parameters)
        + picture * pictures
        + enlarged
        + 20_000_000L

    /// One phase that counts denoising passes.
    let private drawing (tell: RunProgress -> unit) phase total (draw: (int -> unit) -> 'a) =
        tell (RunProgress.Began(phase, 0, total))

        let result =
            draw (fun count -> tell (RunProgress.Reached(phase, count, None, None)))

        tell (RunProgress.Ended phase)
        result

    let private results (folder: RunFolder) (plan: Plan) (comparisons: Comparison list) visits (seconds: float) =
        let json = JsonObject()

        if plan.Trains then
            json["weights"] <- JsonValue.Create(Product.name plan)
            json["weights_sha256"] <- JsonValue.Create(Product.sha256 folder.Path plan)

        json["grid"] <- JsonValue.Create "grid.png"
        json["report"] <- JsonValue.Create "report.html"
        json["samples"] <- JsonValue.Create "samples"
        json["steps"] <- JsonValue.Create(int plan.Budget.Steps)
        json["figures"] <- Scores.json comparisons
        json["visits"] <- Visits.json visits
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
        Machine.prepare plan.Budget.Device state.Threads
        Disk.writeText (folder.File "environment.json") (RunEnvironment.json plan state.Threads)

        let hints = Controlling.sampleHints plan shots
        Controlling.keep folder plan shots hints
        let trainingHints = Controlling.trainingHints folder plan

        let before, after, visits =
            use model = Machine.load plan plan.Budget.Device
            let net = Controlling.fresh plan model
            use _ = Controlling.held net

            let draw phase shots controls =
                let pictures =
                    drawing tell phase (Painter.work plan shots) (fun reached ->
                        Painter.draw model plan shots controls reached stop)

                model.UNet.DrawingPlainReason
                |> Option.ofObj
                |> Option.iter (fun reason -> tell (RunProgress.Note $"drawing was not recorded: {reason}"))

                pictures

            let asked = Painter.untrained plan shots

            let before =
                Samples.get folder plan "before" asked (fun () -> draw Phase.Before asked [])

            let classPictures = [
                for subject in plan.Subjects do
                    if subject.PriorCount = 0<img> then
                        []
                    else
                        drawing tell Phase.ClassPictures (ClassPictures.work plan subject) (fun reached ->
                            ClassPictures.files options.Cache plan subject model reached stop)
            ]

            let partners = [
                if plan.Budget.Collages > 0<img> then
                    for subject, _ in Company.things plan do
                        drawing tell Phase.ClassPictures (ClassPictures.work plan subject) (fun reached ->
                            ClassPictures.files options.Cache plan subject model reached stop)
            ]

            let collages = Company.compose folder plan partners

            let inputs = {
                ClassPictures = classPictures
                Collages = collages
                Net = net
                Hints = trainingHints
                CheckpointFolder = folder.Path
                CacheFolder = options.Cache
                Show =
                    fun steps model ->
                        Previews.save folder plan steps (fun shots ->
                            Controlling.drawing plan model net (Controlling.sampleHints plan shots) (fun controls ->
                                Painter.draw model plan shots controls ignore CancellationToken.None))
            }

            let result =
                if plan.Trains then
                    Some(Learning.run folder plan model inputs tell stop)
                else
                    None

            use _ = Learning.held result

            let after =
                Samples.get folder plan "after" shots (fun () ->
                    Controlling.drawing plan model net hints (draw Phase.After shots))

            before,
            after,
            result
            |> Option.map (fun result -> List.ofSeq result.Visits)
            |> Option.defaultValue []

        let enlarged =
            plan.Enlarge
            |> Option.map (fun stage ->
                Enlarging.run (folder.File "upscaler") stage plan.Hash (List.zip shots after) tell stop)

        stop.ThrowIfCancellationRequested()
        tell (RunProgress.Began(Phase.Scoring, 0, 1))

        let comparisons =
            use scorer =
                ClipScorer.Load(options.Scorer, Lowering.Computing.device plan.Budget.Device)

            Controlling.compare plan shots hints before after
            @ Scores.compare scorer plan shots before after

        tell (RunProgress.Ended Phase.Scoring)
        RunGrid.write (folder.File "grid.png") plan shots hints before [] after

        RunPage.write (folder.File "report.html") plan {
            Shots = shots
            Hints = hints
            Before = shots |> List.map (Samples.path folder "before")
            Compared = []
            After = shots |> List.map (Samples.path folder "after")
            Comparisons = comparisons
            Others = []
            Previews = Previews.chosen folder plan 8
            Visits = visits
            Metrics = [
                if plan.Trains then
                    "Training loss", folder.File "metrics.jsonl"
            ]
            WeightsSha256 =
                if plan.Trains then
                    Some(Product.sha256 folder.Path plan)
                else
                    None
            Enlarged = enlarged
            Threads = state.Threads
        }

        let json = results folder plan comparisons visits clock.Elapsed.TotalSeconds

        match enlarged with
        | Some made ->
            EnlargingFigures.add json made
            Enlarging.finish made
        | None -> ()

        json

    /// Runs the plan in its folder: from the start, from where an earlier run of it was stopped, or not at all where
    /// one is finished. `tell` hears how it goes; `stop` ends it at the next safe point.
    let rec run (plan: Plan) (options: CookOptions) (tell: RunProgress -> unit) (stop: CancellationToken) : Outcome =
        let frame = {
            Name = plan.Name
            Hash = plan.Hash
            Json = plan.Json
            Device = plan.Budget.Device
            OutputFolder = plan.OutputFolder
            Space = space plan
        }

        Frame.run frame options tell (fun folder state ->
            let clock = Stopwatch.StartNew()

            let continued =
                Directory.Exists(folder.File "samples")
                || File.Exists(folder.File TrainingCheckpoint.FileName)

            let results =
                match plan.Upscaling, plan.Method with
                | Some _, _ -> EnlargingRun.work folder plan state tell stop
                | None, PlannedMethod.Merge merge ->
                    Merging.work folder plan merge options state (part options tell stop) tell stop
                | None, _ -> work folder plan options state tell stop

            File.Delete(folder.File TrainingCheckpoint.FileName)

            // How long a merge takes depends on which of its parts have run.
            if not continued && plan.Parts.IsEmpty then
                Speeds.keep options.Cache plan clock.Elapsed.TotalSeconds

            results)

    /// The folder of a finished run of a plan that another one merges; it is run first where it has to be.
    and private part (options: CookOptions) tell stop (plan: Plan) =
        match run plan options tell stop with
        | Outcome.Finished(folder, _)
        | Outcome.Already(folder, _) -> folder
        | Outcome.Stopped _ -> raise (OperationCanceledException stop)
