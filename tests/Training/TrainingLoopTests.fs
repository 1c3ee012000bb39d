/// The loop around steps that a device goes on with while the host starts further ones.
module Recipes.Tests.TrainingLoopTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core.Training
open Recipes.Tests.Support

/// Steps whose loss is their number, read when they are asked for.
type private Delayed(ahead: bool, loss: int64 -> float, pause: TimeSpan) =
    let started = Queue<int64>()
    member val Readings: int list = [] with get, set
    member val Saved: int list = [] with get, set

    interface ITrainingStep with
        member _.RunsAhead = ahead
        member _.Start step = started.Enqueue step

        member this.Read() =
            this.Readings <- this.Readings @ [ started.Count ]
            Thread.Sleep(pause * float started.Count)

            let read = [|
                for step in started -> StepResult(loss (step + 1L), 0.0, Nullable(), 1.0, 1.0)
            |]

            started.Clear()
            read

        member this.SaveState() =
            this.Saved <- this.Saved @ [ started.Count ]
            [ KeyValuePair("w", torch.zeros 1L) ]

        member _.RestoreState _ = ()
        member _.Dispose() = ()

let private run (step: Delayed) (options: TrainingLoopOptions) (cancelAt: int64) =
    use cancellation = new CancellationTokenSource()
    let seen = List<TrainingStep>()

    let watch = {
        new IProgress<TrainingStep> with
            member _.Report found =
                seen.Add found

                if found.Step = cancelAt then
                    cancellation.Cancel()
    }

    let struct (status, finished) =
        TrainingLoop.Run(step, options, watch, cancellation.Token)

    status, finished, List.ofSeq seen

let private quick = TimeSpan.Zero

[<Tests>]
let tests =
    testList "training loop" [
        test "figures are read for many quick steps at once, and every step is reported" {
            let step = new Delayed(true, float, quick)
            let status, finished, seen = run step (TrainingLoopOptions(Steps = 50L)) -1L
            Expect.equal (status, finished) (TrainingStatus.Completed, 50L) "all"
            Expect.equal [ for found in seen -> found.Step, found.Loss ] [ for n in 1L .. 50L -> n, float n ] "in order"
            Expect.equal step.Readings.Head 1 "at once after the first, whose pace is not known"
            Expect.equal (List.max step.Readings) 16 "no more than there is room for"
            Expect.isLessThan step.Readings.Length 8 "few readings"
        }

        test "slow steps are reported as they come" {
            let step = new Delayed(true, float, TimeSpan.FromSeconds 0.3)
            run step (TrainingLoopOptions(Steps = 3L)) -1L |> ignore
            Expect.equal step.Readings [ 1; 1; 1 ] "each"
        }

        test "steps that are done when they return are read at once" {
            let step = new Delayed(false, float, quick)
            run step (TrainingLoopOptions(Steps = 5L)) -1L |> ignore
            Expect.equal step.Readings [ 1; 1; 1; 1; 1 ] "each"
        }

        test "nothing is saved before its figures were read" {
            withFolder (fun folder ->
                let step = new Delayed(true, float, quick)

                let options =
                    TrainingLoopOptions(Steps = 25L, CheckpointFolder = folder, CheckpointEvery = 10L)

                run step options -1L |> ignore
                Expect.equal step.Saved [ 0; 0; 0 ] "at 10, 20 and 25")
        }

        test "a loss that is no number is laid to its own step, and the checkpoint before it kept" {
            withFolder (fun folder ->
                let step = new Delayed(true, (fun n -> if n >= 17L then nan else 1.0), quick)

                let options =
                    TrainingLoopOptions(Steps = 40L, CheckpointFolder = folder, CheckpointEvery = 10L)

                failsWith "Step 17: the loss is NaN" (fun () -> run step options -1L |> ignore)
                Expect.equal step.Saved.Length 1 "that of step 10"
                use other = new Delayed(true, float, quick)
                Expect.equal (TrainingCheckpoint.Resume(folder, other, "")) 10L "its step")
        }

        test "an interruption reports and saves what was started" {
            withFolder (fun folder ->
                let step = new Delayed(true, float, quick)
                let options = TrainingLoopOptions(Steps = 40L, CheckpointFolder = folder)
                let status, finished, seen = run step options 5L
                Expect.equal status TrainingStatus.Interrupted "interrupted"
                Expect.equal (int64 seen.Length) finished "all started are reported"
                Expect.equal step.Saved [ 0 ] "saved once"
                use other = new Delayed(true, float, quick)
                Expect.equal (TrainingCheckpoint.Resume(folder, other, "")) finished "where it goes on")
        }

        test "figures measured after a step are reported with it" {
            let step = new Delayed(true, float, quick)

            let after (finished: int64) =
                (if finished = 7L then
                     dict [ "validation_loss", 0.5 ]
                 else
                     Dictionary())
                |> Dictionary
                :> IReadOnlyDictionary<string, float>

            let _, _, seen =
                run step (TrainingLoopOptions(Steps = 20L, After = Func<_, _> after)) -1L

            let having = [
                for found in seen do
                    if found.Further.Count > 0 then
                        found.Step, found.Further["validation_loss"]
            ]

            Expect.equal having [ 7L, 0.5 ] "its step"
        }
    ]
