module Recipes.Tests.ControlPipelineTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Tests.Agreement

/// From -1 to 1 to what the reference saves.
let private saved (pictures: Tensor) =
    (pictures * 0.5 + 0.5).clamp((0.0).ToScalar(), (1.0).ToScalar())

let private note (file: Weights.SafeTensorsFile) key =
    (setting<Dictionary<string, double>> file "notes")[key]

let private seed file key = [| (setting<Dictionary<string, uint64>> file "seeds")[key] |]

let private controlled =
    testCase "sd1.control"
    <| fun () ->
        withFile "pipelines" (fun file read ->
            use model = StableDiffusionModel.Load(folder "sd1")
            use network = ControlNetFiles.Load(folder "sd1-controlnet", model.UNet.Config)
            let expected = read "sd1.control"

            let control =
                Control(
                    Network = network,
                    Pictures = read "control.image",
                    Scale = note file "control_scale",
                    End = note file "control_guidance_end"
                )

            let request =
                TextToImageRequest(
                    Prompts = setting<string[]> file "prompts",
                    NegativePrompts = setting<string[]> file "negative",
                    Seeds = seed file "sd1.control",
                    SharedGenerator = true,
                    Steps = setting<int> file "steps",
                    Guidance = setting<double> file "guidance",
                    Height = int expected.shape[2],
                    Width = int expected.shape[3],
                    Controls = [| control |]
                )

            close pipelineTolerance "pictures" (saved (TextToImage.RunTensor(model, request))) expected)

let private withNetwork name (test: StableDiffusionModel -> ControlNetModel -> unit) =
    quietly name (fun () ->
        use _ = torch.NewDisposeScope()
        use model = StableDiffusionModel.Load(folder "sd1")
        use network = ControlNetFiles.Load(folder "sd1-controlnet", model.UNet.Config)
        test model network)

let private hints (network: ControlNetModel) (model: StableDiffusionModel) count =
    use generator = new torch.Generator(11UL, torch.CPU)
    let side = network.Config.Factor * model.UNet.Config.SampleSize
    torch.rand ([| count; network.Config.ConditioningChannels; side; side |], generator = generator)

let private request steps guidance (controls: Control list) =
    TextToImageRequest(
        Prompts = [| "a dog"; "a cat" |],
        Seeds = [| 1UL; 2UL |],
        Steps = steps,
        Guidance = guidance,
        Controls = controls
    )

let private draw (model: StableDiffusionModel) request = TextToImage.RunTensor(model, request)

/// How the latents after each step differ from those without controls.
let private steps (model: StableDiffusionModel) count guidance controls =
    let latents controls =
        let found = ResizeArray<Tensor>()

        let asked =
            TextToImageRequest(
                Prompts = [| "a dog" |],
                Seeds = [| 1UL |],
                Steps = count,
                Guidance = guidance,
                Controls = controls,
                AfterStep =
                    (fun step ->
                        found.Add(step.Latents.clone().DetachFromDisposeScope())
                        null)
            )

        draw model asked |> ignore
        found

    [
        for found, plain in Seq.zip (latents controls) (latents []) -> distance found plain
    ]

let private fault run =
    try
        run () |> ignore
        failtest "nothing was refused"
    with :? RecipesException as e ->
        e.Message

let private refuses name (words: string list) (spoil: ControlNetModel -> Tensor -> Control) =
    withNetwork name (fun model network ->
        let control = spoil network (hints network model 1L)

        // Nothing may be computed before the fault is found: not one step is made.
        let asked =
            TextToImageRequest(
                Prompts = [| "a dog"; "a cat" |],
                Seeds = [| 1UL; 2UL |],
                Steps = 2,
                Controls = [| control |],
                AfterStep = (fun _ -> failtest "a step was made")
            )

        let message = fault (fun () -> draw model asked)

        for word in "control" :: words do
            Expect.stringContains (message.ToLowerInvariant()) (word.ToLowerInvariant()) "the message")

[<Tests>]
let parity = testList "parity" [ testList "pipelines" [ controlled ] ]

[<Tests>]
let tests =
    testList "control pipelines" [
        withNetwork "two halves make a whole" (fun model network ->
            let hints = hints network model 2L

            let control scale =
                Control(Network = network, Pictures = hints, Scale = scale)

            let whole = draw model (request 3 5.0 [ control 1.0 ])
            close 1e-4 "together" (draw model (request 3 5.0 [ control 0.3; control 0.7 ])) whole
            let plain = draw model (request 3 5.0 [])
            Expect.isGreaterThan (distance whole plain) 1e-3 "the control has an effect"
            Expect.equal (distance (draw model (request 3 5.0 [ control 0.0 ])) plain) 0.0 "none at scale 0")

        withNetwork "an image depends on its own control" (fun model network ->
            let hints = hints network model 2L

            let whole =
                draw model (request 3 5.0 [ Control(Network = network, Pictures = hints) ])

            let alone =
                TextToImageRequest(
                    Prompts = [| "a cat" |],
                    Seeds = [| 2UL |],
                    Steps = 3,
                    Guidance = 5.0,
                    Controls = [| Control(Network = network, Pictures = hints.narrow (0L, 1L, 1L)) |]
                )

            close 1e-4 "the second image" (draw model alone) (whole.narrow (0L, 1L, 1L)))

        withNetwork "start and end" (fun model network ->
            let control from until =
                Control(Network = network, Pictures = hints network model 1L, Start = from, End = until)

            let differs from until =
                steps model 4 1.0 [ control from until ] |> List.map (fun found -> found > 0.0)

            Expect.equal (differs 0.0 1.0) [ true; true; true; true ] "always"
            Expect.equal (differs 0.5 1.0) [ false; false; true; true ] "from the half on"
            // Step 1 of 4 starts at 0.25, which is before 0.26.
            Expect.equal (differs 0.26 1.0) [ false; false; true; true ] "a little later than the second"

            let until = steps model 4 1.0 [ control 0.0 0.25 ]
            Expect.equal until (steps model 4 1.0 [ control 0.0 0.49 ]) "only whole steps count"
            Expect.notEqual until (steps model 4 1.0 [ control 0.0 0.5 ]) "the second step at its very end")

        withNetwork "guess mode leaves the negative prompt alone" (fun model network ->
            let hints = hints network model 1L

            let control guess =
                Control(Network = network, Pictures = hints, Guess = guess)

            let guided = steps model 1 5.0 [ control true ]
            Expect.isGreaterThan guided[0] 0.0 "an effect"
            Expect.notEqual guided (steps model 1 5.0 [ control false ]) "another than without it"
            // Without guidance there is no negative half, and the levels' factors are what is left of guess mode.
            Expect.notEqual (steps model 1 1.0 [ control true ]) (steps model 1 1.0 [ control false ]) "factors")

        withNetwork "image to image" (fun model network ->
            let side = int64 model.Vae.Config.Factor * model.UNet.Config.SampleSize

            let run controls =
                ImageToImageRequest(
                    Prompts = [| "a dog" |],
                    Seeds = [| 1UL |],
                    Steps = 4,
                    Strength = 0.5,
                    Pictures = torch.zeros (1L, 3L, side, side),
                    Controls = controls
                )
                |> fun request -> ImageToImage.RunTensor(model, request)

            let control from =
                Control(Network = network, Pictures = hints network model 1L, Start = from)

            let plain = run []
            Expect.isGreaterThan (distance (run [ control 0.0 ]) plain) 1e-3 "steered"
            // Two of four steps are made: the share is counted among those.
            Expect.isGreaterThan (distance (run [ control 0.5 ]) plain) 0.0 "the last of two steps"
            Expect.equal (distance (run [ control 0.51 ]) plain) 0.0 "no step is left")

        testList "refused before any step" [
            refuses "pictures of another size" [ "72x64"; "64x64" ] (fun network hints ->
                let wider = torch.cat ([| hints; hints.narrow (3L, 0L, 8L) |], 3L)
                Control(Network = network, Pictures = wider))
            refuses "no picture" [ "no picture" ] (fun network hints ->
                Control(Network = network, Pictures = hints.narrow (0L, 0L, 0L)))
            refuses "three pictures for two images" [ "3 pictures"; "2 images" ] (fun network hints ->
                Control(Network = network, Pictures = hints.expand (3L, -1L, -1L, -1L)))
            refuses "pictures from -1 to 1" [ "-1"; "0 to 1" ] (fun network hints ->
                Control(Network = network, Pictures = hints * 2.0 - 1.0))
            refuses "a grey picture" [ "[1, 1, 64, 64]" ] (fun network hints ->
                Control(Network = network, Pictures = hints.narrow (1L, 0L, 1L)))
            refuses "an end before the start" [ "0.6"; "0.4" ] (fun network hints ->
                Control(Network = network, Pictures = hints, Start = 0.6, End = 0.4))
            refuses "an end after the end" [ "1.2" ] (fun network hints ->
                Control(Network = network, Pictures = hints, End = 1.2))
            refuses "no scale" [ "scale" ] (fun network hints ->
                Control(Network = network, Pictures = hints, Scale = nan))
            refuses "another type" [ "BFloat16"; "Float32" ] (fun network hints ->
                Control(
                    Network =
                        ControlNetFiles.Load(folder "sd1-controlnet", network.Config.Encoder, dtype = torch.bfloat16),
                    Pictures = hints
                ))
            refuses
                "a ControlNet of another family"
                [ "cross_attention_dim"; "another kind of model" ]
                (fun network hints ->
                    let encoder = UNetConfig.Read(Path.Combine(folder "sdxl", "unet"))

                    Control(
                        Network =
                            new ControlNetModel(
                                ControlNetConfig(
                                    Encoder = encoder,
                                    ConditioningEmbeddingOutChannels = network.Config.ConditioningEmbeddingOutChannels
                                )
                            ),
                        Pictures = hints
                    ))
        ]
    ]
