namespace Recipes.Lowering

open System
open System.IO
open Recipes
open Recipes.Core.Data
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Core.Training.Subjects

/// What a training needs beside its plan.
type internal TrainingInputs = {
    /// The class pictures that were drawn for each subject.
    ClassPictures: string list list
    /// Collages of several subjects that were composed.
    Collages: Collage list
    /// The ControlNet that is trained.
    Net: ControlNetModel option
    /// The hints of each subject's pictures that it is trained on; none where none is.
    Hints: string list list
    CheckpointFolder: string
    /// The root of what is kept for other runs.
    CacheFolder: string
    /// Looks at the model after so many steps.
    Show: int64 -> StableDiffusionModel -> unit
}

/// A plan's training in the terms of the core.
[<RequireQualifiedAccess>]
module internal Training =
    let private step (budget: Budget) =
        let shape, cycles = Optimisation.schedule budget.Schedule

        DenoisingStepOptions(
            Rate =
                LearningRate(
                    Rate = budget.Rate,
                    Shape = shape,
                    Cycles = cycles,
                    Steps = int64 budget.Steps,
                    WarmUp = int64 budget.Warmup
                ),
            Optimiser = Optimisation.optimiser budget,
            Loss = Losses.diffusion budget,
            ClipNorm = Option.toNullable budget.ClipNorm,
            Auxiliary = Losses.ofAttention budget,
            Accumulation = budget.Accumulate
        )

    let private noise (budget: Budget) =
        NoiseOptions(
            Offset = budget.NoiseOffset,
            Perturbation = budget.Perturbation,
            FirstTime = (budget.Timesteps |> Option.map fst |> Option.defaultValue 0),
            LastTime = (budget.Timesteps |> Option.map snd |> Option.toNullable),
            ZeroTerminalSnr = budget.ZeroTerminalSnr
        )

    let private validation (plan: Plan) =
        plan.Budget.Validate
        |> Option.map (fun every -> ValidationOptions(Pictures = Concepts.heldOut plan, Every = int64 every))
        |> Option.toObj

    let private preview (budget: Budget) show =
        budget.Preview
        |> Option.map (fun every -> PreviewOptions(Every = int64 every, Show = Action<_, _>(show)))
        |> Option.toObj

    /// The folders for latents and text states below the cache's root.
    let private caches (budget: Budget) (cache: string) =
        let folder wanted name : string | null =
            if wanted then Path.Combine(cache, name) else null

        CacheOptions(Latents = folder budget.CacheLatents "latents", Texts = folder budget.CacheTexts "texts")

    let options (plan: Plan) (inputs: TrainingInputs) =
        let budget = plan.Budget

        DiffusionTrainingOptions(
            Concepts = Concepts.all plan inputs.CheckpointFolder inputs.ClassPictures inputs.Hints inputs.Collages,
            Parts = Parts.trained plan inputs.Net,
            Step = step budget,
            Buckets = Checks.Shapes.options budget plan.Model.Multiple (plan.Subjects |> List.map _.Upscaled),
            Crop =
                (if budget.RandomCrop then
                     CropRule.Random
                 else
                     CropRule.Centre),
            CaptionDropout = budget.CaptionDropout,
            Ema =
                (budget.Ema
                 |> Option.map (fun decay -> EmaOptions(Decay = decay))
                 |> Option.toObj),
            Validation = validation plan,
            Preview = preview budget inputs.Show,
            Caches = caches budget inputs.CacheFolder,
            Noise = noise budget,
            MaskedLoss = Losses.masked budget,
            Seed = budget.Seed,
            Batch = int budget.Batch,
            Precision = Checks.Memory.precision budget,
            GradientCheckpointing = budget.GradientCheckpointing,
            CheckpointFolder = inputs.CheckpointFolder,
            CheckpointEvery = Optimisation.checkpoint budget,
            PlanHash = plan.Hash
        )
