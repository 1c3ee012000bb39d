namespace Recipes.Cli

open System
open Argu
open Recipes
open Recipes.Runs

/// `recipes export`
[<RequireQualifiedAccess>]
module Export =
    let verb (args: ParseResults<ExportArgs>) =
        Run.useLibTorch (args.TryGetResult ExportArgs.LibTorch)

        let options = {
            Run = args.TryGetResult ExportArgs.Run
            Target = args.GetResult ExportArgs.To
            Scale = args.TryGetResult ExportArgs.Scale
            DType = args.TryGetResult ExportArgs.DType |> Option.map DTypes.parse
        }

        let submission = {
            Script = args.GetResult ExportArgs.Script
            Mode = Mode.Run
            Assignments = args.GetResults ExportArgs.Set
            Device = None
            Json = false
            Quiet = true
        }

        Submission.evaluate submission (fun _ plans ->
            match plans with
            | [ Submitted.Recipe plan ] ->
                Exporting.run plan options
                Console.Out.WriteLine options.Target
                Faults.ok
            | plans ->
                raise (
                    Submission.wrong
                        submission.Script
                        $"it submits {plans.Length} plans, and one recipe's result is written at a time"
                        "Name a script that submits one recipe."
                ))
