module Recipes.Tests.PocketModelTests

open System.IO
open System.IO.Compression
open System.Security.Cryptography
open Expecto
open Recipes.Core
open Recipes.Core.Data
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Pocket
open Recipes.Core.Text
open TorchSharp

let private committed = Path.Combine(Support.root, "Core.CSharp", "Pocket", "model")

let private part name = Path.Combine(PocketModel.Folder, name)

let private parameters (network: torch.nn.Module) =
    use network = network
    network.parameters () |> Seq.sumBy _.numel()

[<Tests>]
let tests =
    testList "pocket model" [
        test "its parts fit one another and the tokenizer" {
            let unet, vae, text =
                UNetConfig.Read(part "unet"), VaeConfig.Read(part "vae"), ClipTextConfig.Read(part "text_encoder")

            let tokenizer = ClipTokenizer.Load(part "tokenizer")
            Expect.equal unet.CrossAttentionDim text.HiddenSize "width of the text"
            Expect.equal unet.InChannels vae.LatentChannels "channels of the latents"
            Expect.equal (unet.SampleSize * int64 vae.Factor) vae.SampleSize "size of the latents"

            for towers in [ text; ClipConfig.Read(PocketModel.ClipFolder).Text ] do
                Expect.equal towers.VocabSize (int64 tokenizer.Count) "vocabulary"
                Expect.equal towers.EosTokenId (int64 tokenizer.EosId) "end"
                Expect.equal towers.BosTokenId (int64 tokenizer.BosId) "begin"
                Expect.equal towers.MaxPositionEmbeddings (int64 tokenizer.MaxLength) "length"
        }

        test "the upscaler's parts fit one another, and it shares the text encoder" {
            use model = StableDiffusionModel.Load PocketModel.UpscalerFolder
            Expect.equal model.PipelineClass "StableDiffusionUpscalePipeline" "pipeline"
            Expect.equal model.MaxNoiseLevel PocketShape.UpscalerNoiseLevels "noise levels"
            Expect.equal model.Vae.Config.Factor 4 "factor"
            let text = Path.Combine("text_encoder", "model.safetensors")

            Expect.equal
                (File.ReadAllBytes(Path.Combine(PocketModel.UpscalerFolder, text)))
                (File.ReadAllBytes(part text))
                "the same text encoder"
        }

        test "the upscaler's pictures are four times as large and near what they are made of" {
            use _ = torch.NewDisposeScope()
            use model = StableDiffusionModel.Load PocketModel.UpscalerFolder
            let file = Path.Combine(Support.root, "recipes", "data", "robot", "2-walking.png")
            let large = PreparedPicture.Square(file, 128)

            let request =
                UpscalingRequest(
                    Prompts = [| "a cartoon robot" |],
                    Seeds = [| 1UL |],
                    Steps = 4,
                    Guidance = 1.0,
                    NoiseLevel = 0,
                    Pictures = SmallPictures.Of(large, 4)
                )

            let error =
                (Upscaling.RunTensor(model, request) - large).square().mean().item<float32>()
            // A signal-to-noise ratio of 18 dB for values of -1 to 1; a grey picture has less than 10.
            Expect.isLessThan (float error) (4.0 * 10.0 ** -1.8) "squared error"
        }

        test "pictures that do not shrink evenly are refused" {
            Expect.throwsT<RecipesException> (fun () -> SmallPictures.Of(torch.zeros (1L, 3L, 6L, 8L), 4) |> ignore) "6"
        }

        test "all of it in float16 stays under 33.5 MB, and under 32 MB as it is committed" {
            let total =
                parameters (new UNet2DConditionModel(UNetConfig.Read(part "unet"), torch.META))
                + parameters (new AutoencoderKL(VaeConfig.Read(part "vae"), torch.META))
                + parameters (new ClipTextModel(ClipTextConfig.Read(part "text_encoder"), torch.META))
                + parameters (new ClipModel(ClipConfig.Read PocketModel.ClipFolder, torch.META))
                + PocketShape.UpscalerUNetParameters
                + PocketShape.UpscalerVaeParameters

            Expect.isLessThan (total * 2L) 33_500_000L "bytes"

            let committed =
                Directory.GetFiles(committed, "*", SearchOption.AllDirectories)
                |> Seq.sumBy (fun file -> FileInfo(file).Length)

            Expect.isLessThan committed 32_000_000L "bytes committed"
        }

        test "the committed folder holds the same files as the output" {
            let folders = [
                "pocket", PocketModel.Folder
                "pocket-clip", PocketModel.ClipFolder
                "pocket-x4", PocketModel.UpscalerFolder
            ]

            for name, folder in folders do
                let source = Path.Combine(committed, name)

                for file in Directory.GetFiles(source, "*", SearchOption.AllDirectories) do
                    let copy = Path.Combine(folder, Path.GetRelativePath(source, file))

                    if file.EndsWith ".zip" then
                        let unpacked = copy[.. copy.Length - 5]
                        use archive = ZipFile.OpenRead file
                        let entry = Seq.exactlyOne archive.Entries
                        use packed = entry.Open()
                        let expected = SHA256.HashData packed
                        use stream = File.OpenRead unpacked
                        Expect.sequenceEqual (SHA256.HashData stream) expected unpacked
                        Expect.isFalse (File.Exists copy) "the archive is not shipped"
                    else
                        Expect.isTrue (File.Exists copy && FileInfo(copy).Length = FileInfo(file).Length) copy
        }
    ]
