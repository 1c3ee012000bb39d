namespace Recipes.Cli

open System
open System.IO
open Recipes.Core

/// Turns whatever went wrong into a few lines for a person and an exit code for a script.
[<RequireQualifiedAccess>]
module Faults =
    let ok = 0
    let failed = 1
    let wrongUse = 2

    /// The exception that says most: what a task or a static constructor wraps is unwrapped.
    let rec private cause (error: exn) =
        match error, error.InnerException with
        | :? RecipesException, _ -> error
        | (:? AggregateException | :? TypeInitializationException | :? Reflection.TargetInvocationException),
          NonNull inner -> cause inner
        | _ -> error

    let private log (error: exn) =
        let path =
            Path.Combine(Path.GetTempPath(), $"recipes-{DateTime.UtcNow:yyyyMMdd'T'HHmmss}-{Environment.ProcessId}.log")

        try
            File.WriteAllText(path, $"{error}\n")
            $"the whole story is in {path}"
        with :? IOException as second ->
            $"no log could be written ({second.Message.TrimEnd '.'})"

    /// What to print: place, fault and cure on a line each, or one line and where the stack lies.
    let describe (error: exn) : string list =
        match cause error with
        | :? RecipesException as error -> [ $"error: {error.Where}"; $"  {error.Fault}"; $"  {error.Cure}" ]
        | error ->
            let message = error.Message.ReplaceLineEndings "\n"
            let first = message.Split('\n')[0]
            [ $"error: {error.GetType().Name}: {first.TrimEnd '.'}; {log error}" ]

    let report (error: exn) =
        for line in describe error do
            Console.Error.WriteLine line
