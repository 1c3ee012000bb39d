module Recipes.Tests.UNetParityTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Prompts
open Recipes.Core.Weights
open Recipes.Tests.Agreement

let private load model =
    let path = Path.Combine(folder model, "unet")
    let network = new UNet2DConditionModel(UNetConfig.Read path)

    let files =
        WeightFiles.Find(path, "diffusion_pytorch_model")
        |> Seq.map SafeTensorsFile.Open
        |> ResizeArray

    StateDict.Load(network, files, (fun key -> WeightKeys.ForDiffusers key), path)

    for file in files do
        file.Dispose()

    network

let private agrees name model conditions =
    testCase "forward pass"
    <| fun () ->
        withFile name (fun _ read ->
            use network = load model
            use context = new TextContext(read "ctx")
            let output = network.forward (read "x", read "t", context, conditions read)
            close forwardTolerance "output" output (read "out")
            // Keys and values kept from the first call must give the same in the second.
            use kept = new TextContext(read "ctx", reused = true)
            network.forward (read "x", read "t", kept, conditions read) |> ignore
            let again = network.forward (read "x", read "t", kept, conditions read)
            Expect.equal (distance again output) 0.0 "with kept keys and values")

let private plain _ = null

/// What both text encoders make of the file's prompts and negative prompts.
let private prompts =
    testCase "prompts"
    <| fun () ->
        withFile "sdxl-unet" (fun file read ->
            use model = StableDiffusionModel.Load(folder "sdxl")

            let guided =
                PromptEncoder.EncodeGuided(
                    model,
                    setting<string[]> file "negative",
                    setting<string[]> file "prompts",
                    PromptOptions.Plain
                )

            close forwardTolerance "states" guided.States (torch.cat [| read "neg"; read "ctx" |])

            match guided.Pooled with
            | null -> failtest "there is no pooled state"
            | pooled -> close forwardTolerance "pooled" pooled (torch.cat [| read "neg_pooled"; read "pooled" |]))

[<Tests>]
let tests =
    testList "parity" [
        testList "sd1-unet" [ agrees "sd1-unet" "sd1" plain ]
        testList "sd2-unet" [ agrees "sd2-unet" "sd2" plain ]
        testList "sdxl-unet" [
            agrees "sdxl-unet" "sdxl" (fun read ->
                UNetConditions(PooledText = read "pooled", TimeIds = read "time_ids"))
            prompts
        ]
    ]
