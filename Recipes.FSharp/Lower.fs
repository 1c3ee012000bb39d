namespace Recipes

open System.Collections.Generic
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Prompts
open Recipes.Core.Schedules
open Recipes.Core.Training
open TorchSharp

/// A plan in the terms of the core. This is the first file that knows TorchSharp: nothing above it loads native code.
[<RequireQualifiedAccess>]
module internal Lower =
    let device (device: Device) : torch.Device =
        match device with
        | Cpu -> torch.CPU
        | Cuda index -> torch.device (DeviceType.CUDA, index)

    let precision (precision: Recipes.Precision) =
        match precision with
        | Float32 -> torch.ScalarType.Float32
        | BFloat16 -> torch.ScalarType.BFloat16

    let sampler (model: StableDiffusionModel) (sampler: Sampler) : ISampler =
        Samplers.Named(string sampler, model.Scheduler)

    /// A request for one picture a prompt and seed, in the order given.
    let request (model: StableDiffusionModel) (plan: Plan) (batch: int) (prompts: string list) (seeds: uint64 list) =
        TextToImageRequest(
            Prompts = List.toArray prompts,
            NegativePrompts = [| plan.Draw.Avoid |],
            Seeds = List.toArray seeds,
            Steps = int plan.Draw.Denoise,
            Guidance = plan.Draw.Guidance,
            Width = int plan.Budget.Size,
            Height = int plan.Budget.Size,
            GuidanceRescale = plan.Draw.Rescale,
            Prompting = PromptOptions(ClipSkip = plan.Draw.ClipSkip),
            Sampler = sampler model plan.Draw.Sampler,
            BatchSize = batch
        )

    let schedule (schedule: Schedule) : RateShape * System.Nullable<float> =
        match schedule with
        | Constant -> RateShape.Constant, System.Nullable()
        | Linear -> RateShape.Linear, System.Nullable()
        | Cosine -> RateShape.Cosine, System.Nullable()
        | CosineRestarts cycles -> RateShape.CosineWithRestarts, System.Nullable(float cycles)

    let optional (value: float option) = Option.toNullable value

    /// The adapter of one network; nothing where the plan changes none of its layers.
    let lora (lora: PlannedLora) (network: string) : LoraOptions option =
        match lora.Layers |> List.filter (fun adapted -> adapted.Layer.Component = network) with
        | [] -> None
        | layers ->
            Some(
                LoraOptions(
                    Rank = int lora.Rank,
                    Dora = lora.Kind.IsDoRA,
                    Alpha = optional lora.Alpha,
                    Dropout = lora.Dropout,
                    Targets = [| for adapted in layers -> adapted.Layer.Name |],
                    Ranks = [|
                        for adapted in layers do
                            if adapted.Rank <> lora.Rank then
                                KeyValuePair(adapted.Layer.Name, int adapted.Rank)
                    |]
                )
            )

    /// A tenth of the work is the most that a power cut may cost.
    let every (budget: Budget) =
        budget.Checkpoint
        |> Option.defaultValue (max 1<step> (budget.Steps / 10))
        |> int64
        |> System.Nullable

    let corePrecision (budget: Budget) =
        match budget.Precision with
        | Float32 -> Training.Precision.Float32
        | BFloat16 -> Training.Precision.BFloat16

    /// The captions of a picture. New vectors are learned in those of textual inversion.
    let private captions (plan: Plan) (subject: PlannedSubject) (picture: Picture) =
        match plan.Method with
        | PlannedMethod.Vectors vectors ->
            let templates =
                match vectors.Templates with
                | Things -> CaptionTemplates.Object
                | Styles -> CaptionTemplates.Style

            [
                for template in templates -> template.Replace(CaptionTemplates.Place, vectors.Token)
            ]
        | PlannedMethod.LowRank _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Weights _ -> [ picture.Caption |> Option.defaultValue subject.InstancePrompt ]

    let private concept (plan: Plan) (subject: PlannedSubject) (classPictures: string list) =
        Concept(
            Name = subject.Called,
            Pictures = [|
                for picture in subject.Images do
                    let texts = captions plan subject picture
                    TrainingPicture(picture.Path, texts.Head, Alternatives = List.toArray texts.Tail)
            |],
            Flip = (if subject.Flipped then 0.5 else 0.0),
            Prior =
                (if classPictures.IsEmpty then
                     null
                 else
                     ConceptPrior(
                         Pictures = [| for path in classPictures -> TrainingPicture(path, subject.ClassPrompt) |],
                         Weight = plan.Budget.PriorWeight
                     ))
        )

    let private parts (plan: Plan) =
        let weights (weights: PlannedWeights) =
            match weights.Layers with
            | None -> TrainedParts(UNetWeights = TrainedParts.Everything)
            | Some layers -> TrainedParts(UNetWeights = [| for layer in layers -> layer.Name |])

        match plan.Method with
        | PlannedMethod.LowRank adapter ->
            TrainedParts(
                UNetLora = (lora adapter "unet" |> Option.toObj),
                TextLora = (lora adapter "text_encoder" |> Option.toObj)
            )
        | PlannedMethod.KeysAndValues chosen
        | PlannedMethod.Weights chosen -> weights chosen
        | PlannedMethod.Vectors vectors ->
            TrainedParts(
                Tokens = [|
                    NewToken(Token = vectors.Token, Initialiser = vectors.StartFrom, Vectors = int vectors.Count)
                |]
            )

    let optimiser (budget: Budget) : OptimiserOptions =
        match budget.Optimiser with
        | AdamW -> AdamWOptions(WeightDecay = budget.WeightDecay)
        | AdamWBFloat16 -> AdamWOptions(WeightDecay = budget.WeightDecay, Moments = Training.Precision.BFloat16)
        | Lion -> LionOptions(WeightDecay = budget.WeightDecay)
        | Prodigy ->
            ProdigyOptions(
                WeightDecay = budget.WeightDecay,
                BiasCorrection = true,
                SafeguardWarmUp = (budget.Warmup > 0<step>)
            )

    let error (loss: Loss) =
        match loss with
        | Squared -> ErrorOptions()
        | Huber width -> ErrorOptions(Kind = ErrorKind.Huber, Width = width)
        | SmoothL1 width -> ErrorOptions(Kind = ErrorKind.SmoothL1, Width = width)

    let private noise (budget: Budget) =
        NoiseOptions(
            Offset = budget.NoiseOffset,
            Perturbation = budget.Perturbation,
            FirstTime = (budget.Timesteps |> Option.map fst |> Option.defaultValue 0),
            LastTime = (budget.Timesteps |> Option.map snd |> Option.toNullable),
            ZeroTerminalSnr = budget.ZeroTerminalSnr
        )

    /// The training's settings, with the class pictures that were drawn for each subject and the folder of the checkpoint.
    let training (plan: Plan) (classPictures: string list list) (folder: string) =
        let budget = plan.Budget
        let shape, cycles = schedule budget.Schedule

        DiffusionTrainingOptions(
            Concepts = [|
                for subject, pictures in List.zip plan.Subjects classPictures -> concept plan subject pictures
            |],
            Parts = parts plan,
            Step =
                DenoisingStepOptions(
                    Rate =
                        LearningRate(
                            Rate = budget.Rate,
                            Shape = shape,
                            Cycles = cycles,
                            Steps = int64 budget.Steps,
                            WarmUp = int64 budget.Warmup
                        ),
                    Optimiser = optimiser budget,
                    Loss =
                        DiffusionLossOptions(
                            MinSnrGamma = optional budget.MinSnr,
                            Debiased = budget.Debiased,
                            Error = error budget.Loss
                        ),
                    ClipNorm = optional budget.ClipNorm,
                    Accumulation = budget.Accumulate
                ),
            Buckets = BucketOptions(Size = int budget.Size, Shapes = false),
            Noise = noise budget,
            Seed = budget.Seed,
            Batch = int budget.Batch,
            Precision = corePrecision budget,
            CheckpointFolder = folder,
            CheckpointEvery = every budget,
            PlanHash = plan.Hash
        )
