module Recipes.Tests.UpscalingTests

open System.Collections.Generic
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Pipelines
open Recipes.Tests.Agreement

let private upscaled =
    testCase "upscale.out"
    <| fun () ->
        withFile "pipelines" (fun file read ->
            use model = StableDiffusionModel.Load(folder "x4-upscaler")
            let notes = setting<Dictionary<string, double>> file "notes"

            let request =
                UpscalingRequest(
                    Pictures = read "upscale.image" * 2.0 - 1.0,
                    NoiseLevel = int (notes["noise_level"]),
                    Prompts = setting<string[]> file "prompts",
                    NegativePrompts = setting<string[]> file "negative",
                    Seeds = [| (setting<Dictionary<string, uint64>> file "seeds")["upscale.out"] |],
                    SharedGenerator = true,
                    Steps = setting<int> file "steps",
                    Guidance = setting<double> file "guidance"
                )

            let pictures = Upscaling.RunTensor(model, request)
            let saved = (pictures * 0.5 + 0.5).clamp((0.0).ToScalar(), (1.0).ToScalar())
            close pipelineTolerance "pictures" saved (read "upscale.out"))

let private refuses (name: string) (model: string) level (pictures: Tensor) words =
    quietly name (fun () ->
        use _ = torch.NewDisposeScope()
        use model = StableDiffusionModel.Load(folder model)

        let request =
            UpscalingRequest(
                Prompts = [| "a dog" |],
                Seeds = [| 1UL |],
                Steps = 2,
                Pictures = pictures,
                NoiseLevel = level,
                AfterStep = (fun _ -> failtest "a step was made")
            )

        let message =
            try
                Upscaling.RunTensor(model, request) |> ignore
                failtest "nothing was refused"
            with :? RecipesException as e ->
                e.Message

        for word in words do
            Expect.stringContains message word "the message")


let private small () = torch.zeros (1L, 3L, 8L, 8L)

[<Tests>]
let parity = testList "parity" [ testList "pipelines" [ upscaled ] ]

[<Tests>]
let tests =
    testList "upscaling" [
        refuses "a noise level too high" "x4-upscaler" 351 (small ()) [ "351"; "350" ]
        refuses "a noise level below 0" "x4-upscaler" -1 (small ()) [ "-1" ]
        refuses "a model that is no upscaler" "sd1" 20 (small ()) [ "no upscaler"; "StableDiffusionPipeline" ]
        refuses "pictures out of range" "x4-upscaler" 20 (small () + 2.0) [ "2 to 2" ]
        refuses "pictures of two seeds" "x4-upscaler" 20 (torch.zeros (3L, 3L, 8L, 8L)) [ "3 pictures"; "1 image" ]
        quietly "an image depends on its own picture and seed" (fun () ->
            use _ = torch.NewDisposeScope()
            use model = StableDiffusionModel.Load(folder "x4-upscaler")
            use generator = new torch.Generator(4UL, torch.CPU)
            let pictures = torch.rand ([| 2L; 3L; 8L; 12L |], generator = generator)

            let run (pictures: Tensor) prompts seeds =
                UpscalingRequest(Prompts = prompts, Seeds = seeds, Steps = 2, Pictures = pictures)
                |> fun request -> Upscaling.RunTensor(model, request)

            let both = run pictures [| "a dog"; "a cat" |] [| 1UL; 2UL |]
            let factor = int64 model.Vae.Config.Factor
            Expect.equal (shape both) [ 2L; 3L; 8L * factor; 12L * factor ] "the size"
            let alone = run (pictures.narrow (0L, 1L, 1L)) [| "a cat" |] [| 2UL |]
            close 1e-4 "alone" alone (both.narrow (0L, 1L, 1L)))
    ]
