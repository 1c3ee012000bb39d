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
    /// The file of what was trained, from the run's folder: an adapter, a token's vectors, keys and values, a ControlNet's
    /// or a UNet's weights.
    let name (plan: Plan) =
        match plan.Method with
        | PlannedMethod.LowRank _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Merge _
        | PlannedMethod.Vectors _ -> $"{plan.Name}.safetensors"
        | PlannedMethod.Control _ -> Path.GetRelativePath(".", UNetFolder.WeightFile ControlReading.inRun)
        | PlannedMethod.Weights _ -> Path.GetRelativePath(".", UNetFolder.WeightFile "unet")

    /// The files of new tokens beside keys and values, in their order: `tokens/1-robot.safetensors` of `<robot>`.
    let tokens (folder: string) (tokens: PlannedToken list) = [
        for number, token in List.indexed tokens do
            let plain = token.Token |> String.filter Char.IsAsciiLetterOrDigit
            Path.Combine(folder, "tokens", $"{number + 1}-{plain}.safetensors")
    ]

    let path (folder: string) (plan: Plan) = Path.Combine(folder, name plan)

    let sha256 (folder: string) (plan: Plan) =
        use stream = File.OpenRead(path folder plan)
        Convert.ToHexStringLower(SHA256.HashData stream)

    let private nothing = {
        new IDisposable with
            member _.Dispose() = ()
    }

    /// Adds the tokens of files to the model, until it is disposed of.
    let learned (model: StableDiffusionModel) (files: string list) : IDisposable =
        let inversions = files |> List.map TextualInversionFile.Read

        for inversion in inversions do
            model.LearnedTokens.Add inversion

        {
            new IDisposable with
                member _.Dispose() =
                    for inversion in inversions do
                        model.LearnedTokens.Remove inversion.Token
                        inversion.Dispose()
        }

    /// The low-rank adapters of a file, on the model.
    let adapters (file: string) (model: StableDiffusionModel) : LoraSet =
        LoraSet.Load(
            file,
            readOnlyDict [
                "unet", model.UNet :> torch.nn.Module
                "text_encoder", model.TextEncoder :> torch.nn.Module
            ]
        )

    /// Puts a finished run's result onto its base model, until it is disposed of.
    let attach (folder: string) (plan: Plan) (model: StableDiffusionModel) : IDisposable =
        let file = path folder plan

        if plan.Budget.ZeroTerminalSnr then
            model.UseZeroTerminalSnr()

        match plan.Method with
        | PlannedMethod.LowRank _
        | PlannedMethod.Merge { IsKeys = false } -> adapters file model
        | PlannedMethod.Merge merge ->
            CustomDiffusionFile.Fill(model.UNet, file)
            learned model (tokens folder merge.Tokens)
        | PlannedMethod.Vectors _ -> learned model [ file ]
        // It stands beside the model, and comes with the controls.
        | PlannedMethod.Control _ -> nothing
        | PlannedMethod.KeysAndValues keys ->
            CustomDiffusionFile.Fill(model.UNet, file)
            learned model (tokens folder keys.Tokens)
        | PlannedMethod.Weights _ ->
            UNetFolder.Fill(model.UNet, Path.Combine(folder, "unet"))
            nothing
