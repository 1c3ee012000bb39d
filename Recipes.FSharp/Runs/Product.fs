namespace Recipes.Runs

open System
open System.IO
open System.Security.Cryptography
open Recipes
open Recipes.Core
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
        | PlannedMethod.Nothing -> invalidArg (nameof plan) "nothing is trained"
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

    /// The networks that adapters are made for, by component.
    let networks (model: StableDiffusionModel) =
        readOnlyDict [
            "unet", model.UNet :> torch.nn.Module

            for number, tower in Seq.indexed model.TextEncoders do
                StableDiffusionModel.TextComponent number, tower :> torch.nn.Module
        ]

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
    let adapters (file: string) (model: StableDiffusionModel) : LoraSet = LoraSet.Load(file, networks model)

    /// Puts a finished run's result onto its base model, until it is disposed of.
    let attach (folder: string) (plan: Plan) (model: StableDiffusionModel) : IDisposable =
        if plan.Budget.ZeroTerminalSnr then
            model.UseZeroTerminalSnr()

        match plan.Method with
        | PlannedMethod.LowRank _
        | PlannedMethod.Merge { IsKeys = false } -> adapters (path folder plan) model
        | PlannedMethod.Merge merge ->
            CustomDiffusionFile.Fill(model.UNet, path folder plan)
            learned model (tokens folder merge.Tokens)
        | PlannedMethod.Vectors _ -> learned model [ path folder plan ]
        // It stands beside the model, and comes with the controls.
        | PlannedMethod.Control _
        | PlannedMethod.Nothing -> nothing
        | PlannedMethod.KeysAndValues keys ->
            CustomDiffusionFile.Fill(model.UNet, path folder plan)
            learned model (tokens folder keys.Tokens)
        | PlannedMethod.Weights weights ->
            UNetFolder.Fill(model.UNet, Path.Combine(folder, "unet"))

            if weights.Text > 0L then
                TextEncoderFolders.Fill(model.TextEncoders, folder)

            nothing

    /// C23: an adapter that names its base must have been trained on this one.
    let private fits (plan: Plan) (adapter: FurtherAdapter) (set: LoraSet) =
        match set.Metadata.TryGetValue AdapterHeader.baseKey with
        | true, trained when trained <> plan.Model.Sha256 ->
            raise (
                RecipesException(
                    adapter.File,
                    $"it was trained on a base model of SHA-256 {trained[..11]}, {plan.Model.Name} has {plan.Model.Sha256[..11]}",
                    "Draw with the base it was made for, or add --any-base."
                )
            )
        | _ -> ()

    /// Puts further adapters onto the plan's model, each kept apart from its weights, until what is returned is disposed
    /// of. Where one of them cannot be used, none stays. `anyBase` takes those of another base model of this family too.
    let join (plan: Plan) (model: StableDiffusionModel) (anyBase: bool) (adapters: FurtherAdapter list) : IDisposable =
        let attached = ResizeArray<LoraSet>()

        let dispose () =
            for set in Seq.rev attached do
                set.Dispose()

        try
            for adapter in adapters do
                let set = LoraSet.Load(adapter.File, networks model)
                attached.Add set

                if not anyBase then
                    fits plan adapter set

                set.Scale <- adapter.Scale
        with _ ->
            dispose ()
            reraise ()

        {
            new IDisposable with
                member _.Dispose() = dispose ()
        }
