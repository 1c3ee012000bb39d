namespace Recipes.Runs

open System
open System.IO
open Recipes.Core

/// Writing that either happens or leaves things as they were, and says so when the disk is full.
module Disk =
    /// ENOSPC and EDQUOT of POSIX; ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
    let isFull (error: exn) =
        match error with
        | :? IOException ->
            let code = error.HResult
            code = 28 || code = 122 || code = 0x80070027 || code = 0x80070070
        | _ -> false

    let private megabytes (bytes: int64) =
        let whole = bytes / 1_000_000L
        $"{if bytes % 1_000_000L = 0L then whole else whole + 1L} MB"

    let private full (path: string) (error: exn) =
        RecipesException(
            path,
            "no space is left on the disk",
            "Free some space and run the same command again: what is finished is kept.",
            error
        )

    /// Runs work that writes below `path`; a full disk becomes an error with a cure.
    let guard (path: string) (work: unit -> 'a) : 'a =
        try
            work ()
        with
        | error when isFull error -> raise (full path error)
        | :? UnauthorizedAccessException as error ->
            raise (
                RecipesException(
                    path,
                    "may not be written to",
                    "Choose another folder with --out, or change its permissions.",
                    error
                )
            )

    /// Writes a file beside its place and renames it, so that a reader sees the old file or the new one, never half.
    let write (path: string) (fill: Stream -> unit) =
        let partial = $"{path}.partial"

        guard path (fun () ->
            try
                do
                    use stream = new FileStream(partial, FileMode.Create, FileAccess.Write)
                    fill stream
                    stream.Flush true

                File.Move(partial, path, true)
            finally
                File.Delete partial)

    /// The same for text, in UTF-8 with a final newline.
    let writeText path (text: string) =
        let text = if text.EndsWith '\n' then text else text + "\n"
        write path (fun stream -> stream.Write(ReadOnlySpan(Text.Encoding.UTF8.GetBytes text)))

    /// Bytes free where `folder` lies or would lie.
    let free (folder: string) =
        let rec existing (folder: string) =
            if Directory.Exists folder then
                folder
            else
                match Path.GetDirectoryName folder with
                | null -> folder
                | parent -> existing parent

        DriveInfo(existing (Path.GetFullPath folder)).AvailableFreeSpace

    /// Refuses to start what would not fit.
    let requireSpace (folder: string) (bytes: int64) =
        let found = free folder

        if found < bytes then
            raise (
                RecipesException(
                    folder,
                    $"{megabytes found} are free and about {megabytes bytes} are needed",
                    "Free some space, or choose a folder on another disk with --out."
                )
            )
