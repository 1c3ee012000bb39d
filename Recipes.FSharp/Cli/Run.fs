namespace Recipes.Cli

open System
open System.Globalization
open System.IO
open System.Text.Json.Nodes
open Argu
open Recipes
open Recipes.Core
open Recipes.Core.Native
open Recipes.Core.Pocket
open Recipes.Pretraining
open Recipes.Runs

/// `recipes run`
[<RequireQualifiedAccess>]
module Run =
    /// Chooses the libtorch before anything uses one; a folder without it is wrong use.
    let useLibTorch (folder: string option) =
        try
            folder |> Option.iter LibTorch.Use
        with :? RecipesException as error ->
            raise (WrongUse error)

    /// The CLIP model that scores: RECIPES_CLIP, a folder in the layout of the transformers library, or the embedded one.
    let private scorer () =
        match Environment.GetEnvironmentVariable "RECIPES_CLIP" with
        | null
        | "" -> PocketModel.ClipFolder
        | folder -> folder

    let private relative (path: string) =
        Path.GetRelativePath(Environment.CurrentDirectory, path)

    let private figure (line: JsonObject) =
        let number (name: string) = (nonNull line[name]).GetValue<float>()
        let name = (nonNull line["name"]).GetValue<string>()

        let ceiling =
            match line["ceiling"] with
            | null -> ""
            | reached ->
                String.Format(
                    CultureInfo.InvariantCulture,
                    "; the real pictures reach {0:0.000}",
                    reached.GetValue<float>()
                )

        let times =
            match line["times"] with
            | null -> ""
            | times -> String.Format(CultureInfo.InvariantCulture, ", {0:0.0} times", times.GetValue<float>())

        String.Format(
            CultureInfo.InvariantCulture,
            "  {0,-8} {1:0.000} before, {2:0.000} after, {3:+0.000;-0.000;0.000}{4}{5}",
            name,
            number "before",
            number "after",
            number "difference",
            times,
            ceiling
        )

    /// The results in a few lines: figures, then where things lie.
    let private summary (folder: string) (state: RunState) = [
        match state.Results with
        | None -> ()
        | Some results ->
            match results["figures"] with
            | :? JsonArray as figures ->
                for line in figures do
                    match line with
                    | :? JsonObject as line -> figure line
                    | _ -> ()
            | _ -> ()

            for name in [ "weights"; "grid"; "report"; "samples" ] do
                match results[name] with
                | null -> ()
                | file -> $"  {name, -8} {relative (Path.Combine(folder, file.GetValue<string>()))}"
    ]

    let private json (folder: string) (state: RunState) =
        let json = RunState.toJson state
        json["folder"] <- JsonValue.Create(relative folder)
        Console.Out.WriteLine(json.ToJsonString())

    let private print asJson folder (state: RunState) heading =
        if asJson then
            json folder state
        else
            Console.Out.WriteLine $"{state.Name}: {heading}"
            summary folder state |> List.iter Console.Out.WriteLine

    let private stopped (submission: Submission) (stop: Interruption) (display: Display) (name: string) folder =
        display.Dispose()
        Console.Error.WriteLine $"{name}: stopped; what is done is kept in {relative folder}"
        Console.Error.WriteLine "  Type the same command again to continue."

        if submission.Json then
            RunState.load folder |> Option.iter (json folder)

        stop.ExitCode

    let private cook (submission: Submission) options (stop: Interruption) (plan: Plan) =
        use display = Display.choose submission.Quiet

        if not submission.Quiet then
            for warning in plan.Warnings do
                Console.Error.WriteLine $"warning {warning}"

        match Cook.run plan options display.Tell stop.Token with
        | Outcome.Finished(folder, state) ->
            print submission.Json folder state "finished"
            Faults.ok
        | Outcome.Already(folder, state) ->
            print submission.Json folder state "this plan has run already; --fresh runs it again"
            Faults.ok
        | Outcome.Stopped folder -> stopped submission stop display plan.Name folder

    /// A trained base model: its figures, where it lies, and how to install it.
    let private printPretraining asJson folder (state: RunState) heading =
        if asJson then
            json folder state
        else
            Console.Out.WriteLine $"{state.Name}: {heading}"

            match state.Results |> Option.bind (fun results -> Option.ofObj results["figures"]) with
            | Some figures -> Console.Out.WriteLine(figures.ToString())
            | None -> ()

            Console.Out.WriteLine $"  the model is in {relative folder}; to install it, type"

            for line in PretrainingRun.install (relative folder) do
                Console.Out.WriteLine $"    {line}"

    let private pretrain (submission: Submission) options (stop: Interruption) (plan: PretrainingPlan) =
        use display = Display.choose submission.Quiet

        match PretrainingRun.run plan options display.Tell stop.Token with
        | Outcome.Finished(folder, state) ->
            printPretraining submission.Json folder state "finished"
            Faults.ok
        | Outcome.Already(folder, state) ->
            printPretraining submission.Json folder state "this plan has run already; --fresh runs it again"
            Faults.ok
        | Outcome.Stopped folder -> stopped submission stop display plan.Name folder

    let verb (args: ParseResults<RunArgs>) =
        useLibTorch (args.TryGetResult RunArgs.LibTorch)

        let submission = {
            Script = args.GetResult RunArgs.Script
            Mode = Mode.Run
            Assignments = args.GetResults RunArgs.Set
            Device = args.TryGetResult RunArgs.Device
            Json = args.Contains RunArgs.Json
            Quiet = args.Contains RunArgs.Quiet
        }

        Submission.evaluate submission (fun files plans ->
            use stop = new Interruption()

            let options = {
                ScriptFiles = files
                Out = args.TryGetResult RunArgs.Out
                Fresh = args.Contains RunArgs.Fresh
                Cache = PictureCache.root ()
                Scorer = scorer ()
            }

            let work (submitted: Submitted) =
                match submitted with
                | Submitted.Recipe plan -> cook submission options stop plan
                | Submitted.Pretraining plan -> pretrain submission options stop plan

            // One run after the other; the first that does not finish ends them.
            plans
            |> List.fold (fun code plan -> if code = Faults.ok then work plan else code) Faults.ok)
