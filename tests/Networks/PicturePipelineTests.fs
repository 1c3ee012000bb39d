module Recipes.Tests.PicturePipelineTests

open System
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Schedules
open Recipes.Tests.Agreement

let private withModel name (test: StableDiffusionModel -> unit) () =
    use _ = torch.no_grad ()
    use _ = torch.NewDisposeScope()
    use model = StableDiffusionModel.Load(folder name)
    test model

/// Pictures of random colours, -1 to 1.
let private noise count side =
    torch.rand ([| count; 3L; side; side |], generator = new torch.Generator(5UL, torch.CPU))
    * 2.0
    - 1.0

/// A hole in the left half.
let private leftHalf side =
    let mask = torch.zeros [| 1L; 1L; side; side |]
    mask.narrow(3L, 0L, side / 2L).fill_(1f.ToScalar()) |> ignore
    mask

let private over (pictures: Tensor) strength seeds =
    ImageToImageRequest(Prompts = [| "a dog" |], Seeds = seeds, Steps = 4, Strength = strength, Pictures = pictures)

let private filling (pictures: Tensor) (masks: Tensor) seeds =
    InpaintingRequest(Prompts = [| "a dog" |], Seeds = seeds, Steps = 4, Pictures = pictures, Masks = masks)

let private refused (word: string) (run: unit -> Tensor) =
    Expect.throwsC (run >> ignore) (fun e ->
        Expect.isTrue (e :? RecipesException) $"the kind of error: {e.Message}"
        Expect.stringContains e.Message word "the message")

[<Tests>]
let tests =
    testList "picture pipelines" [
        testCase "strength is the share of steps that is taken"
        <| withModel "sd1" (fun model ->
            let pictures = noise 1L 32L
            let seen = ResizeArray<int>()

            let draw strength =
                seen.Clear()

                let request =
                    ImageToImageRequest(
                        Prompts = [| "a dog" |],
                        Seeds = [| 1UL |],
                        Steps = 4,
                        Strength = strength,
                        Pictures = pictures,
                        AfterStep =
                            fun step ->
                                seen.Add step.Index
                                null
                    )

                ImageToImage.RunTensor(model, request), seen.Count, request.TotalSteps

            let picture, one, total = draw 0.25
            let _, all, _ = draw 1.0
            Expect.equal (one, total, all) (1, 1, 4) "evaluations"
            Expect.equal (shape picture) [ 1L; 3L; 32L; 32L ] "size")
        testCase "an image depends on its own seed and picture only"
        <| withModel "sd1" (fun model ->
            let pictures = noise 3L 32L
            let all = ImageToImage.RunTensor(model, over pictures 0.6 [| 1UL; 2UL; 3UL |])

            let alone =
                ImageToImage.RunTensor(model, over (pictures.narrow (0L, 1L, 1L)) 0.6 [| 2UL |])

            close 1e-4 "over" (all.narrow (0L, 1L, 1L)) alone
            let one = pictures.narrow (0L, 1L, 1L)
            let shared = ImageToImage.RunTensor(model, over one 0.6 [| 1UL; 2UL; 3UL |])
            close 1e-4 "one picture for all" (shared.narrow (0L, 1L, 1L)) alone
            use inpainting = StableDiffusionModel.Load(folder "inpaint")

            for model in [ model; inpainting ] do
                let all =
                    Inpainting.RunTensor(model, filling pictures (leftHalf 32L) [| 1UL; 2UL; 3UL |])

                let alone = Inpainting.RunTensor(model, filling one (leftHalf 32L) [| 2UL |])
                close 1e-4 "filled" (all.narrow (0L, 1L, 1L)) alone)
        testCase "an ordinary model keeps what is around the hole"
        <| withModel "sd1" (fun model ->
            let pictures, mask = noise 1L 32L, leftHalf 32L
            let last = ResizeArray<Tensor>()

            let fill seed =
                let request =
                    InpaintingRequest(
                        Prompts = [| "a dog" |],
                        Seeds = [| seed |],
                        Steps = 4,
                        Pictures = pictures,
                        Masks = mask,
                        AfterStep =
                            fun step ->
                                last.Add(step.Latents.detach().clone().DetachFromDisposeScope())
                                null
                    )

                Inpainting.RunTensor(model, request) |> ignore
                last[last.Count - 1]

            let latents = fill 7UL
            let encoded = model.Vae.Encode pictures
            use noise = NoiseSource.PerImage [| 7UL |]
            let drawn = noise.Normal(encoded.Mean.shape, torch.CPU, torch.float32)
            let kept = encoded.Sample drawn * model.Vae.Config.ScalingFactor
            close 1e-5 "the right half" (latents.narrow (3L, 2L, 2L)) (kept.narrow (3L, 2L, 2L))
            Expect.isGreaterThan (distance (latents.narrow (3L, 0L, 2L)) (kept.narrow (3L, 0L, 2L))) 0.1 "the hole"
            Seq.iter (fun (kept: Tensor) -> kept.Dispose()) last)
        testCase "a model made for it does not see the hole's old content"
        <| withModel "inpaint" (fun model ->
            let pictures, mask = noise 1L 32L, leftHalf 32L
            let other = pictures.clone ()
            other.narrow(3L, 0L, 16L).fill_(1f.ToScalar()) |> ignore

            let draw pictures =
                Inpainting.RunTensor(model, filling pictures mask [| 1UL |])

            Expect.equal (distance (draw pictures) (draw other)) 0.0 "pictures")
        testCase "several images a prompt, one generator or one each"
        <| withModel "sd1" (fun model ->
            let draw prompts seeds each shared =
                TextToImage.RunTensor(
                    model,
                    TextToImageRequest(
                        Prompts = prompts,
                        Seeds = seeds,
                        ImagesPerPrompt = each,
                        SharedGenerator = shared,
                        Steps = 2,
                        Height = 32,
                        Width = 32
                    )
                )

            let four = draw [| "a"; "b" |] [| 1UL; 2UL; 3UL; 4UL |] 2 false
            close 1e-4 "the second prompt's first" (four.narrow (0L, 2L, 1L)) (draw [| "b" |] [| 3UL |] 1 false)
            let shared = draw [| "a"; "b" |] [| 9UL |] 2 true
            Expect.equal shared.shape[0] 4L "images"
            Expect.isGreaterThan (distance shared[0] shared[1]) 0.01 "each image has its own noise")
        testCase "a callback may take the latents' place"
        <| withModel "sd1" (fun model ->
            let draw (afterStep: SamplingStep -> Tensor | null) =
                let request =
                    TextToImageRequest(
                        Prompts = [| "a" |],
                        Seeds = [| 1UL |],
                        Steps = 3,
                        Height = 32,
                        Width = 32,
                        AfterStep = Func<_, _> afterStep
                    )

                TextToImage.RunTensor(model, request)

            let zeros = draw (fun step -> torch.zeros_like step.Latents)
            let decoded = model.Vae.Decode(torch.zeros [| 1L; 4L; 4L; 4L |])
            close 1e-5 "zeros, decoded" zeros decoded
            refused "AfterStep" (fun () -> draw (fun _ -> torch.zeros [| 2L |])))
        testCase "SDXL is told sizes, and its negative side others"
        <| withModel "sdxl" (fun model ->
            let draw sizes negative =
                let request =
                    TextToImageRequest(
                        Prompts = [| "a" |],
                        Seeds = [| 1UL |],
                        Steps = 2,
                        Sizes = sizes,
                        NegativeSizes = negative
                    )

                TextToImage.RunTensor(model, request)

            let native = draw null null
            let side = int native.shape[2]

            let stated =
                SizeConditions(Original = struct (side, side), Target = struct (side, side))

            Expect.equal (distance (draw stated null) native) 0.0 "the picture's own by default"
            let small = SizeConditions(Original = struct (4, 4), Crop = struct (900, 700))
            Expect.isGreaterThan (distance (draw small null) native) 1e-4 "other sizes"
            Expect.isGreaterThan (distance (draw small null) (draw small stated)) 1e-5 "other negative sizes")
        testCase "wrong pictures, masks and requests are named"
        <| withModel "sd1" (fun model ->
            let picture = noise 1L 32L
            let run request () = ImageToImage.RunTensor(model, request)
            let fill request () = Inpainting.RunTensor(model, request)
            refused "strength is 1.5" (run (over picture 1.5 [| 1UL |]))
            refused "none of 4 steps" (run (over picture 0.1 [| 1UL |]))
            refused "2 pictures for 3 images" (run (over (noise 2L 32L) 0.5 [| 1UL; 2UL; 3UL |]))
            refused "-255 to" (run (over (torch.full ([| 1L; 3L; 32L; 32L |], (-255.0).ToScalar())) 0.5 [| 1UL |]))
            refused "multiples of 8" (run (over (noise 1L 30L) 0.5 [| 1UL |]))
            refused "[n, 1, 32, 32]" (fun () -> fill (filling picture (leftHalf 16L) [| 1UL |]) ())
            refused "1 to 2" (fill (filling picture (leftHalf 32L + 1.0) [| 1UL |]))
            use inpainting = StableDiffusionModel.Load(folder "inpaint")
            refused "9 channels" (fun () -> ImageToImage.RunTensor(inpainting, over picture 0.5 [| 1UL |]))

            let draw seeds rescale =
                TextToImageRequest(
                    Prompts = [| "a" |],
                    Seeds = seeds,
                    SharedGenerator = true,
                    GuidanceRescale = rescale
                )

            refused "2 seeds for one generator" (fun () -> TextToImage.RunTensor(model, draw [| 1UL; 2UL |] 0.0))

            refused "rescale is 2" (fun () -> TextToImage.RunTensor(model, draw [| 1UL |] 2.0)))
        testCase "masks are the brightness of pictures"
        <| fun () ->
            let image = Image(2, 1, [| 255uy; 255uy; 255uy; 255uy; 0uy; 0uy |])
            let mask = MaskTensor.FromImages [| image |]
            Expect.equal (shape mask) [ 1L; 1L; 1L; 2L ] "shape"
            Expect.sequenceEqual (mask.data<float32>().ToArray()) [| 1f; 76f / 255f |] "as Pillow makes grey of red"
    ]
