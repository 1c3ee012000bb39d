module Recipes.Tests.PretrainingTests

open System
open System.IO
open System.Threading
open Expecto
open Recipes.Core.Networks
open Recipes.Core.Pocket
open Recipes.Core.Pocket.Pretraining
open Recipes.Tests.Support
open TorchSharp

let private tokenizer = Path.Combine(PocketModel.Folder, "tokenizer")

/// A small autoencoder, so that steps take milliseconds.
let private vae =
    VaeConfig(
        Where = "test",
        SampleSize = 128L,
        BlockOutChannels = [| 8L; 8L; 8L; 8L |],
        LayersPerBlock = 1L,
        NormNumGroups = 4L,
        ForceUpcast = false
    )

/// Reports at once, where Progress posts to another thread.
let private progress report = {
    new IProgress<StageProgress> with
        member _.Report step = report step
}

let private trainer pack stop =
    new Pretraining(
        PretrainingOptions(
            Icons = pack,
            Tokenizer = tokenizer,
            Processor = PocketModel.ClipFolder,
            Device = torch.CPU,
            Scenes = 12
        ),
        progress ignore,
        stop
    )

[<Tests>]
let tests =
    testSequenced
    <| testList "pretraining" [
        test "the stated numbers of parameters are the networks' own" {
            let count (network: torch.nn.Module) =
                use network = network
                network.parameters () |> Seq.sumBy _.numel()

            let vocabulary = int64 (Recipes.Core.Text.ClipTokenizer.Load tokenizer).Count
            let text = PocketShape.Text vocabulary
            let meta = torch.META
            Expect.equal (count (new UNet2DConditionModel(PocketShape.UNet, meta))) PocketShape.UNetParameters "unet"
            Expect.equal (count (new AutoencoderKL(PocketShape.Vae, meta))) PocketShape.VaeParameters "vae"

            Expect.equal
                (count (new UNet2DConditionModel(PocketShape.UpscalerUNet, meta)))
                PocketShape.UpscalerUNetParameters
                "upscaler"

            Expect.equal
                (count (new AutoencoderKL(PocketShape.UpscalerVae, meta)))
                PocketShape.UpscalerVaeParameters
                "upscaler's vae"

            Expect.equal
                (count (new ClipModel(PocketShape.Clip(vocabulary, text), meta)))
                PocketShape.TextTowerParameters
                "text towers"

            Expect.equal (count (new ClipModel(PocketShape.Clip vocabulary, meta))) PocketShape.ClipParameters "clip"
        }

        test "a stage that is stopped and resumed ends with the weights of one that ran through" {
            withFolder (fun folder ->
                let pack = SyntheticIcons.write (Path.Combine(folder, "icons.pack"))
                use trainer = trainer pack CancellationToken.None

                let run name (deadline: TimeSpan Nullable) =
                    let target = Directory.CreateDirectory(Path.Combine(folder, name)).FullName

                    let stage =
                        StageOptions(
                            Steps = 3,
                            Batch = 2,
                            Rate = 1e-3,
                            Warmup = 1,
                            Seed = "5",
                            StateFile = Path.Combine(target, "state.safetensors"),
                            Deadline = deadline
                        )

                    let finished = trainer.Autoencoder(vae, stage, target)
                    finished, File.ReadAllBytes(Path.Combine(target, "diffusion_pytorch_model.safetensors"))

                let _, through = run "through" (Nullable())
                let first, unfinished = run "parts" (Nullable(TimeSpan.FromMilliseconds 1.0))
                Expect.isFalse first "the first part stops after a step"
                Expect.notEqual unfinished through "and has other weights"
                let finished, resumed = run "parts" (Nullable())
                Expect.isTrue finished "the last part ends"
                Expect.equal resumed through "weights")
        }

        test "the upscaler's stage leaves a network of its shape, the same for the same seed" {
            withFolder (fun folder ->
                let pack = SyntheticIcons.write (Path.Combine(folder, "icons.pack"))
                use trainer = trainer pack CancellationToken.None

                for name in [ "vae"; "text_encoder"; "scheduler"; "low_res_scheduler" ] do
                    let target = Directory.CreateDirectory(Path.Combine(folder, name)).FullName

                    for file in Directory.GetFiles(Path.Combine(PocketModel.UpscalerFolder, name)) do
                        File.Copy(file, Path.Combine(target, nonNull (Path.GetFileName file)))

                Directory.CreateDirectory(Path.Combine(folder, "unet")) |> ignore
                let shape = PocketShape.UpscalerUNet

                let run seed =
                    let stage = StageOptions(Steps = 2, Batch = 2, Rate = 1e-3, Warmup = 1, Seed = seed)
                    Expect.isTrue (trainer.Upscaler(shape, stage, folder)) "finished"
                    File.ReadAllBytes(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"))

                let first = run "5"
                Expect.equal (run "5") first "the same seed"
                Expect.notEqual (run "6") first "another seed"
                let config = UNetConfig.Read(Path.Combine(folder, "unet"))
                Expect.equal config.NumClassEmbeds shape.NumClassEmbeds "noise levels")
        }
    ]
