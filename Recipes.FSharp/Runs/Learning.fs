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
    /// Hears every step: the log, and the progress that people see.
    type private Listener(folder: RunFolder, plan: Plan, tell: RunProgress -> unit) =
        let total = int plan.Budget.Steps
        let mutable metrics: Metrics option = None

        let start first =
            let log = Metrics.After(folder.File "metrics.jsonl", first)
            metrics <- Some log

            if first > 0 then
                tell (RunProgress.Note $"continuing after step {first}")

            // The first step also prepares; the pace is counted from its end.
            tell (RunProgress.Began(Phase.Training, first + 1, total))
            log

        member _.Ended() =
            if metrics.IsSome then
                tell (RunProgress.Ended Phase.Training)

        interface IProgress<TrainingStep> with
            member _.Report step =
                let log = metrics |> Option.defaultWith (fun () -> start (int step.Step - 1))

                log.Add(
                    int step.Step,
                    [
                        "loss", step.Loss
                        "instance_loss", step.InstanceLoss
                        match Option.ofNullable step.PriorLoss with
                        | Some loss -> "prior_loss", loss
                        | None -> ()
                        "gradient_norm", step.GradientNorm
                        "rate", step.Rate
                    ]
                )

                tell (RunProgress.Reached(Phase.Training, int step.Step, Some step.Loss, Some step.Rate))

        interface IDisposable with
            member _.Dispose() =
                metrics |> Option.iter (fun log -> (log :> IDisposable).Dispose())

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
        use listener = new Listener(folder, plan, tell)

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
