module Recipes.Tests.PipelineParityTests

open System.Collections.Generic
open System.Text.Json
open Expecto
open TorchSharp
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Prompts
open Recipes.Tests.Agreement

/// A row's seed, in the order and from the one generator of the reference.
let private seeds file row = [| (setting<Dictionary<string, uint64>> file "seeds")[row] |]

let private note file name =
    (setting<Dictionary<string, JsonElement>> file "notes")[name]

/// Pictures in the range the networks take: the reference gives them from 0 to 1, and would take both.
let private pictures (given: Tensor) =
    if given.min().item<float32>() < 0f then
        given
    else
        given * 2.0 - 1.0

let private compare model row (draw: Recipes.Core.Weights.SafeTensorsFile -> (string -> Tensor) -> _ -> Tensor) =
    testCase row
    <| fun () ->
        withFile "pipelines" (fun file read ->
            use model = StableDiffusionModel.Load(folder model)
            let drawn = draw file read model
            let scaled = (drawn * 0.5 + 0.5).clamp((0.0).ToScalar(), (1.0).ToScalar())
            close pipelineTolerance "pictures" scaled (read row))

let private fromText model row (change: _ -> TextToImageRequest -> TextToImageRequest) =
    compare model row (fun file read model ->
        let size = (read row).shape

        let request =
            TextToImageRequest(
                Prompts = setting<string[]> file "prompts",
                NegativePrompts = setting<string[]> file "negative",
                Seeds = seeds file row,
                SharedGenerator = true,
                Prompting = PromptOptions.Plain,
                Steps = setting<int> file "steps",
                Guidance = setting<double> file "guidance",
                Height = int size[2],
                Width = int size[3]
            )

        TextToImage.RunTensor(model, change file request))

let private rescaled file (request: TextToImageRequest) =
    TextToImageRequest(
        Prompts = request.Prompts,
        NegativePrompts = request.NegativePrompts,
        Seeds = request.Seeds,
        SharedGenerator = request.SharedGenerator,
        Prompting = PromptOptions(Weighted = false, ClipSkip = (note file "clip_skip").GetInt32()),
        Steps = request.Steps,
        Guidance = request.Guidance,
        GuidanceRescale = (note file "rescale").GetDouble(),
        Height = request.Height,
        Width = request.Width
    )

[<Tests>]
let tests =
    testList "parity" [
        testList "pipelines" [
            fromText "sd1" "sd1.txt2img" (fun _ request -> request)
            fromText "sd1" "sd1.txt2img-rescale-clipskip" rescaled
            fromText "sd2" "sd2.txt2img" (fun _ request -> request)
            fromText "sdxl" "sdxl.txt2img" (fun _ request -> request)
            compare "sd1" "sd1.img2img" (fun file read model ->
                let request =
                    ImageToImageRequest(
                        Prompts = setting<string[]> file "prompts",
                        NegativePrompts = setting<string[]> file "negative",
                        Seeds = seeds file "sd1.img2img",
                        SharedGenerator = true,
                        Prompting = PromptOptions.Plain,
                        Steps = setting<int> file "steps",
                        Guidance = setting<double> file "guidance",
                        Strength = (note file "strength").GetDouble(),
                        Pictures = pictures (read "img2img.image")
                    )

                ImageToImage.RunTensor(model, request))
            compare "inpaint" "inpaint.out" (fun file read model ->
                let request =
                    InpaintingRequest(
                        Prompts = setting<string[]> file "prompts",
                        NegativePrompts = setting<string[]> file "negative",
                        Seeds = seeds file "inpaint.out",
                        SharedGenerator = true,
                        Prompting = PromptOptions.Plain,
                        Steps = setting<int> file "steps",
                        Guidance = setting<double> file "guidance",
                        Pictures = pictures (read "img2img.image"),
                        Masks = read "inpaint.mask"
                    )

                Inpainting.RunTensor(model, request))
        ]
    ]
