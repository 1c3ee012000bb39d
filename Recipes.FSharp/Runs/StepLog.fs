namespace Recipes.Runs

open System
open Recipes.Core.Training

/// Hears every training step: the log of the steps, and the progress that people see.
type internal StepLog(path: string, total: int, phase: Phase, tell: RunProgress -> unit) =
    let mutable metrics: Metrics option = None

    let start first =
        let log = Metrics.After(path, first)
        metrics <- Some log

        if first > 0 then
            tell (RunProgress.Note $"continuing after step {first}")

        // The first step also prepares; the pace is counted from its end.
        tell (RunProgress.Began(phase, first + 1, total))
        log

    member _.Ended() =
        if metrics.IsSome then
            tell (RunProgress.Ended phase)

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
                    for KeyValue(name, value) in step.Further do
                        name, value
                ]
            )

            tell (RunProgress.Reached(phase, int step.Step, Some step.Loss, Some step.Rate))

    interface IDisposable with
        member _.Dispose() =
            metrics |> Option.iter (fun log -> (log :> IDisposable).Dispose())
