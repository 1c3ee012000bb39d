namespace Recipes.Runs

open System
open System.IO
open System.Security.Cryptography
open Recipes
open Recipes.Core.Adapters
open Recipes.Core.Models
open Recipes.Core.Pipelines
open TorchSharp

/// What a plan's training leaves in its run folder, and how it comes onto a model again.
[<RequireQualifiedAccess>]
module internal Product =
    /// The file of what was trained, from the run's folder: an adapter, a token's vectors, a ControlNet's or a UNet's weights.
    let name (plan: Plan) =
        match plan.Method with
        | PlannedMethod.Nothing -> invalidArg (nameof plan) "nothing is trained"
        | PlannedMethod.LowRank _
        | PlannedMethod.Vectors _ -> $"{plan.Name}.safetensors"
        | PlannedMethod.Control _ -> Path.GetRelativePath(".", UNetFolder.WeightFile ControlReading.inRun)
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Weights _ -> Path.GetRelativePath(".", UNetFolder.WeightFile "unet")

    let path (folder: string) (plan: Plan) = Path.Combine(folder, name plan)

    let sha256 (folder: string) (plan: Plan) =
        use stream = File.OpenRead(path folder plan)
        Convert.ToHexStringLower(SHA256.HashData stream)

    let private nothing = {
        new IDisposable with
            member _.Dispose() = ()
    }

    /// Puts a finished run's result onto its base model, until it is disposed of.
    let attach (folder: string) (plan: Plan) (model: StableDiffusionModel) : IDisposable =
        if plan.Budget.ZeroTerminalSnr then
            model.UseZeroTerminalSnr()

        match plan.Method with
        | PlannedMethod.LowRank _ ->
            let networks =
                readOnlyDict [
                    "unet", model.UNet :> torch.nn.Module
                    "text_encoder", model.TextEncoder :> torch.nn.Module
                ]

            LoraSet.Load(path folder plan, networks)
        | PlannedMethod.Vectors _ ->
            let inversion = TextualInversionFile.Read(path folder plan)
            model.LearnedTokens.Add inversion

            {
                new IDisposable with
                    member _.Dispose() =
                        model.LearnedTokens.Remove inversion.Token
                        inversion.Dispose()
            }
        // It stands beside the model, and comes with the controls.
        | PlannedMethod.Control _
        | PlannedMethod.Nothing -> nothing
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Weights _ ->
            UNetFolder.Fill(model.UNet, Path.Combine(folder, "unet"))
            nothing
