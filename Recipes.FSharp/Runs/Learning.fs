namespace Recipes.Runs

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Recipes
open Recipes.Core.Adapters
open Recipes.Core.Models
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Lowering

/// The training of a plan: the trainer of its method, the log of its steps, and the file that it leaves.
[<RequireQualifiedAccess>]
module internal Learning =
    /// Writes what was trained into the run's folder.
    let private save (folder: RunFolder) (plan: Plan) (model: StableDiffusionModel) net (result: TrainingResult) =
        let header = AdapterHeader.ofPlan plan
        let file = folder.File(Product.name plan)

        match plan.Method with
        | PlannedMethod.LowRank _ -> result.SaveAdapters(file, header)
        | PlannedMethod.Vectors _ ->
            TextualInversionFile.Write(Seq.exactlyOne result.Tokens, file, EmbeddingNaming.Diffusers, header)
        | PlannedMethod.Control _ ->
            let header = Dictionary<string, string>(header)
            header["format"] <- "pt"

            net
            |> Option.iter (fun net -> ControlNetFiles.Save(folder.File ControlReading.inRun, net, header))
        | PlannedMethod.KeysAndValues keys ->
            CustomDiffusionFile.Write(model.UNet, result.Weights, file, header)

            for token, place in List.zip keys.Tokens (Product.tokens folder.Path keys.Tokens) do
                let inversion =
                    result.Tokens |> Seq.find (fun inversion -> inversion.Token = token.Token)

                Path.GetDirectoryName place
                |> Option.ofObj
                |> Option.iter (fun parent -> Directory.CreateDirectory parent |> ignore)

                TextualInversionFile.Write(inversion, place, EmbeddingNaming.Diffusers, header)
        | PlannedMethod.Merge _
        | PlannedMethod.Nothing -> invalidArg (nameof plan) "nothing is trained"
        | PlannedMethod.Weights weights ->
            UNetFolder.Write(model.UNet, result.Weights, folder.File "unet", header)

            if weights.Text > 0L then
                TextEncoderFolders.Write(model.TextEncoders, result.Weights, folder.Path, header)

    /// Takes the result off the model, where there is one.
    let held (result: TrainingResult option) : IDisposable = {
        new IDisposable with
            member _.Dispose() =
                result |> Option.iter (fun result -> result.Dispose())
    }

    /// Tells why steps were not recorded, and what was kept for other runs.
    let note (tell: RunProgress -> unit) (result: TrainingResult) =
        result.PlainReason
        |> Option.ofObj
        |> Option.iter (fun reason -> tell (RunProgress.Note $"the steps were not recorded: {reason}"))

        for what, used in [ "pictures' latents", result.Latents; "captions' states", result.Texts ] do
            if used.Found + used.Made > 0 then
                tell (RunProgress.Note $"{what}: {used.Found} were kept by earlier runs, {used.Made} were computed")

    /// Trains, saves the result in the run's folder, and leaves it on the model until it is disposed of.
    let run
        (folder: RunFolder)
        (plan: Plan)
        (model: StableDiffusionModel)
        (inputs: TrainingInputs)
        (tell: RunProgress -> unit)
        (stop: CancellationToken)
        : TrainingResult =
        use listener =
            new StepLog(folder.File "metrics.jsonl", int plan.Budget.Steps, Phase.Training, tell)

        let result =
            DiffusionTrainer.Run(model, Lowering.Training.options plan inputs, listener, stop)

        if result.Status = TrainingStatus.Interrupted then
            result.Dispose()
            raise (OperationCanceledException stop)

        note tell result
        save folder plan model inputs.Net result

        if plan.Budget.ZeroTerminalSnr then
            model.UseZeroTerminalSnr()

        listener.Ended()
        result
