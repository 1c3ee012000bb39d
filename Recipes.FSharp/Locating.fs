namespace Recipes

open System
open System.IO
open Recipes.Core
open Recipes.Core.Hub
open Recipes.Core.Pocket

/// Where a base model is.
[<RequireQualifiedAccess>]
type internal Located =
    /// On this disk: a folder, or one file.
    | Here of path: string * ModelOrigin option
    /// Not on this disk, or not to be had.
    | Away of Problem list

/// Finds base models on this disk, and downloads them when that is asked for.
[<RequireQualifiedAccess>]
module internal Locating =
    /// The problem of a model that can be downloaded.
    let toDownload = "M1"

    /// The full path of what a script names: a relative path starts at the script's folder.
    let from (script: string option) (path: string) =
        match script |> Option.map Path.GetDirectoryName with
        | Some(NonNull folder) -> Path.GetFullPath(path, folder)
        | _ -> Path.GetFullPath path

    let private model (repository: Repository) =
        HubModel(repository.Id, repository.Revision, Option.toObj repository.Variant, Option.toObj repository.File)

    /// What would have to be downloaded, as problems; nothing is.
    let private away (settings: HubSettings) (name: string) (family: string) (model: HubModel) = [
        let store = HubStore(settings.Brief())
        let lack = store.Lack model
        let download = store.AskAsync(model).GetAwaiter().GetResult()

        match download.Family with
        | NonNull found when found <> family ->
            error
                "C17"
                "recipe"
                $"written for {family}, but {name} is an {found} model"
                $"Write `Models.hf<{found}> ...`, or choose an {family} model."
        | _ -> ()

        error
            toDownload
            "recipe"
            $"""{model}: {lack}; {counted download.Files "file"}, {bytes download.Bytes}, are to be downloaded"""
            $"Type `recipes run` with this script, or `recipes models get {model.Id}`."
    ]

    let private hub (settings: HubSettings) name family (repository: Repository) =
        let model = model repository

        match HubStore(settings).Find model with
        | null -> Located.Away(away settings name family model)
        | snapshot ->
            Located.Here(
                snapshot.Path,
                Some {
                    Repository = repository
                    Commit = snapshot.Commit
                }
            )

    /// Looks on this disk, and asks the hub where the model is not there. Nothing is downloaded.
    let find (settings: unit -> HubSettings) (script: string option) (recipe: Recipe) : Located =
        try
            match recipe.Weights with
            | Weights.Pocket -> Located.Here(PocketModel.Folder, None)
            | Weights.PocketX4 -> Located.Here(PocketModel.UpscalerFolder, None)
            | Weights.Folder path
            | Weights.File path -> Located.Here(from script path, None)
            | Weights.Hub repository -> hub (settings ()) recipe.Model recipe.Family repository
        with :? RecipesException as fault ->
            Located.Away [ error "M2" "recipe" $"{fault.Where}: {fault.Fault}" fault.Cure ]

    /// Downloads what the caches lack of a model, and gives its place.
    let fetch (settings: HubSettings) (tell: HubProgress -> unit) (repository: Repository) : HubSnapshot =
        let progress = {
            new IProgress<HubProgress> with
                member _.Report value = tell value
        }

        HubStore(settings).FetchAsync(model repository, progress).GetAwaiter().GetResult()
