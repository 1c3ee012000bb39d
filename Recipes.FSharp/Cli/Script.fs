namespace Recipes.Cli

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open FSharp.Compiler.Diagnostics
open FSharp.Compiler.Interactive.Shell
open FSharp.Compiler.IO
open Recipes.Runs

/// What came of evaluating a script.
[<RequireQualifiedAccess>]
type Evaluation =
    /// The source files that were read: the script and all that it loads.
    | Done of files: string list
    /// It did not compile: one line or more a diagnostic.
    | Refused of diagnostics: string list
    /// It compiled and threw: where, if that is known, and what.
    | Threw of place: string option * error: exn

/// Evaluates a recipe's script in this process, with the F# compiler as a library.
[<RequireQualifiedAccess>]
module Script =
    /// As a user would type it: relative to the current folder where it lies below it.
    let private shown (path: string) =
        let relative = Path.GetRelativePath(Environment.CurrentDirectory, path)

        if relative.StartsWith ".." || Path.IsPathRooted relative then
            path
        else
            relative

    /// `file(line,col): error FS0001: message`, a message of several lines joined into one.
    let private line (d: FSharpDiagnostic) =
        let severity =
            match d.Severity with
            | FSharpDiagnosticSeverity.Error -> "error"
            | FSharpDiagnosticSeverity.Warning -> "warning"
            | FSharpDiagnosticSeverity.Info
            | FSharpDiagnosticSeverity.Hidden -> "info"

        let message = Regex.Replace(d.Message.Trim(), @"\s*\n\s*", " ")
        $"{shown d.FileName}({d.StartLine},{d.StartColumn + 1}): {severity} {d.ErrorNumberText}: {message}"

    /// The innermost frame of the exception that lies in one of the files read.
    let private place (files: string list) (error: exn) =
        StackTrace(error, true).GetFrames()
        |> Seq.tryPick (fun frame ->
            match frame.GetFileName() with
            | null -> None
            | file when List.contains (Path.GetFullPath file) files ->
                Some $"{shown file}({frame.GetFileLineNumber()})"
            | _ -> None)

    /// Warnings go to `warn` a line each; what the script prints goes where the console's output goes.
    let evaluate (warn: string -> unit) (path: string) : Evaluation =
        let library = typeof<RunState>.Assembly.Location
        let files = ScriptFiles library
        let disk = FileSystemAutoOpens.FileSystem
        FileSystemAutoOpens.FileSystem <- files

        try
            use noInput = new StringReader ""
            use noise = new StringWriter()

            use session =
                FsiEvaluationSession.Create(
                    FsiEvaluationSession.GetDefaultConfiguration(),
                    [|
                        "recipes"
                        "--noninteractive"
                        "--nologo"
                        "--quiet"
                        // Line numbers in the stack of what a script throws.
                        "--debug+"
                        "--optimize-"
                        // The running framework is the reference, so no SDK need be installed.
                        "--usesdkrefs-"
                        $"-r:{library}"
                    |],
                    noInput,
                    noise,
                    noise,
                    collectible = true
                )

            let result, diagnostics = session.EvalScriptNonThrowing(Path.GetFullPath path)

            let lines severity =
                diagnostics
                |> Seq.filter (fun d -> d.Severity = severity)
                |> Seq.map line
                |> Seq.distinct
                |> Seq.toList

            lines FSharpDiagnosticSeverity.Warning |> List.iter warn

            match result, lines FSharpDiagnosticSeverity.Error with
            | _, (_ :: _ as errors) -> Evaluation.Refused errors
            | Choice1Of2(), [] -> Evaluation.Done files.Read
            | Choice2Of2(:? FsiCompilationException), [] ->
                Evaluation.Refused [ $"{shown path}(1,1): error: {noise.ToString().Trim()}" ]
            | Choice2Of2 error, [] -> Evaluation.Threw(place files.Read error, error)
        finally
            FileSystemAutoOpens.FileSystem <- disk
