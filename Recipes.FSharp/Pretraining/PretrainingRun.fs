namespace Recipes.Pretraining

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography
open System.Text.Json.Nodes
open System.Threading
open Recipes
open Recipes.Core.Native
open Recipes.Core.Networks
open Recipes.Core.Pocket
open Recipes.Core.Pocket.Pretraining
open Recipes.Core.Text
open Recipes.Eval.Pocket
open Recipes.Runs
open TorchSharp

type private Trainer = Recipes.Core.Pocket.Pretraining.Pretraining

/// Runs a pretraining, from the icons to the figures.
[<RequireQualifiedAccess>]
module PretrainingRun =
    let private model = "pocket"
    let private clip = "pocket-clip"
    let private x4 = "pocket-x4"

    let private sha256 (path: string) =
        use stream = File.OpenRead path
        Convert.ToHexStringLower(SHA256.HashData stream)

    /// Bytes that a run may write: six weight files and the optimiser state of the largest network, 16 bytes a weight.
    let private space =
        16L * PocketShape.UNetParameters
        + 2L
          * (PocketShape.UNetParameters
             + PocketShape.VaeParameters
             + PocketShape.TextTowerParameters
             + PocketShape.ClipParameters
             + PocketShape.UpscalerVaeParameters
             + PocketShape.UpscalerUNetParameters)
        + 20_000_000L

    /// The small files that are not trained: what the embedded models have, for every folder.
    let private furnish (folder: RunFolder) =
        let copy (source: string) (target: string) (names: string list) =
            for name in names do
                File.Copy(Path.Combine(source, name), folder.File(target, name), true)

        let tokenizer = [
            "vocab.json"
            "merges.txt"
            "tokenizer_config.json"
            "special_tokens_map.json"
        ]

        let embedded = PocketModel.Folder
        copy embedded model [ "model_index.json" ]
        copy (Path.Combine(embedded, "scheduler")) (Path.Combine(model, "scheduler")) [ "scheduler_config.json" ]
        copy (Path.Combine(embedded, "tokenizer")) (Path.Combine(model, "tokenizer")) tokenizer
        copy PocketModel.ClipFolder clip ("preprocessor_config.json" :: tokenizer)
        let upscaler = PocketModel.UpscalerFolder
        copy upscaler x4 [ "model_index.json" ]

        for part in [ "scheduler"; "low_res_scheduler" ] do
            copy (Path.Combine(upscaler, part)) (Path.Combine(x4, part)) [ "scheduler_config.json" ]

        copy (Path.Combine(embedded, "tokenizer")) (Path.Combine(x4, "tokenizer")) tokenizer

    /// The weight file that a network's stage leaves, by its parts.
    let private weights (network: Network) =
        match network with
        | Autoencoder -> [ model; "vae"; "diffusion_pytorch_model.safetensors" ]
        | TextTowers -> [ model; "text_encoder"; "model.safetensors" ]
        | ScoringTowers -> [ clip; "model.safetensors" ]
        | Denoiser -> [ model; "unet"; "diffusion_pytorch_model.safetensors" ]
        | UpscalerAutoencoder -> [ x4; "vae"; "diffusion_pytorch_model.safetensors" ]
        | Upscaler -> [ x4; "unet"; "diffusion_pytorch_model.safetensors" ]

    let private file (folder: RunFolder) (parts: string list) = folder.File(List.toArray parts)

    let private stateFile (folder: RunFolder) (network: Network) =
        folder.File("state", $"{network.Word}.safetensors")

    /// A finished stage has its weights and no state any more.
    let private isDone folder network =
        File.Exists(file folder (weights network))
        && not (File.Exists(stateFile folder network))

    let private options (folder: RunFolder) (stage: StageBudget) =
        StageOptions(
            Steps = int stage.Steps,
            Batch = int stage.Batch,
            Rate = stage.Rate,
            AverageDecay = stage.Average,
            Vary = stage.Vary,
            Seed = string stage.Seed,
            StateFile = stateFile folder stage.Network
        )

    let private train (trainer: Trainer) (folder: RunFolder) (stage: StageBudget) : bool =
        let options = options folder stage
        let vocabulary = int64 (ClipTokenizer.Load(folder.File(model, "tokenizer"))).Count
        let part = (nonNull (Path.GetDirectoryName(file folder (weights stage.Network))))

        match stage.Network with
        | Autoencoder -> trainer.Autoencoder(PocketShape.Vae, options, part)
        | TextTowers ->
            let shape = PocketShape.Clip(vocabulary, PocketShape.Text vocabulary)
            trainer.Towers(shape, options, part, true)
        | ScoringTowers -> trainer.Towers(PocketShape.Clip vocabulary, options, part, false)
        | Denoiser -> trainer.Denoiser(PocketShape.UNet, options, folder.File model)
        | UpscalerAutoencoder -> trainer.Autoencoder(PocketShape.UpscalerVae, options, part)
        | Upscaler ->
            // It listens to the text encoder that was just trained.
            for name in [ "config.json"; "model.safetensors" ] do
                File.Copy(folder.File(model, "text_encoder", name), folder.File(x4, "text_encoder", name), true)

            trainer.Upscaler(PocketShape.UpscalerUNet, options, folder.File x4)

    /// Tells of a stage and keeps its losses.
    let private watch (folder: RunFolder) (stage: StageBudget) (tell: RunProgress -> unit) =
        let phase = Phase.Stage(string stage.Network)
        let options = options folder stage
        let mutable log: Metrics option = None

        let report (progress: StageProgress) =
            let metrics =
                match log with
                | Some metrics -> metrics
                | None ->
                    let path = folder.File("metrics", $"{stage.Network.Word}.jsonl")
                    let metrics = Metrics.After(path, int progress.Step - 1)
                    log <- Some metrics
                    tell (RunProgress.Began(phase, int progress.Step, progress.Steps))
                    metrics

            let rate = options.RateAt(progress.Step - 1L)
            metrics.Add(int progress.Step, [ "loss", progress.Loss; "rate", rate; "seconds", progress.SecondsPerStep ])
            tell (RunProgress.Reached(phase, int progress.Step, Some progress.Loss, Some rate))

        let close () =
            match log with
            | Some metrics ->
                (metrics :> IDisposable).Dispose()
                tell (RunProgress.Ended phase)
            | None -> ()

        report, close

    let private stages
        (folder: RunFolder)
        (plan: PretrainingPlan)
        pack
        (tell: RunProgress -> unit)
        (stop: CancellationToken)
        =
        let left =
            plan.Stages |> List.filter (fun stage -> not (isDone folder stage.Network))

        if not left.IsEmpty then
            tell (RunProgress.Note $"composing {plan.Scenes} scenes")
            let mutable report = ignore<StageProgress>

            let progress = {
                new IProgress<StageProgress> with
                    member _.Report step = report step
            }

            use trainer =
                new Trainer(
                    PretrainingOptions(
                        Icons = pack,
                        Tokenizer = folder.File(model, "tokenizer"),
                        Processor = folder.File clip,
                        Device = Lowering.Computing.device plan.Device,
                        Scenes = int plan.Scenes,
                        Seed = plan.Seed
                    ),
                    progress,
                    stop
                )

            for stage in left do
                stop.ThrowIfCancellationRequested()
                let watch, close = watch folder stage tell
                report <- watch

                let finished =
                    try
                        train trainer folder stage
                    finally
                        close ()

                if not finished then
                    raise (OperationCanceledException stop)

                File.Delete(stateFile folder stage.Network)

    /// What the model was made from and what came of it, by hashes.
    let private data (folder: RunFolder) (pack: string) =
        Json.Object [
            "packages",
            Json.Object [
                for package in SourcePackage.All -> package.FileName, Json.Text package.Sha256
            ]
            "pack", Json.Text(sha256 pack)
            "weights",
            Json.Object [
                for network in Network.All ->
                    String.concat "/" (weights network), Json.Text(sha256 (file folder (weights network)))
            ]
        ]

    let private work (folder: RunFolder) (plan: PretrainingPlan) state tell stop =
        let clock = Stopwatch.StartNew()
        let pack = IconSource.find plan.Icons (RunProgress.Note >> tell)
        Machine.prepare plan.Device state.Threads

        // Many shapes recur: the quickest algorithm of each is worth finding, and TF32 is precise enough to train in.
        if plan.Device <> Cpu then
            CudaTuning.BenchmarkConvolutions() |> ignore
            torch.backends.cuda.matmul.allow_tf32 <- true
            torch.backends.cudnn.allow_tf32 <- true

        RunEnvironment.machine plan.Device state.Threads
        |> List.map (fun (name, value) -> name, Json.Text value)
        |> Json.Object
        |> Json.canonical
        |> Disk.writeText (folder.File "environment.json")

        furnish folder
        stages folder plan pack tell stop
        Disk.writeText (folder.File "data.json") (Json.canonical (data folder pack))

        let options =
            FigureOptions(
                Captions = plan.Captions,
                HeldOutBackgrounds = plan.Backgrounds,
                Steps = int plan.Denoise,
                Guidance = plan.Guidance
            )

        let figures =
            Measuring.write
                (folder.File model)
                (folder.File clip)
                (folder.File x4)
                (Some pack)
                plan.Device
                options
                folder.Path
                tell
                stop

        let json = JsonObject()

        for name in [ model; clip; x4; "figures.json"; "sheet.png"; "data.json" ] do
            json[name] <- JsonValue.Create name

        json["figures"] <- nonNull (JsonNode.Parse(figures.ToJson()))
        json["seconds"] <- JsonValue.Create(Math.Round(clock.Elapsed.TotalSeconds, 1))
        json

    /// What to type to make a run's model the embedded one, from the repository's root.
    let install (folder: string) =
        let target = "Core.CSharp/Pocket/model"

        [
            let unet = "unet/diffusion_pytorch_model.safetensors"
            $"cp -r {folder}/{model}/vae {folder}/{model}/text_encoder {target}/{model}/"
            $"cp {folder}/{model}/unet/config.json {target}/{model}/unet/"
            $"rm {target}/{model}/{unet}.zip"
            $"zip -9 -j {target}/{model}/{unet}.zip {folder}/{model}/{unet}"
            $"cp {folder}/{clip}/config.json {folder}/{clip}/model.safetensors {target}/{clip}/"
            $"cp -r {folder}/{x4}/unet {folder}/{x4}/vae {target}/{x4}/"
        ]

    /// Runs the plan in its folder: from the start, from the stage and step where an earlier run of it was stopped, or
    /// not at all where one is finished. `tell` hears how it goes; `stop` ends it after the running step.
    let run
        (plan: PretrainingPlan)
        (options: CookOptions)
        (tell: RunProgress -> unit)
        (stop: CancellationToken)
        : Outcome =
        let frame: Frame = {
            Name = plan.Name
            Hash = plan.Hash
            Json = plan.Json
            Device = plan.Device
            OutputFolder = plan.OutputFolder
            Space = space
        }

        Frame.run frame options tell (fun folder state -> work folder plan state tell stop)
