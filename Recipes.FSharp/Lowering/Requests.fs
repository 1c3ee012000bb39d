/// What a plan asks of the core for its samples.
module internal Recipes.Lowering.Requests

open Recipes
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Prompts
open Recipes.Core.Schedules

let sampler (model: StableDiffusionModel) (sampler: Sampler) : ISampler =
    Samplers.Named(string sampler, model.Scheduler)

/// A request for one picture a prompt and seed, in the order given.
let steered
    (model: StableDiffusionModel)
    (plan: Plan)
    (batch: int)
    (prompts: string list)
    (seeds: uint64 list)
    (controls: Control list)
    =
    TextToImageRequest(
        Controls = List.toArray controls,
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

/// The same without controls.
let plain model plan batch prompts seeds =
    steered model plan batch prompts seeds []
