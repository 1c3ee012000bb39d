namespace Recipes.Cli

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open FSharp.Compiler.Diagnostics
open Recipes
open Recipes.Core.Hub

/// What came of evaluating a script.
[<RequireQualifiedAccess>]
type Evaluation =
    /// The source files that were read: the script and all that it loads.
    | Done of files: string list
    /// It did not compile: one line or more a diagnostic.
    | Refused of diagnostics: string list
    /// It compiled and threw: where, if that is known, and what.
    | Threw of place: string option * error: exn

/// Evaluates a recipe's script in this process, with the F# compiler as a library; without it, which takes most of the
/// time, where the same script was compiled before.
[<RequireQualifiedAccess>]
module Script =
    /// The running copy of this library, which scripts see.
    let private library = typeof<Plan>.Assembly.Location

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

    /// Sends the warnings to `warn`, and gives the errors.
    let private tell (warn: string -> unit) (diagnostics: FSharpDiagnostic list) : string list =
        let lines severity =
            diagnostics
            |> List.filter (fun d -> d.Severity = severity)
            |> List.map line
            |> List.distinct

        lines FSharpDiagnosticSeverity.Warning |> List.iter warn
        lines FSharpDiagnosticSeverity.Error

    let private interpret (warn: string -> unit) (path: string) : Evaluation =
        let files = ScriptFiles library
        let outcome, diagnostics = Interpreter.run library files path

        match outcome, tell warn diagnostics with
        | _, (_ :: _ as errors) -> Evaluation.Refused errors
        | Interpretation.Done, [] -> Evaluation.Done files.Read
        | Interpretation.Refused otherwise, [] -> Evaluation.Refused [ $"{shown path}(1,1): error: {otherwise}" ]
        | Interpretation.Threw error, [] -> Evaluation.Threw(place files.Read error, error)

    let private run (compiled: CompiledScript) =
        match CompiledScript.run compiled with
        | None -> Evaluation.Done compiled.Files
        | Some error -> Evaluation.Threw(place compiled.Files error, error)

    /// As `evaluate`, with this cache of compiled scripts.
    let internal evaluateWith (cache: ScriptCache) (warn: string -> unit) (path: string) : Evaluation =
        match cache.Find path with
        | Some compiled -> run compiled
        | None ->
            match ScriptCompiler.run library path with
            | Compilation.Done compiled ->
                cache.Keep(path, compiled)
                run compiled
            | Compilation.Refused diagnostics -> Evaluation.Refused(tell warn diagnostics)
            | Compilation.Unclear -> interpret warn path

    /// Warnings go to `warn` a line each; what the script prints goes where the console's output goes.
    let evaluate (warn: string -> unit) (path: string) : Evaluation =
        evaluateWith (ScriptCache RecipesCache.Root) warn path
