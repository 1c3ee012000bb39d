module Recipes.Tests.PipelineParityTests

open System.Collections.Generic
open Expecto
open TorchSharp
open Recipes.Core.Pipelines
open Recipes.Tests.Agreement

let private agrees model key =
    testCase key
    <| fun () ->
        withFile "pipelines" (fun file read ->
            use model = StableDiffusionModel.Load(folder model)
            let expected = read key
            let prompts = setting<string[]> file "prompts"
            let factor = int64 model.Vae.Config.Factor
            let seed = (setting<Dictionary<string, uint64>> file "seeds")[key]

            // The reference draws the whole batch from one generator.
            let latents =
                torch.randn (
                    [|
                        prompts.LongLength
                        model.Vae.Config.LatentChannels
                        expected.shape[2] / factor
                        expected.shape[3] / factor
                    |],
                    generator = new torch.Generator(seed, torch.CPU)
                )

            let request =
                TextToImageRequest(
                    Prompts = prompts,
                    NegativePrompts = setting<string[]> file "negative",
                    Seeds = Array.replicate prompts.Length 0UL,
                    Steps = setting<int> file "steps",
                    Guidance = setting<double> file "guidance",
                    Height = int expected.shape[2],
                    Width = int expected.shape[3]
                )

            let pictures = TextToImage.RunTensor(model, request, latents)
            let scaled = (pictures * 0.5 + 0.5).clamp((0.0).ToScalar(), (1.0).ToScalar())
            close pipelineTolerance "pictures" scaled expected)

[<Tests>]
let tests =
    testList "parity" [
        testList "pipelines" [ agrees "sd1" "sd1.txt2img"; agrees "sd2" "sd2.txt2img" ]
    ]
