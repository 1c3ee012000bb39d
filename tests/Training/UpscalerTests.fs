module Recipes.Tests.UpscalerTrainingTests

open System
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Tests.Agreement

let private size = 32

let private pictures =
    let image i =
        Image(size, size, Array.init (size * size * 3) (fun at -> byte ((i * 31 + at * 7 + at / 96 * 5) % 256)))

    TrainingImages.FromImages([ for i in 1..3 -> image i ], size)

let private usual =
    UpscalerOptions(
        Images = pictures,
        Captions = [| "a dog"; "a cat"; "a house" |],
        Mirrored = true,
        CaptionDropout = 0.3,
        Steps = 4L,
        Rate = 1e-3,
        Batch = 2,
        Accumulation = 2,
        Seed = "3"
    )

let private resuming folder lora steps =
    UpscalerOptions(
        Images = pictures,
        Captions = usual.Captions,
        CaptionDropout = 0.3,
        Steps = 4L,
        Rate = 1e-3,
        Batch = 2,
        Lora = lora,
        Seed = "3",
        CheckpointFolder = folder,
        CheckpointEvery = Nullable steps
    )

/// Weights and losses of a training that is cancelled after so many steps, where it is.
let private train stop (options: UpscalerOptions) =
    use _ = torch.NewDisposeScope()
    use model = StableDiffusionModel.Load(folder "x4-upscaler")
    use cancellation = new CancellationTokenSource()
    let losses = ResizeArray<float>()

    let watch = {
        new IProgress<TrainingStep> with
            member _.Report step =
                losses.Add step.Loss

                if Some step.Step = stop then
                    cancellation.Cancel()
    }

    use result = UpscalerTrainer.Run(model, options, watch, cancellation.Token)

    Map [
        for KeyValue(name, weight) in result.Weights -> name, weight.data<float32>().ToArray()
    ],
    List.ofSeq losses

let private resumes name lora = test $"{name}: stopping and resuming gives the same bits" {
    Support.withFolder (fun straight ->
        Support.withFolder (fun parts ->
            let weights, losses = train None (resuming straight lora 9L)
            let _, first = train (Some 2L) (resuming parts lora 9L)
            let resumed, second = train None (resuming parts lora 9L)
            Expect.equal first.Length 2 "interrupted"
            Expect.equal (first @ second) losses "losses"
            Expect.equal resumed weights "weights"))
}

let private refuses part model (options: UpscalerOptions) =
    use model = StableDiffusionModel.Load(folder model)

    try
        UpscalerTrainer.Run(model, options) |> ignore
        failtest "nothing was refused"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

let private with' captions dropout highest lora =
    UpscalerOptions(
        Images = pictures,
        Captions = captions,
        CaptionDropout = dropout,
        HighestNoiseLevel = highest,
        Lora = lora,
        Steps = 1L,
        Rate = 1e-3,
        Seed = "3"
    )

[<Tests>]
let tests =
    testSequenced
    <| testList "upscaler training" [
        resumes "the whole UNet" null
        resumes "adapters" (LoraOptions(Rank = 2, Alpha = 2.0, Targets = [ "attention" ]))

        test "it learns its pictures" {
            let options =
                UpscalerOptions(
                    Images = pictures,
                    Captions = [| "a dog" |],
                    Steps = 60L,
                    Rate = 2e-3,
                    Batch = 3,
                    Seed = "3"
                )

            let _, losses = train None options
            Expect.isLessThan (List.average losses[50..]) (0.9 * List.average losses[..9]) "the loss falls"
        }

        test "what cannot train is refused" {
            refuses "it is no upscaler" "sd1" (with' [| "a" |] 0.1 (Nullable()) null)
            refuses "there are 2 for 3 pictures" "x4-upscaler" (with' [| "a"; "b" |] 0.1 (Nullable()) null)
            refuses "the share is 1.5" "x4-upscaler" (with' [| "a" |] 1.5 (Nullable()) null)
            refuses "it is 351" "x4-upscaler" (with' [| "a" |] 0.1 (Nullable 351) null)

            let dropout =
                LoraOptions(Rank = 2, Alpha = 2.0, Dropout = 0.5, Targets = [ "attention" ])

            refuses "Upscaler.Lora.Dropout" "x4-upscaler" (with' [| "a" |] 0.1 (Nullable()) dropout)
        }
    ]
