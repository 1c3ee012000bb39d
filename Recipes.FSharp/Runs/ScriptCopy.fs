namespace Recipes.Runs

open System
open System.IO

/// Keeps the script of a run, and every file that it loads, in their places relative to each other.
[<RequireQualifiedAccess>]
module ScriptCopy =
    let private folderOf (path: string) =
        Path.GetDirectoryName path |> Option.ofObj |> Option.defaultValue path

    /// The deepest folder that holds all the files.
    let private ancestor (files: string list) =
        let within (folder: string) (file: string) =
            not (Path.GetRelativePath(folder, file).StartsWith("..", StringComparison.Ordinal))

        let rec up (folder: string) =
            match Path.GetDirectoryName folder with
            | _ when files |> List.forall (within folder) -> folder
            | null -> folder
            | parent -> up parent

        up (folderOf files.Head)

    /// Copies the files below `target`, byte for byte.
    let save (target: string) (files: string list) =
        if not files.IsEmpty then
            let top = ancestor files

            for file in files do
                let copy = Path.Combine(target, Path.GetRelativePath(top, file))
                Directory.CreateDirectory(folderOf copy) |> ignore
                Disk.write copy (fun stream -> stream.Write(ReadOnlySpan(File.ReadAllBytes file)))
