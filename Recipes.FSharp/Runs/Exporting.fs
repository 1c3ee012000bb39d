namespace Recipes.Runs

open System
open Recipes
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Models
open TorchSharp

/// Where and how a finished run's result is written into a model of its own.
type ExportOptions = {
    /// As of `RedrawOptions`.
    Run: string option
    /// A file `NAME.safetensors` in the original layout, or a new folder in diffusers' layout.
    Target: string
    /// How much of the adapter goes in: 1 all of it.
    Scale: float option
    /// The type of the written weights; that of the base model's where nothing is given.
    DType: torch.ScalarType option
}

/// Writes the base model with what was trained merged into its weights, for programs that know no adapters.
[<RequireQualifiedAccess>]
module Exporting =
    let private refuse (plan: Plan) fault cure =
        raise (RecipesException(plan.Name, fault, cure))

    /// Writes the model. The sums are made in float32 on the CPU.
    let run (plan: Plan) (options: ExportOptions) : unit =
        let folder = FinishedRun.find plan options.Run

        if plan.Upscaling.IsSome then
            refuse plan "an upscaler is not exported" $"Its adapter is {Product.path folder plan}."

        match plan.Method, options.Scale with
        | PlannedMethod.Vectors _, _ ->
            refuse
                plan
                "a new word is no part of the model's weights"
                $"Other programs load {Product.path folder plan} beside the model."
        | PlannedMethod.Merge { IsKeys = true }, _
        | PlannedMethod.KeysAndValues _, _ ->
            refuse
                plan
                "its new tokens are no part of the model's weights"
                $"Other programs load {Product.path folder plan} and the files in tokens/ beside the model."
        | PlannedMethod.Nothing, _ -> refuse plan "it has trained nothing" "Use the base model itself."
        | PlannedMethod.Control _, _ ->
            refuse
                plan
                "a ControlNet is a network of its own"
                $"Other programs load {Product.path folder plan} beside the model."
        | PlannedMethod.LowRank _, _
        | PlannedMethod.Merge _, _
        | _, None -> ()
        | _, Some _ ->
            refuse plan "only low-rank adapters have a scale" "Leave --scale out: the weights are written as trained."

        Machine.prepare Cpu Machine.threads
        use model = Machine.plain plan.ModelFolder
        use attached = Product.attach folder plan model

        match attached with
        | :? LoraSet as set ->
            options.Scale |> Option.iter (fun scale -> set.Scale <- scale)
            set.Merge()
        | _ -> ()

        let dtype = options.DType |> Option.toNullable

        if options.Target.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) then
            CheckpointWriter.Save(
                model,
                options.Target,
                dtype,
                readOnlyDict [ "modelspec.title", plan.Name; "recipes.plan_sha256", plan.Hash ]
            )
        else
            ModelFolderWriter.Save(model, options.Target, dtype)
