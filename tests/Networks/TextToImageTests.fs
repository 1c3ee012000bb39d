module Recipes.Tests.TextToImageTests

open System
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Pipelines
open Recipes.Core.Schedules
open Recipes.Tests.Agreement

let private withModel (test: StableDiffusionModel -> unit) () =
    use _ = torch.NewDisposeScope()
    use model = StableDiffusionModel.Load(folder "sd1")
    test model

let private request (prompts: string list) (seeds: uint64 list) =
    TextToImageRequest(Prompts = prompts, Seeds = seeds, Steps = 3)

/// Reports at once, where Progress posts to another thread.
let private progress report = {
    new IProgress<int> with
        member _.Report step = report step
}

let private fault (run: unit -> unit) =
    try
        run ()
        "none"
    with :? RecipesException as e ->
        e.Message

[<Tests>]
let tests =
    testList "text to image" [
        testCase "an image depends on its own seed and prompt only"
        <| withModel (fun model ->
            let prompts = [ "a dog"; "a cat"; "a house" ]
            let eta = DdimSampler(model.Scheduler, 0.7)

            let all =
                TextToImageRequest(Prompts = prompts, Seeds = [| 7UL; 8UL; 9UL |], Steps = 3, Sampler = eta)

            let together = TextToImage.RunTensor(model, all)

            let inGroups =
                TextToImageRequest(
                    Prompts = prompts,
                    Seeds = [| 7UL; 8UL; 9UL |],
                    Steps = 3,
                    Sampler = eta,
                    BatchSize = 2
                )

            close 1e-4 "in groups" (TextToImage.RunTensor(model, inGroups)) together

            let alone =
                TextToImageRequest(Prompts = [| "a cat" |], Seeds = [| 8UL |], Steps = 3, Sampler = eta)

            close 1e-4 "alone" (TextToImage.RunTensor(model, alone)) (together.narrow (0L, 1L, 1L))
            Expect.isGreaterThan (distance together[0] together[2]) 0.01 "other seeds give other pictures")
        testCase "pictures have the size asked for, the same bytes each time"
        <| withModel (fun model ->
            let wide =
                TextToImageRequest(Prompts = [| "a dog" |], Seeds = [| 1UL |], Steps = 2, Width = 48, Height = 32)

            let picture = TextToImage.Run(model, wide)[0]
            Expect.equal (picture.Width, picture.Height) (48, 32) "size"
            Expect.equal picture.Pixels (TextToImage.Run(model, wide)[0]).Pixels "bytes")
        testCase "progress counts every step of every group"
        <| withModel (fun model ->
            let seen = ResizeArray<int>()

            let request =
                TextToImageRequest(Prompts = [| "a" |], Seeds = [| 1UL; 2UL; 3UL |], Steps = 2, BatchSize = 2)

            TextToImage.Run(model, request, progress seen.Add) |> ignore
            Expect.equal (List.ofSeq seen) [ 1..4 ] "steps"
            Expect.equal request.TotalSteps 4 "all steps")
        testCase "cancelling stops it"
        <| withModel (fun model ->
            use cancel = new CancellationTokenSource()
            let mutable steps = 0

            let stop =
                progress (fun step ->
                    steps <- step
                    cancel.Cancel())

            Expect.throwsT<OperationCanceledException>
                (fun () -> TextToImage.Run(model, request [ "a" ] [ 1UL ], stop, cancel.Token) |> ignore)
                "cancelled"

            Expect.equal steps 1 "steps taken")
        testCase "wrong requests are named"
        <| withModel (fun model ->
            let run (request: TextToImageRequest) =
                fault (fun () -> TextToImage.Run(model, request) |> ignore)

            Expect.stringContains (run (request [ "a"; "b" ] [ 1UL ])) "2 prompts for 1 seeds" "prompts"
            Expect.stringContains (run (request [ "a" ] [])) "no seeds" "seeds"

            let request =
                TextToImageRequest(Prompts = [| "a" |], Seeds = [| 1UL |], Steps = 2000)

            Expect.stringContains (run request) "2000 steps" "steps"
            let request = TextToImageRequest(Prompts = [| "a" |], Seeds = [| 1UL |], Width = 50)
            Expect.stringContains (run request) "multiple of 8" "width"

            let request =
                TextToImageRequest(Prompts = [| "a" |], Seeds = [| 1UL |], Guidance = nan)

            Expect.stringContains (run request) "guidance" "guidance")
        testCase "without guidance the negative prompt has no part"
        <| withModel (fun model ->
            let draw negative =
                let request =
                    TextToImageRequest(
                        Prompts = [| "a" |],
                        NegativePrompts = [| negative |],
                        Seeds = [| 1UL |],
                        Steps = 2,
                        Guidance = 1.0
                    )

                TextToImage.RunTensor(model, request)

            Expect.equal (distance (draw "blurry") (draw "")) 0.0 "pictures")
        testSequenced
        <| testCase "drawing leaves no tensors behind" (fun () ->
            use model = StableDiffusionModel.Load(folder "sd1")

            let live steps =
                let request =
                    TextToImageRequest(Prompts = [| "a" |], Seeds = [| 1UL |], Steps = steps)

                TextToImage.Run(model, request) |> ignore
                Tensor.TotalCount

            let first = live 2
            Expect.equal (live 9) first "tensors alive")
    ]
