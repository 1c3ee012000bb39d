namespace Recipes.Cli

open System
open System.Collections.Generic
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.RegularExpressions
open FSharp.Compiler.IO

/// The compiler's view of the disk while a recipe is read. It differs in one thing: a script's `#r` of this library,
/// be it a path or a NuGet name, names the copy that is running. Otherwise a script that was written beside another
/// build, or moved away from it, would see types that are not the host's, or find no library at all. It also remembers
/// which source files were read, so that a run can keep a copy of each.
type ScriptFiles(library: string) =
    inherit DefaultFileSystem()

    static let reference =
        Regex(
            """^(?<head>\s*#r\s+)@?"(nuget:\s*Recipes\.FSharp\b[^"]*|[^"]*\bRecipes\.FSharp\.dll)"(?<tail>.*)$""",
            RegexOptions.Multiline ||| RegexOptions.IgnoreCase
        )

    let read = Dictionary<string, string>()

    let isSource (path: string) =
        match (Path.GetExtension path |> string).ToLowerInvariant() with
        | ".fsx"
        | ".fs"
        | ".fsscript" -> true
        | _ -> false

    /// The text with its `#r` of this library pointing at the running copy; lines keep their numbers.
    member _.Redirect(text: string) =
        let redirect (line: Match) =
            let part (name: string) = line.Groups[name].Value
            part "head" + "@\"" + library + "\"" + part "tail"

        reference.Replace(text, MatchEvaluator redirect)

    /// Whether a line is a `#r` of this library.
    member _.IsLibrary(line: string) = reference.IsMatch line

    /// The source files read so far, in ordinal order, each with the SHA-256 of its bytes.
    member _.Sources =
        read
        |> Seq.map (fun file -> file.Key, file.Value)
        |> Seq.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))
        |> Seq.toList

    /// The source files read so far, in ordinal order.
    member files.Read = files.Sources |> List.map fst

    override files.OpenFileForReadShim(path, ?useMemoryMappedFile, ?shouldShadowCopy) =
        if isSource path then
            let bytes = File.ReadAllBytes path
            read[Path.GetFullPath path] <- Convert.ToHexStringLower(SHA256.HashData bytes)
            use reader = new StreamReader(new MemoryStream(bytes))
            let text = files.Redirect(reader.ReadToEnd())
            new MemoryStream(Encoding.UTF8.GetBytes text)
        else
            base.OpenFileForReadShim(
                path,
                ?useMemoryMappedFile = useMemoryMappedFile,
                ?shouldShadowCopy = shouldShadowCopy
            )
