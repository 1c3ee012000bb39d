/// An allocation that fails in the middle of a training, made to by asking for more memory than there can be.
module Recipes.Tests.OutOfMemoryTests

open System
open System.Collections.Generic
open System.IO
open System.Runtime.InteropServices
open Expecto
open TorchSharp
open Recipes
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Native
open Recipes.Core.Networks.Layers
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Runs
open Recipes.Tests.Support

let private side = 64

/// Libtorch's own failure: no machine has so much.
let private exhaust () =
    torch.empty(1L <<< 55, dtype = torch.float32).Dispose()

/// What libtorch throws.
let private thrown (act: unit -> unit) : exn =
    try
        act ()
        failtest "nothing was thrown"
    with error ->
        error

/// Sits on a layer, changes nothing, and fails in the pass of that number.
let private failingAt pass =
    let mutable passes = 0

    {
        new IAdapter with
            member _.Apply(_, _, _, output) =
                passes <- passes + 1

                if passes = pass then
                    exhaust ()

                output.alias ()
    }

let private pictures (folder: string) = [|
    for shade in 1..3 do
        let path = Path.Combine(folder, $"{shade}.png")
        ImageFile.WritePng(path, Image(side, side, Array.create (side * side * 3) (byte (60 * shade))))
        TrainingPicture(path, "a photo of a dog")
|]

/// Trains adapters for six steps of two pictures, with a checkpoint after every second step.
let private train (folder: string) checkpoints failing =
    use _ = torch.NewDisposeScope()
    use model = StableDiffusionModel.Load(Path.Combine(golden, "sd1"))

    match failing with
    | Some pass ->
        let layer =
            model.UNet.modules ()
            |> Seq.pick (fun part ->
                match part with
                | :? Conv2d as layer -> Some layer
                | _ -> None)

        layer.Adapters.Add(failingAt pass)
    | None -> ()

    let losses = List<float>()

    let options =
        DiffusionTrainingOptions(
            Concepts = [| Concept(Name = "dog", Pictures = pictures folder) |],
            Parts = TrainedParts(UNetLora = LoraOptions(Rank = 2)),
            Step = DenoisingStepOptions(Rate = LearningRate(Rate = 1e-2, Steps = 6L)),
            Buckets = BucketOptions(Size = side, Shapes = false),
            Seed = "3",
            Batch = 2,
            CheckpointFolder = checkpoints,
            CheckpointEvery = Nullable 2L,
            PlanHash = "0123456789abcdef"
        )

    use result =
        DiffusionTrainer.Run(
            model,
            options,
            {
                new IProgress<TrainingStep> with
                    member _.Report step = losses.Add step.Loss
            }
        )

    result.Status, List.ofSeq losses

[<Tests>]
let tests =
    testList "out of memory" [
        test "libtorch's failures to allocate are told from its others" {
            let error = thrown exhaust
            Expect.isTrue (error :? ExternalException) "libtorch's"
            Expect.isTrue (OutOfMemory.Is error) error.Message
            Expect.isTrue (OutOfMemory.Is(OutOfMemoryException())) "the runtime's"
            Expect.isTrue (OutOfMemory.Is(ExternalException "CUDA out of memory. Tried to allocate 2.00 GiB")) "CUDA's"
            Expect.stringContains (OutOfMemory.Line error) "allocate" "the line about it"

            let other = thrown (fun () -> torch.ones(2L, 3L).mm(torch.ones (2L, 3L)).Dispose())
            Expect.isTrue (other :? ExternalException) "libtorch's"
            Expect.isFalse (OutOfMemory.Is other) other.Message
        }

        test "a training says what to lower, keeps its checkpoint, and goes on from it" {
            withFolder (fun folder ->
                let _, straight = train folder (Path.Combine(folder, "straight")) None
                let checkpoints = Path.Combine(folder, "failed")

                match thrown (fun () -> train folder checkpoints (Some 4) |> ignore) with
                | :? RecipesException as error ->
                    Expect.equal error.Where "Step 4" "where"
                    Expect.stringStarts error.Fault "memory ran out (" "what"

                    Expect.equal
                        error.Cure
                        "Lower the batch (it is 2) or the size (it is 64 pixels), switch gradient checkpointing on, or keep AdamW's moments in bfloat16. The checkpoint of step 2 is kept: the same training goes on from it where there is room."
                        "cure"
                | error -> failtest $"{error}"

                Expect.isTrue (File.Exists(Path.Combine(checkpoints, TrainingCheckpoint.FileName))) "the checkpoint"
                let status, rest = train folder checkpoints None
                Expect.equal status TrainingStatus.Completed "it ends"
                Expect.equal rest (List.skip 2 straight) "the losses after the checkpoint")
        }

        test "so does everything else in a run" {
            failsWith "device cpu: memory ran out" (fun () -> Machine.guard Cpu exhaust)
            Expect.equal (Machine.guard Cpu (fun () -> 3)) 3 "the result"
        }
    ]
