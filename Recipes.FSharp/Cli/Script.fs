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

    let private interpret (warn: string -> unit) (library: string) (path: string) =
        let files = ScriptFiles library
        let outcome, diagnostics = Interpreter.run library files path

        let lines severity =
            diagnostics
            |> Seq.filter (fun d -> d.Severity = severity)
            |> Seq.map line
            |> Seq.distinct
            |> Seq.toList

        lines FSharpDiagnosticSeverity.Warning |> List.iter warn

        match outcome, lines FSharpDiagnosticSeverity.Error with
        | _, (_ :: _ as errors) -> Evaluation.Refused errors
        | Interpretation.Done, [] -> Evaluation.Done files.Read
        | Interpretation.Refused otherwise, [] -> Evaluation.Refused [ $"{shown path}(1,1): error: {otherwise}" ]
        | Interpretation.Threw error, [] -> Evaluation.Threw(place files.Read error, error)

    let private run (compiled: CompiledScript) =
        match CompiledScript.run compiled with
        | None -> Evaluation.Done compiled.Files
        | Some error -> Evaluation.Threw(place compiled.Files error, error)

    /// The script as an assembly: from the cache, or compiled now and kept there; nothing where it must be interpreted.
    let internal compiled (cache: ScriptCache) (path: string) : CompiledScript option =
        cache.Find path
        |> Option.orElseWith (fun () ->
            let compiled = ScriptCompiler.run typeof<Plan>.Assembly.Location path
            compiled |> Option.iter (fun compiled -> cache.Keep(path, compiled))
            compiled)

    /// As `evaluate`, with this cache of compiled scripts.
    let internal evaluateWith (cache: ScriptCache) (warn: string -> unit) (path: string) : Evaluation =
        match compiled cache path with
        | Some compiled -> run compiled
        | None -> interpret warn typeof<Plan>.Assembly.Location path

    /// Warnings go to `warn` a line each; what the script prints goes where the console's output goes.
    let evaluate (warn: string -> unit) (path: string) : Evaluation =
        evaluateWith (ScriptCache RecipesCache.Root) warn path
