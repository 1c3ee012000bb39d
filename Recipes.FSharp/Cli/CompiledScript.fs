namespace Recipes.Cli

open System
open System.IO
open System.Reflection
open System.Runtime.Loader

/// A script as an assembly.
type internal CompiledScript = {
    /// The full paths of the files it was made of, each with the SHA-256 of its bytes.
    Sources: (string * string) list
    Assembly: byte array
    /// Its portable PDB.
    Symbols: byte array
} with

    /// The source files, in ordinal order.
    member script.Files =
        script.Sources
        |> List.map fst
        |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

[<RequireQualifiedAccess>]
module internal CompiledScript =
    /// What a script throws while its files are set up arrives as the runtime's own complaint about their start.
    let rec private thrown (error: exn) =
        match error with
        | :? TypeInitializationException as start when start.TypeName.StartsWith "<StartupCode$" ->
            match start.InnerException with
            | null -> error
            | inner -> thrown inner
        | _ -> error

    /// Runs the script from its first line to its last. Gives what it threw.
    let run (script: CompiledScript) : exn option =
        let context = AssemblyLoadContext("script", isCollectible = true)

        try
            use assembly = new MemoryStream(script.Assembly)
            use symbols = new MemoryStream(script.Symbols)
            let start = nonNull (context.LoadFromStream(assembly, symbols)).EntryPoint

            try
                start.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [||], null) |> ignore
                None
            with error ->
                Some(thrown error)
        finally
            context.Unload()
