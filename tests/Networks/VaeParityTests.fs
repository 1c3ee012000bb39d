module Recipes.Tests.VaeParityTests

open Expecto
open TorchSharp
open Recipes.Core.Pipelines
open Recipes.Tests.Agreement

[<Tests>]
let tests =
    testList "parity" [
        testList "sd1-vae" [
            testCase "encode and decode"
            <| fun () ->
                withFile "sd1-vae" (fun _ read ->
                    use model = StableDiffusionModel.Load(folder "sd1")
                    use latents = model.Vae.Encode(read "image")
                    close forwardTolerance "mean" latents.Mean (read "mean")
                    close forwardTolerance "log-variance" latents.LogVar (read "logvar")
                    close forwardTolerance "decoded" (model.Vae.Decode(read "z")) (read "decoded"))
        ]
    ]
