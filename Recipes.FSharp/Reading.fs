namespace Recipes

open System
open System.IO
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Pocket
open Recipes.Core.Text
open Recipes.Core.Weights

/// Reads what the checks need from files: the one file of the language that knows the core, and none of it loads
/// libtorch.
[<RequireQualifiedAccess>]
module internal Reading =
    /// The value, or the reading error as a problem of the recipe.
    let private attempt code at (read: unit -> 'value) =
        try
            Ok(read ())
        with :? RecipesException as fault ->
            Error(error code at $"{fault.Where}: {fault.Fault}" fault.Cure)

    let private kept outcome =
        match outcome with
        | Ok value -> Some value
        | Error(_: Problem) -> None

    let private fault outcome =
        match outcome with
        | Ok _ -> []
        | Error(problem: Problem) -> [ problem ]

    /// The full path of what a script names: a relative path starts at the script's folder.
    let private from (script: string option) (path: string) =
        match script |> Option.map Path.GetDirectoryName with
        | Some(NonNull folder) -> Path.GetFullPath(path, folder)
        | _ -> Path.GetFullPath path

    let private layer (layer: LayerInfo) = {
        Component = layer.Component
        Name = layer.Name
        In = int layer.In
        Out = int layer.Out
        Kernel = int layer.Kernel
    }

    let private baseFacts (folder: ModelFolder) =
        let layers = folder.Layers |> Seq.map layer |> List.ofSeq

        // Each halving of the UNet wants an even side.
        let halvings =
            layers
            |> List.filter (fun layer -> layer.Component = "unet" && layer.Name.Contains ".downsamplers.")
            |> List.length

        {
            Folder = folder.Path
            Family = folder.Family
            NativeSize = folder.NativeSize * 1<px>
            Multiple = folder.LatentFactor * (1 <<< halvings) * 1<px>
            Channels = folder.InChannels
            Parameters = folder.ParameterCount
            Layers = layers
            Sha256 = lazy folder.Sha256
        }

    let private tokens (tokenizer: ClipTokenizer) = {
        MaxLength = tokenizer.MaxLength
        Count = tokenizer.Count
        Pieces = fun text -> tokenizer.Pieces text |> List.ofSeq
        WordId =
            fun word ->
                match tokenizer.Tokenize word |> List.ofSeq with
                | [ id ] -> Some id
                | _ -> None
    }

    let private picture (path: string) =
        let header = ImageFile.Probe path
        let image = ImageFile.Decode path

        {
            Name = string (Path.GetFileName path)
            Path = path
            Sha256 =
                File.ReadAllBytes path
                |> Security.Cryptography.SHA256.HashData
                |> Convert.ToHexStringLower
            Width = image.Width * 1<px>
            Height = image.Height * 1<px>
        },
        header.HasAlpha

    let private isCaption (path: string) =
        List.contains (Path.GetExtension path) [ ".txt"; ".caption"; ".jsonl" ]

    /// A subject's folder, with a problem for each picture that cannot be read.
    let private pictures script (subject: Subject) =
        let at = $"subject {subject.Noun}.images"
        let draft = Draft.subject subject

        if draft.Folder = "" then
            None, []
        else
            let folder = from script draft.Folder

            match attempt "B9" at (fun () -> ImageFolder.List folder) with
            | Error problem -> None, [ problem ]
            | Ok paths ->
                let outcomes =
                    paths
                    |> Array.ofSeq
                    |> Array.Parallel.map (fun path -> attempt "B9" at (fun () -> picture path))
                    |> List.ofArray

                let read = outcomes |> List.choose kept

                Some {
                    Folder = folder
                    Pictures = read |> List.map fst
                    Transparent = [
                        for picture, alpha in read do
                            if alpha then
                                picture.Name
                    ]
                    Captions =
                        Directory.EnumerateFiles folder
                        |> Seq.filter isCaption
                        |> Seq.map (fun path -> string (Path.GetFileName path))
                        |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
                        |> List.ofSeq
                },
                outcomes |> List.collect fault

    /// Free bytes of the disk that the folder is on, or will be made on.
    let private freeDisk (folder: string) =
        let rec existing (folder: string) =
            match Path.GetDirectoryName folder with
            | NonNull parent when not (Directory.Exists folder) -> existing parent
            | _ -> folder

        try
            Some(DriveInfo(existing (Path.GetFullPath folder)).AvailableFreeSpace)
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? ArgumentException -> None

    /// Everything the checks ask of the disk.
    let facts (script: string option) (recipe: Recipe) : Facts =
        let model =
            attempt "C17" "recipe" (fun () ->
                match recipe.Weights with
                | Weights.Pocket -> PocketModel.Folder
                | Weights.Folder path -> from script path
                |> ModelFolder.Read)

        let tokenizer =
            model
            |> Result.bind (fun model -> attempt "C17" "recipe" (fun () -> tokens model.Tokenizer))

        let folders = Draft.subjects recipe |> List.map (pictures script)

        {
            Base = model |> Result.map baseFacts |> kept
            Tokens = kept tokenizer
            Folders = folders |> List.map fst
            FreeDisk = freeDisk (Draft.ofRecipe 0<px> recipe).Outputs
            Memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes
            Problems = [
                // A model that cannot be read has no tokenizer either: one message is enough.
                match model with
                | Ok _ -> yield! fault tokenizer
                | Error problem -> problem
                yield! folders |> List.collect snd
            ]
        }
