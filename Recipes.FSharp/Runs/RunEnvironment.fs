namespace Recipes.Runs

open System
open System.Reflection
open System.Runtime.InteropServices
open Recipes
open Recipes.Core.Native

/// What a run ran on: versions and hardware that may change its last bits. No user names and no paths.
[<RequireQualifiedAccess>]
module RunEnvironment =
    let private version (assembly: Assembly) =
        match assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
        | null -> string (assembly.GetName().Version)
        | attribute -> attribute.InformationalVersion.Split('+')[0]

    /// The version of this library.
    let recipes = version (Assembly.GetExecutingAssembly())

    /// Versions and hardware, in the order in which a reader wants them. Loads libtorch.
    let machine (device: Device) (threads: int) : (string * string) list =
        let torch = LibTorch.Load()

        [
            "recipes", recipes
            "dotnet", Environment.Version.ToString()
            "torchsharp", version typeof<TorchSharp.torch>.Assembly
            "libtorch", torch.Version
            "libtorch_source", torch.Source
            "libtorch_mended", (if torch.Mended then "yes" else "no")
            "device", string device
            match device with
            | Cuda _ -> "cuda_devices", string (TorchSharp.torch.cuda.device_count ())
            | Cpu -> ()
            "processors", string Environment.ProcessorCount
            "threads", string threads
            "architecture", RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()
            "os", RuntimeInformation.OSDescription
        ]

    /// The same and the seeds of a plan.
    let entries (plan: Plan) (threads: int) : (string * string) list = [
        yield! machine plan.Budget.Device threads
        "seed", plan.Budget.Seed
        "sample_seeds", plan.Draw.Seeds |> List.map string |> String.concat ","
    ]

    let json (plan: Plan) (threads: int) =
        entries plan threads
        |> List.map (fun (name, value) -> name, Json.Text value)
        |> Json.Object
        |> Json.canonical
