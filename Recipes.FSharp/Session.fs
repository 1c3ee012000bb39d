namespace Recipes

open System
open System.IO
open System.Runtime.CompilerServices

/// What a submitted recipe is for.
[<RequireQualifiedAccess>]
type Mode =
    /// Print the plan.
    | Show
    /// Print problems and warnings only.
    | Check
    /// Hand the plan to the runner.
    | Run

/// Where a script hands in its recipe. A host, such as the command line, sets the members before it evaluates the script
/// and reads `ExitCode` after; in a bare script or the interactive session a recipe is checked and shown.
[<AbstractClass; Sealed>]
type Session private () =
    static member val Mode = Mode.Show with get, set

    /// Runs a plan and gives an exit code. A host that sets the mode to Run sets this too.
    static member val Runner: Plan -> int = (fun plan -> invalidOp $"no runner was set for {plan.Name}") with get, set

    /// Runs a pretraining, likewise.
    static member val Pretrainer: Pretraining.PretrainingPlan -> int =
        (fun plan -> invalidOp $"no runner was set for {plan.Name}") with get, set

    /// Downloads a base model that no cache on this disk has, before a recipe that needs it runs. A host that shows progress
    /// sets this.
    static member val Fetcher: Repository -> unit =
        (fun repository ->
            Locating.fetch (Core.Hub.HubSettings.FromEnvironment()) ignore repository
            |> ignore) with get, set

    /// Settings changed from outside, as name and text: see `Overrides` and `PretrainingOverrides`.
    static member val Overrides: (string * string) list = [] with get, set

    /// Print JSON instead of text.
    static member val Json = false with get, set

    /// The script that is evaluated, where the host knows it better than the compiler.
    static member val Script: string option = None with get, set

    /// How many recipes were submitted.
    static member val Submitted = 0 with get, set

    /// 0 where all went well, 1 where a run failed, 2 where a recipe has problems; the highest of all recipes.
    static member val ExitCode = 0 with get, set

    static member private finish code =
        Session.ExitCode <- max Session.ExitCode code

    static member private problems(name: string, place: string, problems: Problem list) =
        if Session.Json then
            let one (problem: Problem) =
                Json.Object [
                    "code", Json.Text problem.Code
                    "severity", Json.Text(if isError problem then "error" else "warning")
                    "at", Json.Text problem.At
                    "what", Json.Text problem.What
                    "try", Json.Text problem.Try
                ]

            [ "name", Json.Text name; "problems", Json.List(List.map one problems) ]
            |> Json.Object
            |> Json.canonical
            |> printfn "%s"
        elif not problems.IsEmpty then
            let errors, warnings = problems |> List.partition isError

            let counts = [
                if not errors.IsEmpty then
                    counted errors.Length "problem"
                if not warnings.IsEmpty then
                    counted warnings.Length "warning"
            ]

            eprintfn $"{name}: {listed counts}{place}"

            for problem in problems do
                eprintfn $"""  {if isError problem then "error  " else "warning"} {problem}"""

    static member private show(text: string, json: string, takes: string option, script: string option) =
        if Session.Json then
            printfn $"{json}"
        else
            printfn $"{text}"
            takes |> Option.iter (fun time -> printfn $"    takes    {time}")

            match script with
            | Some script ->
                let relative = Path.GetRelativePath(Environment.CurrentDirectory, script)
                let typed = if relative.StartsWith ".." then script else relative
                printfn $"run it with: recipes run {typed}"
            | None -> printfn "save it as a script and run it with: recipes run SCRIPT.fsx"

    /// The script that a caller stands in, and how a message names the place.
    static member private caller(file: string option, line: int option) =
        let script =
            Session.Script
            |> Option.orElse (file |> Option.filter File.Exists)
            |> Option.map Path.GetFullPath

        let place =
            match script, line with
            | Some script, Some line -> $" ({Path.GetFileName script}:{line})"
            | _ -> ""

        script, place

    /// The checked plan. Where all that keeps it from running is a model to download, that is done, and the rest checked.
    static member private plan (script: string option) (recipe: Recipe) =
        let absent (problems: Problem list) = [
            for at, recipe in
                ("recipe", recipe)
                :: [ for stage in RecipeLines.enlargings recipe -> "enlarge.recipe", stage ] do
                match recipe.Weights with
                | Weights.Hub repository when problems |> List.exists (fun problem -> problem.At = at) -> repository
                | _ -> ()
        ]

        match Session.Mode, Plan.checkScript script recipe with
        | Mode.Run, Error problems when
            problems
            |> List.filter isError
            |> List.forall (fun problem -> problem.Code = Locating.toDownload)
            ->
            try
                absent problems |> List.iter Session.Fetcher
                Plan.checkScript script recipe
            with :? Core.RecipesException as fault ->
                Error [ error "M3" "recipe" $"{fault.Where}: {fault.Fault}" fault.Cure ]
        | _, outcome -> outcome

    /// Checks a recipe, and shows or runs its plan: the last line of a script.
    static member submit(recipe: Recipe, [<CallerFilePath>] ?file: string, [<CallerLineNumber>] ?line: int) : unit =
        Session.Submitted <- Session.Submitted + 1
        let script, place = Session.caller (file, line)

        match Overrides.apply Session.Overrides recipe |> Result.bind (Session.plan script) with
        | Error problems ->
            Session.problems (recipe.Name, place, problems)

            Session.finish (
                if problems |> List.exists (fun p -> p.Code = "M3") then
                    1
                else
                    2
            )
        | Ok plan ->
            match Session.Mode with
            | Mode.Show ->
                let takes = Speeds.told Recipes.Core.Hub.RecipesCache.Root plan
                Session.show (plan.Text, plan.Json, Some takes, plan.ScriptPath)
            | Mode.Check -> Session.problems (plan.Name, place, plan.Warnings)
            | Mode.Run -> Session.finish (Session.Runner plan)

    /// The same for a pretraining: the last line of its script.
    static member pretrain
        (pretraining: Pretraining.Pretraining, [<CallerFilePath>] ?file: string, [<CallerLineNumber>] ?line: int)
        : unit =
        Session.Submitted <- Session.Submitted + 1
        let script, place = Session.caller (file, line)

        match
            Pretraining.PretrainingOverrides.apply Session.Overrides pretraining
            |> Result.bind (Pretraining.PretrainingPlan.checkScript script)
        with
        | Error problems ->
            Session.problems (pretraining.Name, place, problems)
            Session.finish 2
        | Ok plan ->
            match Session.Mode with
            | Mode.Show -> Session.show (plan.Text, plan.Json, None, plan.ScriptPath)
            | Mode.Check -> Session.problems (plan.Name, place, [])
            | Mode.Run -> Session.finish (Session.Pretrainer plan)
