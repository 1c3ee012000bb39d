namespace Recipes.Cli

open System.IO
open FSharp.Compiler.Diagnostics
open FSharp.Compiler.Interactive.Shell
open FSharp.Compiler.IO

/// What came of interpreting a script.
[<RequireQualifiedAccess>]
type internal Interpretation =
    | Done
    /// The compiler's messages are errors, or this one where it has none.
    | Refused of otherwise: string
    | Threw of exn

/// Evaluates a script as the interactive session does, which knows every directive.
[<RequireQualifiedAccess>]
module internal Interpreter =
    /// What came of it, with the compiler's messages.
    let run (library: string) (files: ScriptFiles) (path: string) : Interpretation * FSharpDiagnostic list =
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

            let outcome =
                match result with
                | Choice1Of2() -> Interpretation.Done
                | Choice2Of2(:? FsiCompilationException) -> Interpretation.Refused(noise.ToString().Trim())
                | Choice2Of2 error -> Interpretation.Threw error

            outcome, List.ofArray diagnostics
        finally
            FileSystemAutoOpens.FileSystem <- disk
