/// A plan for an upscaler in the terms of the core.
module internal Recipes.Lowering.Upscaler

open Recipes
open Recipes.Core
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Prompts
open Recipes.Core.Training
open TorchSharp

/// What the plan says of enlarging; a plan for another model says nothing.
let upscaling (plan: Plan) =
    match plan.Upscaling with
    | Some upscaling -> upscaling
    | None ->
        raise (
            RecipesException(
                plan.Name,
                $"its model {plan.Model.Name} enlarges nothing",
                "Write the recipe for an upscaler, such as `Models.pocketX4`."
            )
        )

/// The training's settings, with the folder of the checkpoint and the hash of the whole plan.
let options (plan: Plan) (hash: string) (folder: string) =
    let inputs = {
        ClassPictures = plan.Subjects |> List.map (fun _ -> [])
        Collages = []
        Net = None
        Hints = []
        CheckpointFolder = folder
        CacheFolder = ""
        Show = fun _ _ -> ()
    }

    let upscaler = UpscalerOptions(HighestNoiseLevel = (upscaling plan).NoiseUpTo)
    (Training.options plan inputs).ForUpscaler(upscaler, hash)

/// A request for one enlarged picture a prompt and seed, in the order given. Each is enlarged by itself: large ones
/// take much memory.
let request
    (model: StableDiffusionModel)
    (plan: Plan)
    (prompts: string list)
    (seeds: uint64 list)
    (pictures: torch.Tensor)
    =
    UpscalingRequest(
        Prompts = List.toArray prompts,
        NegativePrompts = [| plan.Draw.Avoid |],
        Seeds = List.toArray seeds,
        Pictures = pictures,
        NoiseLevel = (upscaling plan).NoiseLevel,
        Steps = int plan.Draw.Denoise,
        Guidance = plan.Draw.Guidance,
        GuidanceRescale = plan.Draw.Rescale,
        Prompting = PromptOptions(ClipSkip = plan.Draw.ClipSkip),
        Sampler = Requests.sampler model plan.Draw.Sampler,
        BatchSize = 1
    )
