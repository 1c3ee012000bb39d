namespace Recipes.Cli

open System
open System.IO
open Recipes
open Recipes.Core

/// What every verb takes.
type Submission = {
    Script: string
    Mode: Mode
    /// `name=value` texts as they were typed.
    Assignments: string list
    Device: string option
    Json: bool
    Quiet: bool
}

/// What a script hands in.
[<RequireQualifiedAccess>]
type Submitted =
    | Recipe of Plan
    | Pretraining of Pretraining.PretrainingPlan

/// Wrong use of the command line: exit code 2 rather than 1.
exception WrongUse of RecipesException

[<RequireQualifiedAccess>]
module Submission =
    let wrong place fault cure =
        WrongUse(RecipesException(place, fault, cure))

    let private assignment (text: string) =
        match text.Split('=', 2) with
        | [| name; value |] when name.Trim() <> "" -> name.Trim(), value.Trim()
        | _ -> raise (wrong $"--set {text}" "is no name=value" "Write, for example, `--set steps=20`.")

    let private existing (path: string) =
        if Directory.Exists path then
            raise (wrong path "is a folder, not a script" "Name an .fsx file in it.")
        elif not (File.Exists path) then
            let near =
                match Path.GetDirectoryName(Path.GetFullPath path) with
                | null -> []
                | folder when not (Directory.Exists folder) -> []
                | folder ->
                    Directory.EnumerateFiles(folder, "*.fsx")
                    |> Seq.map Path.GetFileName
                    |> Seq.choose Option.ofObj
                    |> Seq.filter (fun name -> not (name.StartsWith '_'))
                    |> Seq.sort
                    |> Seq.toList

            raise (
                wrong
                    path
                    "no such script"
                    (match near with
                     | [] -> "Check the path; relative paths start at the current folder."
                     | names -> $"""Scripts in that folder: {String.concat ", " names}.""")
            )

    let private host (submission: Submission) (run: string list -> Submitted list -> int) : int =
        existing submission.Script
        let plans = ResizeArray<Submitted>()
        Session.Mode <- submission.Mode
        Session.Json <- submission.Json
        Session.Script <- Some(Path.GetFullPath submission.Script)
        Session.Submitted <- 0
        Session.ExitCode <- 0

        Session.Overrides <- [
            for text in submission.Assignments do
                assignment text
            match submission.Device with
            | Some device -> "device", device
            | None -> ()
        ]

        Session.Runner <-
            fun plan ->
                plans.Add(Submitted.Recipe plan)
                0

        Session.Pretrainer <-
            fun plan ->
                plans.Add(Submitted.Pretraining plan)
                0

        Session.Fetcher <- Download.repository submission.Quiet

        let say (line: string) = Console.Error.WriteLine line

        let evaluation =
            Script.evaluate (if submission.Quiet then ignore else say) submission.Script

        match evaluation with
        | Evaluation.Refused lines ->
            List.iter say lines
            Faults.wrongUse
        | Evaluation.Threw(place, error) ->
            place |> Option.iter (fun place -> say $"{place}: the script stopped here")
            Faults.report error
            Faults.failed
        | Evaluation.Done _ when Session.Submitted = 0 ->
            raise (
                wrong
                    submission.Script
                    "it submits no recipe"
                    "End it with `|> Session.submit`, or `|> Session.pretrain`."
            )
        | Evaluation.Done files ->
            if Session.ExitCode <> 0 || plans.Count = 0 then
                Session.ExitCode
            else
                run files (List.ofSeq plans)

    /// Evaluates the script; `run` gets every plan that it submits once all of them are checked, with the source files.
    /// Gives the exit code. Whatever is submitted later in this process is shown again, as in a bare script.
    let evaluate (submission: Submission) (run: string list -> Submitted list -> int) : int =
        try
            host submission run
        finally
            Session.Mode <- Mode.Show
            Session.Json <- false
            Session.Script <- None
            Session.Overrides <- []
