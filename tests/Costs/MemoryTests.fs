/// Memory estimated from shapes, against what was measured on a device.
module Recipes.Tests.MemoryTests

open System.Collections.Generic
open Expecto
open TorchSharp
open Recipes.Core.Bench
open Recipes.Core.Costs
open Recipes.Core.Networks
open Recipes.Core.Training

/// Bytes taken from the device by `recipes bench` with Stable Diffusion 1.5's shapes at 512 x 512 in bfloat16, in GiB:
/// NVIDIA H100 80GB, driver 580.159, PyTorch 2.11 (CUDA 13.0) as libtorch. Columns: job, batch, checkpointing, GiB.
let private measured = [
    "lora", 1L, false, 2.402
    "lora", 1L, true, 1.975
    "lora", 4L, false, 4.2
    "lora", 16L, false, 11.6
    "dreambooth", 1L, false, 14.287
    "dreambooth", 1L, true, 13.574
    "dreambooth", 4L, false, 17.9
    "txt2img", 1L, false, 2.5
    "txt2img", 4L, false, 3.0
    "controlnet", 1L, false, 3.3
]

/// How far an estimate may lie from what was measured.
let private allowed = 0.15

let private rank = 8L

let private unet, vae, control =
    let shape = ModelShapes.Sd15
    use _ = torch.NewDisposeScope()
    use unet = new UNet2DConditionModel(shape.UNet, torch.META)
    use vae = new AutoencoderKL(shape.Vae, torch.META)

    use control =
        new ControlNetModel(ControlNetConfig(Encoder = shape.UNet), torch.META)

    (NetworkLayers.Of(unet, "unet"), NetworkLayers.Parameters unet),
    (NetworkLayers.Of(vae, "vae"), NetworkLayers.Parameters vae),
    NetworkLayers.Parameters control

let private place beside =
    Workplace(
        UNet = fst unet,
        Parameters = snd unet + beside,
        Height = 64L,
        Width = 64L,
        Precision = Precision.BFloat16,
        Cuda = true
    )

let private estimate job batch checkpointing =
    let adapted = [
        for layer in fst unet do
            if
                layer.Name.Contains ".attn"
                && not (layer.Name.EndsWith "proj_in" || layer.Name.EndsWith "proj_out")
            then
                layer
    ]

    match job with
    | "lora" ->
        TrainingMemory(
            Place = place 0L,
            Pictures = batch,
            Trained = HashSet [ for layer in adapted -> layer.Name ],
            Parameters = (adapted |> List.sumBy (fun layer -> rank * (layer.In + layer.Out))),
            Beside = true,
            Checkpointing = checkpointing
        )
            .Estimate()
    | "dreambooth" ->
        TrainingMemory(
            Place = place 0L,
            Pictures = 2L * batch,
            Trained = HashSet [ for layer in fst unet -> layer.Name ],
            Parameters = snd unet,
            Beside = false,
            Checkpointing = checkpointing
        )
            .Estimate()
    | job ->
        DrawingMemory(
            Place = place (snd vae + (if job = "controlnet" then control else 0L)),
            Vae = fst vae,
            Rows = 2L * batch,
            Factor = 8L
        )
            .Estimate()

[<Tests>]
let tests =
    testList "memory" [
        for job, batch, checkpointing, gibibytes in measured do
            let way = if checkpointing then ", blocks recomputed" else ""

            test $"{job}, batch {batch}{way}: within 15 %% of the device's" {
                let parts = estimate job batch checkpointing
                let ratio = float parts.Total / (gibibytes * 1073741824.0)
                Expect.isLessThan (abs (ratio - 1.0)) allowed $"estimated {ratio:F3} times the measured: {parts}"
            }
    ]
