namespace Recipes.Runs

open System
open System.Threading
open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Pipelines

/// Draws pictures with a model as a plan says.
[<RequireQualifiedAccess>]
module internal Painter =
    /// Pictures drawn together.
    let batch = Checks.Memory.together

    /// Every prompt of the plan with every seed, prompt by prompt.
    let shots (plan: Plan) : Shot list = [
        for number, sample in List.indexed plan.Samples do
            for seed in plan.Draw.Seeds do
                {
                    Number = number + 1
                    Prompt = sample.Text
                    Plain = sample.Plain
                    Mentions = sample.Mentions
                    Seed = seed
                }
    ]

    /// The same for the base model. A token that is still to be made means nothing to it: it is asked for the noun alone.
    let untrained (plan: Plan) (shots: Shot list) : Shot list =
        match plan.Method with
        | PlannedMethod.Vectors _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Merge { IsKeys = true } -> shots |> List.map (fun shot -> { shot with Prompt = shot.Plain })
        | PlannedMethod.LowRank _
        | PlannedMethod.Merge _
        | PlannedMethod.Control _
        | PlannedMethod.Nothing
        | PlannedMethod.Weights _ -> shots

    /// One picture a shot, each control's pictures a shot each. `reached` is told how many of `work shots` units are done.
    let draw
        (model: StableDiffusionModel)
        (plan: Plan)
        (shots: Shot list)
        (controls: Control list)
        (reached: int -> unit)
        (stop: CancellationToken)
        =
        let request =
            Lowering.Requests.steered
                model
                plan
                batch
                (shots |> List.map _.Prompt)
                (shots |> List.map (fun shot -> uint64 shot.Seed))
                controls

        let progress = {
            new IProgress<int> with
                member _.Report done' = reached done'
        }

        TextToImage.Run(model, request, progress, stop) |> List.ofSeq

    /// Denoising passes that `draw` takes.
    let work (plan: Plan) (shots: Shot list) =
        int plan.Draw.Denoise * ((shots.Length + batch - 1) / batch)
