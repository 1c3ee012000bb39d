namespace Recipes.Runs

open System
open Recipes
open Recipes.Core
open Recipes.Core.Native
open Recipes.Core.Pipelines
open TorchSharp

/// Makes what computes ready, and the same each time.
[<RequireQualifiedAccess>]
module internal Machine =
    /// Threads for a run that begins here: a continued one keeps its own number.
    let threads = Environment.ProcessorCount

    /// Loads libtorch, checks that the device is there, and fixes the number of threads: how a sum is split among
    /// threads decides its last bit.
    let prepare (device: Device) (threads: int) =
        let libtorch = LibTorch.Load()

        match device with
        | Cpu -> ()
        | Cuda index ->
            let found = if libtorch.Cuda then torch.cuda.device_count () else 0

            if index >= found then
                raise (
                    RecipesException(
                        $"device {device}",
                        $"libtorch {libtorch.Version} ({libtorch.Source}) sees {found} NVIDIA GPUs",
                        "Use --device cpu, or name a libtorch with CUDA by --libtorch."
                    )
                )

        torch.set_num_threads threads

    /// Work that may run out of memory, with an error that says what to do.
    let guard (device: Device) (work: unit -> 'a) : 'a =
        try
            work ()
        with error when OutOfMemory.Is error ->
            raise (
                RecipesException(
                    $"device {device}",
                    $"memory ran out ({OutOfMemory.Line error})",
                    "End other programs that hold memory there, or lower `size`; what is done is kept, and the same command goes on.",
                    error
                )
            )

    /// The plan's base model in the plan's precision.
    let load (plan: Plan) (device: Device) =
        StableDiffusionModel.Load(
            plan.ModelFolder,
            Lowering.Computing.device device,
            Lowering.Computing.scalars plan.Budget.Precision
        )

    /// A model in float32 on the CPU.
    let plain (folder: string) =
        StableDiffusionModel.Load(folder, torch.CPU, torch.float32)
