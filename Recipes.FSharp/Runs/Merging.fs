namespace Recipes.Runs

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Recipes
open Recipes.Core.Adapters
open Recipes.Core.Adapters.Merging
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Eval
open TorchSharp

/// Puts together what other plans have trained, draws it, and measures it subject by subject.
[<RequireQualifiedAccess>]
module internal Merging =
    /// A finished run that is merged.
    type private Part = { Plan: Plan; Folder: string }

    /// Copies of the maps that read the prompt as the run has trained them, by layer.
    let private maps (model: StableDiffusionModel) (part: Part) =
        let file = Product.path part.Folder part.Plan

        match part.Plan.Method with
        | PlannedMethod.KeysAndValues _ -> CustomDiffusionFile.Read(file, model.UNet)
        | _ ->
            use adapters = Product.adapters file model
            use _ = FusedAdapters.Fuse [| adapters |]
            KeyValueMerge.Copy model.UNet

    /// The subjects of a run, each with its maps; what is made of them is freed by the caller's scope.
    let private tuned way model (part: Part) = [
        let weights = maps model part

        for subject in part.Plan.Subjects do
            let learned = [
                match subject.Captions with
                | Same text -> text
                | _ ->
                    for picture in subject.Images do
                        yield! Option.toList picture.Caption
            ]

            TunedSubject(
                Words = subject.Called,
                Weights = weights,
                Prompts =
                    (match way with
                     // It meets each of them exactly, so there may be few: those that it was learned with.
                     | ClosedForm -> [| yield! List.distinct (learned @ [ $"a photo of {subject.Called}" ]) |]
                     | _ -> [| yield! OrdinaryCaptions.Of(subject.Called, List.toArray learned) |])
            )
    ]

    /// The sum of the runs' adapters as one adapter, not attached.
    let private sum (model: StableDiffusionModel) (parts: Part list) =
        let sets = [
            for part in parts -> Product.adapters (Product.path part.Folder part.Plan) model
        ]

        try
            AdapterSum.Of [| for set in sets -> struct (set, 1.0) |]
        finally
            for set in sets do
                set.Dispose()

    let private onAdapters (way: MergeWay) (parts: Part list) =
        match way with
        | ClosedForm
        | LeastSquares -> false
        | Sum
        | PlainSum -> parts |> List.forall _.Plan.Method.IsLowRank

    /// Merges onto the model, does the work, and takes the merge off again. The work gets the adapter, where there is one.
    let private merged way (model: StableDiffusionModel) (parts: Part list) (work: LoraSet option -> 'result) =
        if onAdapters way parts then
            use adapters = sum model parts
            adapters.Attach()
            work (Some adapters)
        else
            use scope = torch.NewDisposeScope()
            let before = KeyValueMerge.Copy model.UNet
            let subjects = parts |> List.collect (tuned way model) |> List.toArray

            match way with
            | ClosedForm -> KeyValueMerge.Constrain(model, subjects, OrdinaryCaptions.All)
            | LeastSquares -> KeyValueMerge.Fit(model, subjects, OrdinaryCaptions.All)
            | Sum
            | PlainSum -> KeyValueMerge.Add(model, subjects)

            try
                work None
            finally
                KeyValueMerge.Put(model.UNet, before)
                scope.Dispose()

    /// Writes the merge, and the parts' tokens beside keys and values.
    let private save (folder: RunFolder) (plan: Plan) (merge: PlannedMerge) (model: StableDiffusionModel) adapters =
        let header = AdapterHeader.ofPlan plan
        let file = folder.File(Product.name plan)

        match adapters with
        | Some(set: LoraSet) -> set.Save(file, header)
        | None ->
            CustomDiffusionFile.Write(model.UNet, readOnlyDict [], file, header)

            for token, place in List.zip merge.Tokens (Product.tokens folder.Path merge.Tokens) do
                Path.GetDirectoryName place
                |> Option.ofObj
                |> Option.iter (fun parent -> Directory.CreateDirectory parent |> ignore)

                let inversion = model.LearnedTokens.Get token.Token
                TextualInversionFile.Write(inversion, place, EmbeddingNaming.Diffusers, header)

    /// How much the parts' adapters read of each other's inputs, where they are added up.
    let private crosstalk model (parts: Part list) : Score list = [
        if parts |> List.forall _.Plan.Method.IsLowRank then
            let sets = [
                for part in parts -> Product.adapters (Product.path part.Folder part.Plan) model
            ]

            let between = [|
                for first in 0 .. sets.Length - 1 do
                    for second in first + 1 .. sets.Length - 1 do
                        Crosstalk.Between(sets[first], sets[second])
            |]

            for set in sets do
                set.Dispose()

            Score(
                "crosstalk",
                "How much the adapters read of each other's inputs (Orthogonal Adaptation, section 4): 0 at right angles, 1 for the same.",
                between,
                Better = Better.Lower
            )
    ]

    let private results (folder: RunFolder) (plan: Plan) parts comparisons (others: Score list) (seconds: float) =
        let json = JsonObject()
        json["weights"] <- JsonValue.Create(Product.name plan)
        json["weights_sha256"] <- JsonValue.Create(Product.sha256 folder.Path plan)
        json["grid"] <- JsonValue.Create "grid.png"
        json["report"] <- JsonValue.Create "report.html"
        json["samples"] <- JsonValue.Create "samples"
        json["figures"] <- Scores.json comparisons

        for score in others do
            json[score.Name] <- JsonValue.Create score.Value

        let runs = JsonArray()

        for part in parts do
            runs.Add(JsonValue.Create(part.Plan.Hash))

        json["parts"] <- runs
        json["seconds"] <- JsonValue.Create(Math.Round(seconds, 1))
        json

    /// Merges in the run's folder. `finished` gives the folder of a part's run, and runs it first where it has to.
    let work
        (folder: RunFolder)
        (plan: Plan)
        (merge: PlannedMerge)
        (options: CookOptions)
        state
        (finished: Plan -> string)
        (tell: RunProgress -> unit)
        (stop: CancellationToken)
        =
        let clock = Stopwatch.StartNew()
        let shots = Painter.shots plan
        Disk.writeText (folder.File "environment.json") (RunEnvironment.json plan state.Threads)

        let parts = [
            for number, part in List.indexed plan.Parts do
                tell (RunProgress.Note $"part {number + 1} of {plan.Parts.Length}: {part.Name}")

                { Plan = part; Folder = finished part }
        ]

        Machine.prepare plan.Budget.Device state.Threads
        use model = Machine.load plan plan.Budget.Device

        let draw phase shots () =
            tell (RunProgress.Began(phase, 0, Painter.work plan shots))

            let images =
                Painter.draw
                    model
                    plan
                    shots
                    []
                    (fun count -> tell (RunProgress.Reached(phase, count, None, None)))
                    stop

            tell (RunProgress.Ended phase)
            images

        let asked = Painter.untrained plan shots
        let before = Samples.get folder plan "before" asked (draw Phase.Before asked)

        let tokens = [
            for part in parts do
                match part.Plan.Method with
                | PlannedMethod.KeysAndValues keys -> yield! Product.tokens part.Folder keys.Tokens
                | _ -> ()
        ]

        use _ = Product.learned model tokens

        let compared =
            merge.Against
            |> Option.map (fun way ->
                let stage = (string way).Replace(' ', '-')

                way,
                stage,
                merged way model parts (fun _ -> Samples.get folder plan stage shots (draw Phase.After shots)))

        let after =
            merged merge.Way model parts (fun adapters ->
                save folder plan merge model adapters
                Samples.get folder plan "after" shots (draw Phase.After shots))

        let others =
            if merge.Way = Sum || merge.Way = PlainSum then
                crosstalk model parts
            else
                []

        stop.ThrowIfCancellationRequested()
        tell (RunProgress.Began(Phase.Scoring, 0, 1))

        let comparisons =
            use scorer =
                ClipScorer.Load(options.Scorer, Lowering.Computing.device plan.Budget.Device)

            let measured = Scores.compare scorer plan shots before

            [
                yield! measured after

                match compared with
                | Some(way, _, images) ->
                    for each in measured images do
                        {
                            each with
                                Label = $"{each.Label} by {way}"
                                Ceiling = None
                                Way = Some(string way)
                        }
                | None -> ()
            ]

        tell (RunProgress.Ended Phase.Scoring)

        let columns =
            compared
            |> Option.map (fun (way, _, images) -> string way, images)
            |> Option.toList

        RunGrid.write (folder.File "grid.png") plan shots [] before columns after

        RunPage.write (folder.File "report.html") plan {
            Shots = shots
            Hints = []
            Before = shots |> List.map (Samples.path folder "before")
            Compared = [
                match compared with
                | Some(way, stage, _) -> string way, shots |> List.map (Samples.path folder stage)
                | None -> ()
            ]
            After = shots |> List.map (Samples.path folder "after")
            Comparisons = comparisons
            Others = others
            Previews = []
            Visits = []
            Metrics = [
                for part in parts -> $"Training loss of {part.Plan.Name}", Path.Combine(part.Folder, "metrics.jsonl")
            ]
            WeightsSha256 = Some(Product.sha256 folder.Path plan)
            Enlarged = None
            Threads = state.Threads
        }

        results folder plan parts comparisons others clock.Elapsed.TotalSeconds
