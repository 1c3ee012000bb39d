module Recipes.Tests.ClipParityTests

open Expecto
open TorchSharp
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Tests.Agreement

/// The pictures of a byte tensor [n, height, width, 3].
let private pictures (bytes: Tensor) = [
    for i in 0L .. bytes.shape[0] - 1L do
        Image(int bytes.shape[2], int bytes.shape[1], bytes[i].contiguous().data<byte>().ToArray())
]

[<Tests>]
let tests =
    testList "parity" [
        testList "sd1-text" [
            testCase "text encoder"
            <| fun () ->
                withFile "sd1-text" (fun file read ->
                    use model = StableDiffusionModel.Load(folder "sd1")
                    let ids = read "ids"
                    let tokens = model.Tokenize(setting<string[]> file "prompts")
                    Expect.equal (distance tokens ids) 0.0 "token ids"
                    let output = model.TextEncoder.forward ids
                    close forwardTolerance "last hidden state" output.LastHiddenState (read "last_hidden_state")
                    close forwardTolerance "pooled" output.Pooled (read "pooled")
                    let states = output.HiddenStates
                    close forwardTolerance "hidden state -2" states[states.Count - 2] (read "hidden_m2"))
        ]
        testList "clip-io" [
            testCase "image processor"
            <| fun () ->
                withFile "clip-io" (fun _ read ->
                    let processor = ClipImageProcessor.Read(folder "clip")
                    // Pillow's resize may differ by 1 of 255, and the channels are divided by their deviation.
                    let tolerance = 1.0 / 255.0 / 0.26
                    let pixels = processor.Process(ResizeArray(pictures (read "images")))
                    close tolerance "pixel values" pixels (read "pixel_values"))
            testCase "both towers"
            <| fun () ->
                withFile "clip-io" (fun _ read ->
                    use model = ClipModel.Load(folder "clip")
                    let pixels = read "pixel_values"
                    let images = model.EmbedImages pixels
                    let texts = model.EmbedText(read "ids")
                    close forwardTolerance "image embeddings" images (read "image_embeds")
                    close forwardTolerance "text embeddings" texts (read "text_embeds")
                    close forwardTolerance "cosines" ((images * texts).sum 1L) (read "cosine")
                    let logits = model.forward (pixels, read "ids")
                    close (forwardTolerance * 10.0) "logits" logits (read "logits_per_image"))
        ]
    ]
