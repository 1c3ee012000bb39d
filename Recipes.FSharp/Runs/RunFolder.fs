namespace Recipes.Runs

open System
open System.IO
open Recipes.Core

/// What is found where a plan is to run.
[<RequireQualifiedAccess>]
type Found =
    /// Nothing: the run starts.
    | Nothing
    /// The same plan, begun and not finished: it continues.
    | Unfinished of RunState
    /// The same plan, finished.
    | Finished of RunState

/// The folder of one run, held by this process alone until disposed.
type RunFolder private (folder: string, lock: FileStream) =
    static let lockFile = "run.lock"

    /// Everything a run writes; a fresh start deletes these and nothing else.
    static let own = [
        "plan.json"
        "script"
        "environment.json"
        "metrics.jsonl"
        "samples"
        "collages"
        "drawn"
        "unet"
        "upscaler"
        "held-out"
        "enlarged"
        "grid.png"
        "report.html"
        "pocket"
        "pocket-clip"
        "pocket-x4"
        "state"
        "metrics"
        "figures.json"
        "sheet.png"
        "data.json"
        RunState.file
    ]

    member _.Path = folder

    member _.File([<ParamArray>] parts: string array) =
        let path = Path.Combine(Array.append [| folder |] parts)

        match Path.GetDirectoryName path with
        | null -> ()
        | parent -> Directory.CreateDirectory parent |> ignore

        path

    /// `<name>-<first eight digits of the hash>`
    static member Name(name: string, hash: string) = $"{name}-{hash[..7]}"

    /// Where a plan runs: in a folder of its own below `parent`, or in `parent` itself where that is a run's folder.
    static member Place(parent: string, name: string, hash: string) =
        if File.Exists(Path.Combine(parent, RunState.file)) then
            parent
        else
            Path.Combine(parent, RunFolder.Name(name, hash))

    /// Looks without touching. Another plan's run, or a folder in use for something else, is refused.
    static member Look(folder: string, hash: string) : Found =
        if File.Exists folder then
            raise (RecipesException(folder, "is a file, not a folder", "Choose another folder with --out."))

        match RunState.load folder with
        | Some state when state.Plan <> hash ->
            raise (
                RecipesException(
                    folder,
                    $"holds a run of another plan ({state.Name}, plan {state.Plan[..7]}; this is {hash[..7]})",
                    "Choose another folder with --out, or delete this one if it is no longer wanted."
                )
            )
        | Some({ Stage = Stage.Complete } as state) -> Found.Finished state
        | Some state -> Found.Unfinished state
        | None ->
            let others =
                if Directory.Exists folder then
                    Directory.EnumerateFileSystemEntries folder
                    |> Seq.map Path.GetFileName
                    |> Seq.filter (fun name -> name <> lockFile)
                    |> Seq.sort
                    |> Seq.toList
                else
                    []

            match others with
            | [] -> Found.Nothing
            | first :: _ ->
                raise (
                    RecipesException(
                        folder,
                        $"holds {others.Length} entries that are no run (\"{first}\" among them)",
                        "Choose a new or empty folder with --out."
                    )
                )

    /// Takes the folder for this process, making it where there is none.
    static member Hold(folder: string) : RunFolder =
        let folder = Path.GetFullPath folder
        let path = Path.Combine(folder, lockFile)

        Disk.guard folder (fun () ->
            Directory.CreateDirectory folder |> ignore

            let lock =
                try
                    new FileStream(
                        path,
                        FileMode.OpenOrCreate,
                        FileAccess.ReadWrite,
                        FileShare.None,
                        1,
                        FileOptions.DeleteOnClose
                    )
                with :? IOException as error when not (Disk.isFull error) ->
                    raise (
                        RecipesException(
                            folder,
                            "another process is running this plan here",
                            "Wait until it has finished, or choose another folder with --out.",
                            error
                        )
                    )

            new RunFolder(folder, lock))

    /// Deletes what an earlier run left, by name.
    member _.Clear() =
        for name in own do
            let path = Path.Combine(folder, name)

            if Directory.Exists path then
                Directory.Delete(path, true)
            else
                File.Delete path

        for path in Directory.EnumerateFiles(folder, "*.safetensors") do
            File.Delete path

    interface IDisposable with
        member _.Dispose() = lock.Dispose()
