/// Where a plan computes, and with which numbers. This is the first file that knows TorchSharp: nothing above it loads
/// native code.
module internal Recipes.Lowering.Computing

open Recipes
open TorchSharp

let device (device: Device) : torch.Device =
    match device with
    | Cpu -> torch.CPU
    | Cuda index -> torch.device (DeviceType.CUDA, index)

let scalars (precision: Precision) =
    match precision with
    | Float32 -> torch.ScalarType.Float32
    | BFloat16 -> torch.ScalarType.BFloat16
