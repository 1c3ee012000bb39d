module Recipes.Tests.VaeTilingTests

open System
open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Bench
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Pocket
open Recipes.Tests.Agreement

let private request tiling =
    TextToImageRequest(
        Prompts = [| "a red bicycle" |],
        Seeds = [| 3UL |],
        Steps = 2,
        Height = 320,
        Width = 384,
        VaeTiling = tiling
    )

/// Pixels of the robot, four by three times, [1, 3, 384, 512].
let private large () =
    let path = Path.Combine(Support.root, "recipes", "data", "robot", "1-waving.png")

    let robot = Resize.To(ImageFile.Decode path, 128, 128, Resampling.Bicubic)
    (ImageTensor.FromImages [| robot |]).repeat(1L, 1L, 3L, 4L)

/// The most memory that a call took beyond what was held before.
let private taken (call: unit -> Tensor) =
    PeakMemory.Restart() |> ignore
    let before = PeakMemory.Now
    use _ = call ()
    PeakMemory.Peak - before

[<Tests>]
let tests =
    testSequenced
    <| testList "vae tiling" [
        test "automatic means: over 1024 pixels and over twice what the autoencoder was trained on" {
            let applies (side: int64) height width =
                VaeTiling.Automatic.Applies(VaeConfig(SampleSize = side), height, width)

            for side, height, width, expected in
                [
                    128L, 1024L, 1024L, false
                    128L, 512L, 1032L, true
                    512L, 1024L, 1024L, false
                    512L, 1032L, 768L, true
                    1024L, 2048L, 1536L, false
                    1024L, 2056L, 1024L, true
                ] do
                Expect.equal (applies side height width) expected $"{side}: {height} x {width}"

            Expect.isFalse (VaeTiling.Never.Applies(VaeConfig(), 8192L, 8192L)) "never"
            Expect.isTrue (VaeTiling.Always.Applies(VaeConfig(), 64L, 64L)) "always"
        }

        quietly "a request's word decides, and the autoencoder is left as it was"
        <| fun () ->
            use model = StableDiffusionModel.Load PocketModel.Folder

            let draw tiling =
                TextToImage.RunTensor(model, request tiling)

            let whole = draw VaeTiling.Never
            let tiled = draw VaeTiling.Always
            Expect.equal (distance (draw VaeTiling.Automatic) whole) 0.0 "small enough to be exact"
            Expect.isGreaterThan (distance tiled whole) 0.0 "tiles differ a little"
            Expect.isFalse model.Vae.Tiling "as before"
            model.Vae.Tiling <- true
            Expect.equal (distance (draw VaeTiling.Automatic) tiled) 0.0 "switched on by hand"
            Expect.isTrue model.Vae.Tiling "as before"

        quietly "a large picture comes out of tiles as it does whole"
        <| fun () ->
            use model = StableDiffusionModel.Load PocketModel.Folder
            let vae = model.Vae
            use encoded = vae.Encode(large ())
            let latents = encoded.Mean * vae.Config.ScalingFactor
            let whole = LatentCoder.Decode(vae, latents, VaeTiling.Never)
            let tiled = LatentCoder.Decode(vae, latents, VaeTiling.Always)
            let difference = (whole - tiled).abs()
            // Of a range of 2.
            Expect.isLessThan (difference.mean().item<float32>()) 0.04f "on average"
            let noise = difference.square().mean().item<float32>()
            let psnr = 10.0f * MathF.Log10(4.0f / noise)
            Expect.isGreaterThan psnr 28.0f "signal to noise in dB"

        quietly "tiles bound the memory"
        <| fun () ->
            let config =
                VaeConfig(SampleSize = 128L, BlockOutChannels = [| 32L; 32L; 32L; 32L |], LayersPerBlock = 1L)

            use vae = new AutoencoderKL(config)
            use generator = new torch.Generator(5UL, torch.CPU)
            Initialisation.Fill(vae, generator)
            let latents = torch.randn ([| 1L; 4L; 136L; 136L |], generator = generator)

            let decode tiling () =
                LatentCoder.Decode(vae, latents, tiling)
            // Once before, so that what stays for good is there.
            (decode VaeTiling.Always ()).Dispose()
            let tiled = taken (decode VaeTiling.Automatic)
            let whole = taken (decode VaeTiling.Never)
            // One level's activations alone are 32 x 1088 x 1088 numbers: 150 MB.
            Expect.isGreaterThan whole (3L * 150_000_000L) "whole"
            Expect.isLessThan tiled (whole / 3L) $"{tiled} of {whole} bytes"
    ]
