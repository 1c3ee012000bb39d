namespace Recipes

open System.Collections.Generic
open Recipes.Core
open Recipes.Core.Adapters
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

    /// The only subject or theme of a plan: the trainer takes one.
    let subject (plan: Plan) =
        match plan.Subjects with
        | [ subject ] -> subject
        | several ->
            raise (
                RecipesException(
                    "learn",
                    $"{several.Length} subjects or themes are to be learned together",
                    "Write one recipe for each."
                )
            )

    /// A tenth of the work is the most that a power cut may cost.
    let every (budget: Budget) =
        budget.Checkpoint
        |> Option.defaultValue (max 1<step> (budget.Steps / 10))
        |> int64
        |> System.Nullable

    /// The pictures, and their mirror images after them where those are learned from, too.
    let private pictures (subject: PlannedSubject) (side: int) =
        let images =
            TrainingImages.FromFiles([| for picture in subject.Images -> picture.Path |], side)

        if subject.Flipped then images.WithMirrored() else images

    /// A caption for each of those; nothing where all have the subject's.
    let private captions (subject: PlannedSubject) =
        match subject.Images |> List.choose _.Caption with
        | [] -> None
        | own when subject.Flipped -> Some(List.toArray (own @ own))
        | own -> Some(List.toArray own)

    let corePrecision (budget: Budget) =
        match budget.Precision with
        | Float32 -> Training.Precision.Float32
        | BFloat16 -> Training.Precision.BFloat16

    /// DreamBooth's settings, with the class pictures that were drawn and the folder of the checkpoint.
    let dreamBooth (plan: Plan) (classPictures: string list) (folder: string) =
        let subject, budget = subject plan, plan.Budget
        let side = int budget.Size
        let shape, cycles = schedule budget.Schedule

        let adapter, layers =
            match plan.Method with
            | PlannedMethod.LowRank lora -> Some lora, None
            | PlannedMethod.KeysAndValues weights
            | PlannedMethod.Weights weights -> None, weights.Layers
            | PlannedMethod.Vectors _ -> invalidArg (nameof plan) "new vectors have a trainer of their own"

        DreamBoothOptions(
            Images = pictures subject side,
            Prompt = subject.InstancePrompt,
            Captions = Option.toObj (captions subject),
            Prior =
                (if classPictures.IsEmpty then
                     None
                 else
                     Some(
                         PriorPreservation(
                             Images = TrainingImages.FromFiles(List.toArray classPictures, side),
                             Prompt = subject.ClassPrompt,
                             Weight = budget.PriorWeight
                         )
                     )
                 |> Option.toObj),
            Steps = int64 budget.Steps,
            Rate = budget.Rate,
            Schedule = shape,
            Cycles = cycles,
            WarmUp = int64 budget.Warmup,
            Batch = int budget.Batch,
            Accumulation = budget.Accumulate,
            ClipNorm = optional budget.ClipNorm,
            AdamW = AdamWOptions(WeightDecay = budget.WeightDecay),
            MinSnrGamma = optional budget.MinSnr,
            Layers =
                (layers
                 |> Option.map (fun layers -> [| for layer in layers -> layer.Name |])
                 |> Option.toObj),
            Lora = (adapter |> Option.bind (fun adapter -> lora adapter "unet") |> Option.toObj),
            TextLora =
                (adapter
                 |> Option.bind (fun adapter -> lora adapter "text_encoder")
                 |> Option.toObj),
            Precision = corePrecision budget,
            Seed = budget.Seed,
            CheckpointFolder = folder,
            CheckpointEvery = every budget,
            PlanHash = plan.Hash
        )

    /// Textual inversion's settings, with the folder of the checkpoint.
    let inversion (plan: Plan) (vectors: PlannedVectors) (folder: string) =
        let subject, budget = subject plan, plan.Budget
        let shape, cycles = schedule budget.Schedule

        TextualInversionOptions(
            Images = pictures subject (int budget.Size),
            Token = vectors.Token,
            Vectors = int vectors.Count,
            Initialiser = vectors.StartFrom,
            Templates =
                (match vectors.Templates with
                 | Things -> CaptionTemplates.Object
                 | Styles -> CaptionTemplates.Style),
            Steps = int64 budget.Steps,
            Rate = budget.Rate,
            Schedule = shape,
            Cycles = cycles,
            WarmUp = int64 budget.Warmup,
            Batch = int budget.Batch,
            Accumulation = budget.Accumulate,
            ClipNorm = optional budget.ClipNorm,
            AdamW = AdamWOptions(WeightDecay = budget.WeightDecay),
            MinSnrGamma = optional budget.MinSnr,
            Precision = corePrecision budget,
            Seed = budget.Seed,
            CheckpointFolder = folder,
            CheckpointEvery = every budget,
            PlanHash = plan.Hash
        )
