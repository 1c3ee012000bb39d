namespace Recipes.Runs

open System
open System.IO
open System.Threading
open Recipes
open Recipes.Core.Adapters
open Recipes.Core.Models
open Recipes.Core.Pipelines
open Recipes.Core.Training

/// The training of a plan: the trainer of its method, the log of its steps, and the file that it leaves.
[<RequireQualifiedAccess>]
module internal Learning =
    let private complete (status: TrainingStatus) (result: IDisposable) (stop: CancellationToken) =
        if status = TrainingStatus.Interrupted then
            result.Dispose()
            raise (OperationCanceledException stop)

    let private dreamBooth (folder: RunFolder) (plan: Plan) (model: StableDiffusionModel) classes listener tell stop =
        let result =
            DreamBoothTrainer.Run(model, Lower.dreamBooth plan classes folder.Path, listener, stop)

        complete result.Status result stop

        result.PlainReason
        |> Option.ofObj
        |> Option.iter (fun reason -> tell (RunProgress.Note $"the steps were not recorded: {reason}"))

        let header = AdapterHeader.ofPlan plan

        match result.Adapters with
        | null -> UNetFolder.Write(model.UNet, result.Weights, folder.File "unet", header)
        | _ -> result.SaveAdapters(folder.File(Product.name plan), header)

        result :> IDisposable

    /// Trains, saves the result in the run's folder, and leaves it on the model until it is disposed of.
    let run
        (folder: RunFolder)
        (plan: Plan)
        (model: StableDiffusionModel)
        (classPictures: string list)
        (tell: RunProgress -> unit)
        (stop: CancellationToken)
        : IDisposable =
        use listener =
            new StepLog(folder.File "metrics.jsonl", int plan.Budget.Steps, Phase.Training, tell)

        let result =
            match plan.Method with
            | PlannedMethod.LowRank _
            | PlannedMethod.KeysAndValues _
            | PlannedMethod.Weights _ -> dreamBooth folder plan model classPictures listener tell stop
            | PlannedMethod.Vectors vectors ->
                let result =
                    TextualInversionTrainer.Run(model, Lower.inversion plan vectors folder.Path, listener, stop)

                complete result.Status result stop

                TextualInversionFile.Write(
                    result.Inversion,
                    folder.File(Product.name plan),
                    EmbeddingNaming.Diffusers,
                    AdapterHeader.ofPlan plan
                )

                result

        listener.Ended()
        result
