namespace Recipes

open System
open System.IO
open Recipes.Core
open Recipes.Core.Hub
open Recipes.Core.Imaging
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

    let private layer (layer: LayerInfo) = {
        Component = layer.Component
        Name = layer.Name
        In = int layer.In
        Out = int layer.Out
        Kernel = int layer.Kernel
        Biased = layer.Biased
    }

    let private baseFacts (origin: ModelOrigin option) (folder: ModelFolder) =
        let layers = folder.Layers |> Seq.map layer |> List.ofSeq

        // Each halving of the UNet wants an even side.
        let halvings =
            layers
            |> List.filter (fun layer -> layer.Component = "unet" && layer.Name.Contains ".downsamplers.")
            |> List.length

        {
            Folder = folder.Path
            Origin = origin
            Family = folder.Family
            NativeSize = folder.NativeSize * 1<px>
            Multiple = folder.LatentFactor * (1 <<< halvings) * 1<px>
            Factor = folder.LatentFactor
            HighestNoise = Option.ofNullable folder.HighestNoise
            Channels = folder.InChannels
            Prediction = folder.PredictionType
            Parameters = folder.ParameterCount
            UNetParameters = folder.UNetParameterCount
            TextParameters = folder.TextParameterCount
            TextWidth = folder.CrossAttentionDim
            TextEncoders = folder.Weights.Keys |> Seq.filter _.StartsWith("text_encoder") |> Seq.length
            Layers = layers
            VaeLayers = folder.VaeLayers |> Seq.map layer |> List.ofSeq
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

    let private sha256 (path: string) =
        File.ReadAllBytes path
        |> Security.Cryptography.SHA256.HashData
        |> Convert.ToHexStringLower

    let private picture (path: string) =
        let header = ImageFile.Probe path
        let image = ImageFile.Decode path

        {
            Name = string (Path.GetFileName path)
            Path = path
            Sha256 = sha256 path
            Width = image.Width * 1<px>
            Height = image.Height * 1<px>
            Light = (image.Pixels |> Array.sumBy float) / (255.0 * float image.Pixels.Length)
            Caption = None
            Hint = None
        },
        header.HasAlpha

    let private isCaption (path: string) =
        List.contains (Path.GetExtension path) [ ".txt"; ".caption"; ".jsonl" ]

    let private captionSource (source: CaptionSource) : Data.CaptionSource option =
        match source with
        | Metadata -> Some(Data.CaptionSource.Metadata())
        | TextFiles -> Some(Data.CaptionSource.Beside())
        | FileNames -> Some(Data.CaptionSource.FileName())
        | Same _ -> None

    /// The pictures with their captions, or why some have none.
    let private captioned at (source: CaptionSource) (pictures: Picture list) =
        match captionSource source with
        | None -> Ok pictures
        | Some from ->
            attempt "B10" at (fun () -> Data.Captions.Read([| for picture in pictures -> picture.Path |], from))
            |> Result.map (fun texts -> [
                for picture, text in Seq.zip pictures texts -> { picture with Caption = Some text }
            ])

    /// The pictures with the hints that lie beside them, and what is wrong with those.
    let private hinted script (source: SourceDraft) folder (pictures: Picture list) =
        let at = $"{source.At}.hints"

        attempt "B16" at (fun () ->
            let given, problems =
                ControlReading.partners at folder (source.Hints |> Option.map (Locating.from script)) pictures

            [
                for picture in pictures do
                    match given |> Map.tryFind picture.Name with
                    | Some path -> {
                        picture with
                            Hint = Some(path, sha256 path)
                      }
                    | None -> picture
            ],
            problems)

    /// The folder of a subject or theme, with a problem for each picture that cannot be read.
    let private pictures script learnsHints (source: SourceDraft) word path =
        let at = $"{source.At}.{word}"

        if path = "" then
            None, []
        else
            let folder = Locating.from script path

            match attempt "B9" at (fun () -> ImageFolder.List folder) with
            | Error problem -> None, [ problem ]
            | Ok paths ->
                let outcomes =
                    paths
                    |> Array.ofSeq
                    |> Array.Parallel.map (fun path -> attempt "B9" at (fun () -> picture path))
                    |> List.ofArray

                let read = outcomes |> List.choose kept
                let captions = captioned at source.Captions (List.map fst read)
                let known = captions |> Result.defaultValue (List.map fst read)

                let hints =
                    if learnsHints then
                        hinted script source folder known
                    else
                        Ok(known, [])

                Some {
                    Folder = folder
                    Pictures = hints |> Result.map fst |> Result.defaultValue known
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
                List.collect fault outcomes
                @ fault captions
                @ (match hints with
                   | Ok(_, problems) -> problems
                   | Error problem -> [ problem ])

    /// The pictures that an upscaler is measured by, read as those of a source without captions.
    let private measuring script (recipe: Recipe) =
        match Draft.measuring recipe with
        | None -> None, []
        | Some source ->
            let folder, problems = pictures script false source "images" source.Folder
            folder, problems |> List.map (fun problem -> { problem with At = "measureOn" })

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

    /// Everything the checks ask of the disk, and of a hub where the model has to be downloaded.
    let facts (settings: unit -> HubSettings) (script: string option) (recipe: Recipe) : Facts =
        let model =
            match Locating.find settings script recipe with
            | Located.Away problems -> Error problems
            | Located.Here(path, origin) ->
                attempt "C17" "recipe" (fun () -> ModelFolder.Read path)
                |> Result.map (fun folder -> folder, origin)
                |> Result.mapError List.singleton

        let tokenizer =
            match model with
            // A model that cannot be read has no tokenizer either: one message is enough.
            | Error problems -> Error problems
            | Ok(folder, _) ->
                attempt "C17" "recipe" (fun () -> tokens folder.Tokenizer)
                |> Result.mapError List.singleton

        let sources = Draft.sources recipe

        let learnsHints =
            RecipeLines.tunings recipe
            |> List.exists (fun tuning -> tuning.Method.IsControlNetwork)

        // A model in one file has no config beside it: its ControlNets are compared when they are loaded.
        let unet =
            match model with
            | Ok(folder, _) ->
                let config = Path.Combine(folder.Path, "unet", "config.json")

                if File.Exists config then
                    Some(Networks.UNetConfig.Read config)
                else
                    None
            | Error _ -> None

        let controls =
            RecipeLines.controls recipe
            |> List.map (fun steering ->
                attempt "C24" "control" (fun () -> ControlReading.read (Locating.from script) unet steering))

        let folders =
            sources |> List.map (fun s -> pictures script learnsHints s "images" s.Folder)

        let heldOut =
            sources |> List.map (fun s -> pictures script false s "heldOut" s.HeldOut)

        let masks =
            sources
            |> List.map (fun s -> pictures script false { s with Captions = Same "" } "masks" s.Masks)

        let measured, unread = measuring script recipe
        let draft = Draft.ofRecipe 0<px> recipe

        {
            Base =
                model
                |> Result.toOption
                |> Option.map (fun (folder, origin) -> baseFacts origin folder)
            Tokens = Result.toOption tokenizer
            Folders = folders |> List.map fst
            Controls = controls |> List.map kept
            HeldOut = heldOut |> List.map fst
            Masks = masks |> List.map fst
            Measured = measured
            FreeDisk = freeDisk draft.Outputs
            Memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes
            DeviceMemory =
                match draft.Budget.Device with
                | Cpu -> None
                | Cuda index -> Native.CudaTotal.Bytes index |> Option.ofNullable
            Problems = [
                match tokenizer with
                | Ok _ -> ()
                | Error problems -> yield! problems
                yield! folders @ heldOut @ masks |> List.collect snd
                yield! controls |> List.collect fault
                yield! unread
            ]
        }
