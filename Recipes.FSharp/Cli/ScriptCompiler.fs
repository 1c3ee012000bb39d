namespace Recipes.Cli

open System
open System.IO
open System.Text.RegularExpressions
open FSharp.Compiler.CodeAnalysis
open FSharp.Compiler.Diagnostics
open FSharp.Compiler.IO

/// What came of compiling a script.
[<RequireQualifiedAccess>]
type internal Compilation =
    | Done of CompiledScript
    /// It has errors: the compiler's messages, which are those that the interpreter would give.
    | Refused of FSharpDiagnostic list
    /// Only the interpreter can tell.
    | Unclear

/// Compiles a script to an assembly that does what interpreting it does.
[<RequireQualifiedAccess>]
module internal ScriptCompiler =
    let private directive =
        Regex(@"^\s*#\s*(?<name>\w+)(?<rest>.*)$", RegexOptions.Multiline)

    /// Whether a source file uses nothing that compiling and interpreting see differently, and no assembly but this
    /// library: one directive a line, of these few.
    let private isPlain (files: ScriptFiles) (text: string) =
        not (text.Contains ";;" || text.Contains "EntryPoint")
        && directive.Matches text
           |> Seq.forall (fun line ->
               match line.Groups["name"].Value with
               | "load"
               | "nowarn" -> true
               | "r" -> files.IsLibrary line.Value
               | _ -> false)

    /// The running framework, so that no SDK need be installed.
    let private framework =
        lazy
            (let folder = Path.GetDirectoryName typeof<obj>.Assembly.Location

             string (AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES")
             |> _.Split(Path.PathSeparator)
             |> Array.filter (fun file -> Path.GetDirectoryName file = folder))

    /// The part of it that this library, F#'s own and ordinary scripts name. Reading all of it takes longer than
    /// compiling a recipe.
    let private common =
        let names =
            set [
                "netstandard"
                "System.Collections"
                "System.Collections.Concurrent"
                "System.ComponentModel"
                "System.ComponentModel.Primitives"
                "System.Console"
                "System.Linq"
                "System.Linq.Expressions"
                "System.Memory"
                "System.Net.Primitives"
                "System.Net.Requests"
                "System.Net.WebClient"
                "System.ObjectModel"
                "System.Private.CoreLib"
                "System.Private.Uri"
                "System.Runtime"
                "System.Runtime.Extensions"
                "System.Runtime.InteropServices"
                "System.Runtime.Numerics"
                "System.Text.Json"
                "System.Text.RegularExpressions"
                "System.Threading"
            ]

        lazy
            (framework.Value
             |> Array.filter (fun file -> names.Contains(string (Path.GetFileNameWithoutExtension file))))

    /// Whether a source file names a namespace of the framework. One that names none cannot tell the common part of the
    /// framework from all of it.
    let private namesFramework (text: string) =
        Regex.IsMatch(text, @"\b(System|Microsoft|Internal|FxResources|MS)\b")

    let private isError (message: FSharpDiagnostic) =
        message.Severity = FSharpDiagnosticSeverity.Error

    let private compile
        (references: string array)
        (library: string)
        (files: ScriptFiles)
        (path: string)
        (folder: string)
        =
        let assembly = Path.Combine(folder, "script.dll")

        let args = [|
            "fsc.exe"
            $"--out:{assembly}"
            "--target:exe"
            "--debug:portable"
            "--optimize-"
            "--targetprofile:netcore"
            "--noframework"
            "--simpleresolution"
            "--nowin32manifest"
            "--nologo"
            for file in references do
                $"-r:{file}"
            $"-r:{typeof<unit list>.Assembly.Location}"
            $"-r:{library}"
            path
        |]

        let disk = FileSystemAutoOpens.FileSystem
        FileSystemAutoOpens.FileSystem <- files

        try
            let messages, failure =
                FSharpChecker.Create().Compile args |> Async.RunSynchronously

            if Array.exists isError messages then
                Compilation.Refused(List.ofArray messages)
            elif messages.Length = 0 && failure.IsNone then
                Compilation.Done {
                    Sources = files.Sources
                    Assembly = File.ReadAllBytes assembly
                    Symbols = File.ReadAllBytes(Path.Combine(folder, "script.pdb"))
                }
            else
                Compilation.Unclear
        finally
            FileSystemAutoOpens.FileSystem <- disk

    /// Unclear where there is the least doubt that the interpreter would do the same, or anything to say about a script
    /// without errors.
    let run (library: string) (path: string) : Compilation =
        let files = ScriptFiles library
        let path = Path.GetFullPath path

        try
            if isPlain files (File.ReadAllText path) then
                let folder = Directory.CreateTempSubdirectory "recipes-script-"

                try
                    let attempt (references: Lazy<string array>) =
                        compile references.Value library files path folder.FullName

                    let first = attempt common
                    let texts = files.Read |> List.map File.ReadAllText

                    match first with
                    | _ when not (List.forall (isPlain files) texts) -> Compilation.Unclear
                    | Compilation.Done _ -> first
                    | Compilation.Refused _
                    | Compilation.Unclear when List.exists namesFramework texts -> attempt framework
                    | Compilation.Refused _
                    | Compilation.Unclear -> first
                finally
                    folder.Delete true
            else
                Compilation.Unclear
        with
        // What cannot be read, the interpreter tells about; and it needs no disk.
        | :? IOException
        | :? UnauthorizedAccessException -> Compilation.Unclear
