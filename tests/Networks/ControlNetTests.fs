module Recipes.Tests.ControlNetTests

open System.IO
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Networks
open Recipes.Tests.Agreement

let private fault run =
    try
        run ()
        failtest "nothing was refused"
    with :? RecipesException as e ->
        e.Message

let private says (words: string list) (message: string) =
    for word in words do
        Expect.stringContains message word "the message"

let private tiny =
    lazy ControlNetConfig.Read(Path.Combine(folder "sd1-controlnet", "config.json"))

/// The tiny network's shape, with other pictures.
let private variant blueFirst pools =
    ControlNetConfig(
        Encoder = tiny.Value.Encoder,
        ConditioningEmbeddingOutChannels = tiny.Value.ConditioningEmbeddingOutChannels,
        BlueFirst = blueFirst,
        GlobalPoolConditions = pools
    )

/// The latents, the time and the text of a tiny pass, always the same.
let private inputs () =
    use generator = new torch.Generator(5UL, torch.CPU)

    let draw (shape: int64[]) =
        torch.randn (shape, generator = generator)

    draw [| 2L; 4L; 8L; 8L |], torch.tensor [| 500.0f |], draw [| 2L; 7L; tiny.Value.Encoder.CrossAttentionDim |]

let private filled (config: ControlNetConfig) =
    let network = new ControlNetModel(config)
    use generator = new torch.Generator(3UL, torch.CPU)
    Initialisation.Fill(network, generator)
    network

let private pass (network: ControlNetModel) (image: Tensor) =
    let sample, time, states = inputs ()
    use text = new TextContext(states)
    network.forward (sample, time, text, image)

let private silent =
    quietly "a fresh copy changes nothing" (fun () ->
        use _ = torch.NewDisposeScope()
        use unet = new UNet2DConditionModel(tiny.Value.Encoder)
        use generator = new torch.Generator(1UL, torch.CPU)
        Initialisation.Fill(unet, generator)

        use network =
            ControlNetModel.FromUNet(unet, generator, embedding = [| 4L; 8L; 8L; 16L |])

        let sample, time, states = inputs ()
        use text = new TextContext(states)
        let residuals = network.forward (sample, time, text, torch.rand (2, 3, 64, 64))

        let conditions =
            UNetConditions(DownResiduals = residuals.Down, MidResidual = residuals.Mid)

        let controlled = unet.forward (sample, time, text, conditions)
        Expect.equal (distance controlled (unet.forward (sample, time, text))) 0.0 "the prediction")

let private order =
    quietly "blue first" (fun () ->
        use _ = torch.NewDisposeScope()
        use plain = filled tiny.Value
        use swapped = filled (variant true false)
        let image = torch.rand (2, 3, 64, 64)
        let expected = pass plain image
        Expect.equal (distance (pass swapped (image.flip 1L)).Mid expected.Mid) 0.0 "channels turned round"
        Expect.isGreaterThan (distance (pass swapped image).Mid expected.Mid) 0.0 "channels as they are")

let private pooled =
    quietly "pooled over height and width" (fun () ->
        use _ = torch.NewDisposeScope()
        use plain = filled tiny.Value
        use pooling = filled (variant false true)
        let image = torch.rand (2, 3, 64, 64)
        let expected = pass plain image
        let found = pass pooling image
        close 1e-6 "the first" found.Down[0] (expected.Down[0].mean([| 2L; 3L |], keepdim = true)))

let private guess =
    quietly "guess mode's factors" (fun () ->
        use _ = torch.NewDisposeScope()

        let ones =
            new ControlNetResiduals([| for _ in 0..11 -> torch.ones 1L |], torch.ones 1L)

        let found = ones.TimesRising 2.0
        let expected = torch.logspace (-1.0, 0.0, 13L) * 2.0
        let all = torch.cat [| yield! found.Down; found.Mid |]
        close 1e-6 "factors" all expected)

let private shapes =
    quietly "pictures that do not fit" (fun () ->
        use _ = torch.NewDisposeScope()
        use network = filled tiny.Value

        fault (fun () -> pass network (torch.rand (2, 3, 64, 72)) |> ignore)
        |> says [ "72 × 64"; "64 × 64" ]

        fault (fun () -> pass network (torch.rand (3, 3, 64, 64)) |> ignore)
        |> says [ "3 control pictures"; "2 latents" ]

        fault (fun () -> pass network (torch.rand (2, 1, 64, 64)) |> ignore)
        |> says [ "[2, 1, 64, 64]"; "conditioning_channels" ])

/// A config of the reference values with some of its fields changed.
let private changed source (changes: (string * string) list) (test: string -> unit) =
    Support.withFolder (fun target ->
        let text = File.ReadAllText(Path.Combine(folder source, "config.json"))
        let fields = (nonNull (JsonNode.Parse text)).AsObject()

        for field, json in changes do
            fields[field] <- JsonNode.Parse json

        File.WriteAllText(Path.Combine(target, "config.json"), fields.ToJsonString())
        test target)

let private families field changes =
    testCase $"a ControlNet of another {field}"
    <| fun () ->
        changed "sd1/unet" changes (fun target ->
            let unet = UNetConfig.Read target

            fault (fun () -> ControlNetFiles.Load(folder "sd1-controlnet", unet).Dispose())
            |> says [ field; "another kind of model"; target ])

let private inpainting =
    testCase "a ControlNet for the inpainting model of its family"
    <| fun () ->
        changed "sd1/unet" [ "in_channels", "9" ] (fun target ->
            use network = ControlNetFiles.Load(folder "sd1-controlnet", UNetConfig.Read target)

            Expect.equal network.Config.Encoder.InChannels 4L "the latents alone")

let private refuses field (json: string) (words: string list) =
    testCase $"{field} {json}"
    <| fun () ->
        changed "sd1-controlnet" [ field, json ] (fun target ->
            fault (fun () -> ControlNetConfig.Read target |> ignore)
            |> says (field :: words))

let private again =
    quietly "saved and read again" (fun () ->
        use _ = torch.NewDisposeScope()
        use network = filled tiny.Value

        Support.withFolder (fun target ->
            ControlNetFiles.Save(target, network)
            use read = ControlNetFiles.Load(target, tiny.Value.Encoder)
            let image = torch.rand (2, 3, 64, 64)
            Expect.equal (distance (pass read image).Mid (pass network image).Mid) 0.0 "the same network"

            Expect.sequenceEqual
                read.Config.ConditioningEmbeddingOutChannels
                tiny.Value.ConditioningEmbeddingOutChannels
                "widths"))

[<Tests>]
let tests =
    testList "controlnet" [
        silent
        order
        pooled
        guess
        shapes
        families "cross_attention_dim" [ "cross_attention_dim", "1024" ]
        families "block_out_channels" [ "block_out_channels", "[8, 8, 16, 16]" ]
        families "layers_per_block" [ "layers_per_block", "1" ]
        families "num_class_embeds" [ "num_class_embeds", "10" ]
        families "in_channels" [ "in_channels", "7"; "out_channels", "3" ]
        families "projection_class_embeddings_input_dim" [
            "addition_embed_type", "\"text_time\""
            "addition_time_embed_dim", "8"
            "projection_class_embeddings_input_dim", "80"
        ]
        inpainting
        again
        testList "configs refused by field and value" [
            refuses "controlnet_conditioning_channel_order" "\"gbr\"" [ "gbr" ]
            refuses "conditioning_embedding_out_channels" "[]" [ "[]" ]
            refuses "conditioning_embedding_out_channels" "[4, 0]" [ "[4, 0]" ]
            refuses "mid_block_type" "\"UNetMidBlock2D\"" [ "UNetMidBlock2D" ]
            refuses "down_block_types" "[\"A\", \"DownBlock2D\", \"DownBlock2D\", \"DownBlock2D\"]" [ "[0]"; "\"A\"" ]
            refuses "up_block_types" "[\"UpBlock2D\"]" [ "not known" ]
            refuses "_class_name" "\"UNet2DConditionModel\"" [ "ControlNetModel" ]
            refuses "a_new_field" "7" [ "7" ]
            refuses "global_pool_conditions" "3" [ "true or false" ]
            refuses "attention_head_dim" "3" [ "[0]"; "3" ]
        ]
    ]
