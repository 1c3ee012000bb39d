namespace Recipes.Cli

open System
open System.IO
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text
open Recipes

/// Compiled scripts, one a file: `<root>/scripts/<hash of the script's path>.bin`. An entry counts while the texts of the
/// script and of all that it loads are those it was made of, and the libraries, the compiler and the framework are.
/// Nothing that a script computes or reads is kept.
type internal ScriptCache(root: string) =
    /// Entries kept; the oldest go first.
    static let most = 200

    static let sha256 (bytes: byte array) =
        Convert.ToHexStringLower(SHA256.HashData bytes)

    /// An assembly's identity, read from its file: it need not be loaded.
    static let identity (file: string) =
        use assembly = new PEReader(File.OpenRead file)
        let metadata = assembly.GetMetadataReader()
        metadata.GetGuid(metadata.GetModuleDefinition().Mvid)

    /// What beside its sources decides what a script compiles to.
    static let stamp =
        lazy
            (let compiler = Path.Combine(AppContext.BaseDirectory, "FSharp.Compiler.Service.dll")

             String.concat "\n" [
                 "1"
                 RuntimeInformation.FrameworkDescription
                 typeof<Plan>.Assembly.Location
                 for used in
                     [
                         typeof<Plan>
                         typeof<Core.RecipesException>
                         typeof<unit list>
                         typeof<ScriptCache>
                     ] do
                     string used.Module.ModuleVersionId
                 string (identity compiler)
             ])

    let folder = ScriptCache.Folder root

    let place (script: string) =
        let key = Encoding.UTF8.GetBytes $"{typeof<Plan>.Assembly.Location}\n{script}"
        Path.Combine(folder, $"{(sha256 key)[..31]}.bin")

    let isSame (path: string, sum: string) =
        File.Exists path && sha256 (File.ReadAllBytes path) = sum

    /// The entry, where its last 32 bytes are the hash of all before.
    let read (entry: string) =
        let bytes = File.ReadAllBytes entry
        let length = max 0 (bytes.Length - SHA256.HashSizeInBytes)

        if SHA256.HashData(ReadOnlySpan(bytes, 0, length)).AsSpan().SequenceEqual(bytes.AsSpan length) then
            use reader = new BinaryReader(new MemoryStream(bytes, 0, length))

            if reader.ReadString() = stamp.Value then
                Some {
                    Sources = [
                        for _ in 1 .. reader.ReadInt32() do
                            let path = reader.ReadString()
                            path, reader.ReadString()
                    ]
                    Assembly = reader.ReadBytes(reader.ReadInt32())
                    Symbols = reader.ReadBytes(reader.ReadInt32())
                }
            else
                None
        else
            None

    let write (script: CompiledScript) (stream: Stream) =
        use memory = new MemoryStream()
        use writer = new BinaryWriter(memory)
        writer.Write stamp.Value
        writer.Write script.Sources.Length

        for path, sum in script.Sources do
            writer.Write path
            writer.Write sum

        for part in [ script.Assembly; script.Symbols ] do
            writer.Write part.Length
            writer.Write part

        writer.Flush()
        let bytes = memory.ToArray()
        stream.Write(ReadOnlySpan bytes)
        stream.Write(ReadOnlySpan(SHA256.HashData bytes))

    let prune () =
        let entries =
            DirectoryInfo(folder).GetFiles "*.bin"
            |> Array.sortByDescending _.LastWriteTimeUtc

        entries |> Array.skip (min most entries.Length) |> Array.iter _.Delete()

    /// Where compiled scripts lie in a cache.
    static member Folder(root: string) = Path.Combine(root, "scripts")

    /// The compiled script, if it is there and still what its sources say.
    member _.Find(script: string) : CompiledScript option =
        let entry = place (Path.GetFullPath script)

        try
            if File.Exists entry then
                read entry |> Option.filter (_.Sources >> List.forall isSame)
            else
                None
        with
        // Another process may have replaced it, or the disk may not give it back: it is made anew.
        | :? IOException
        | :? UnauthorizedAccessException -> None

    /// Keeps a compiled script. Where that cannot be, the next start is slow as well, which is no reason to fail.
    member _.Keep(script: string, compiled: CompiledScript) =
        let entry = place (Path.GetFullPath script)
        let partial = $"{entry}.{Guid.NewGuid():N}"

        try
            try
                Directory.CreateDirectory folder |> ignore

                do
                    use stream = File.Create partial
                    write compiled stream

                File.Move(partial, entry, overwrite = true)
                prune ()
            finally
                File.Delete partial
        with
        | :? IOException
        | :? UnauthorizedAccessException -> ()
