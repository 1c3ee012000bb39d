module Recipes.Tests.PocketModelTests

open System.IO
open Expecto
open Recipes.Core.Networks
open Recipes.Core.Pocket
open Recipes.Core.Text
open TorchSharp

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

        test "all of it in float16 stays under 31.5 MB" {
            let total =
                parameters (new UNet2DConditionModel(UNetConfig.Read(part "unet"), torch.META))
                + parameters (new AutoencoderKL(VaeConfig.Read(part "vae"), torch.META))
                + parameters (new ClipTextModel(ClipTextConfig.Read(part "text_encoder"), torch.META))
                + parameters (new ClipModel(ClipConfig.Read PocketModel.ClipFolder, torch.META))

            Expect.isLessThan (total * 2L) 31_500_000L "bytes"
        }

        test "the committed folder holds the same files as the output" {
            let source = Path.Combine(Support.root, "Core.CSharp", "Pocket", "model", "pocket")

            for file in Directory.GetFiles(source, "*", SearchOption.AllDirectories) do
                let copy = Path.Combine(PocketModel.Folder, Path.GetRelativePath(source, file))
                Expect.isTrue (File.Exists copy && FileInfo(copy).Length = FileInfo(file).Length) copy
        }
    ]
