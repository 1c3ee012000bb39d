module Recipes.Tests.RecomputedTests

open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Networks
open Recipes.Tests.Agreement

let private small =
    UNetConfig(
        SampleSize = 8L,
        BlockOutChannels = [| 16L; 32L |],
        DownBlockTypes = [| "CrossAttnDownBlock2D"; "DownBlock2D" |],
        UpBlockTypes = [| "UpBlock2D"; "CrossAttnUpBlock2D" |],
        LayersPerBlock = 1L,
        CrossAttentionDim = 12L,
        AttentionHeads = [| 2L |],
        NormNumGroups = 4L
    )

let private draw seed (shape: int64 list) =
    torch.randn (Array.ofList shape, generator = new torch.Generator(seed, torch.CPU))

let private network () =
    let unet = new UNet2DConditionModel(small)
    Initialisation.Fill(unet, new torch.Generator(1UL, torch.CPU))
    unet

/// The output, and the gradients of the parameters and of the text.
let private run (unet: UNet2DConditionModel) (parameters: NamedParameter seq) recomputed =
    use _ = torch.enable_grad ()
    unet.GradientCheckpointing <- recomputed
    let context = (draw 3UL [ 2L; 7L; 12L ]).requires_grad_ true

    for parameter in parameters do
        parameter.Parameter.grad <- null

    let output =
        unet.forward (draw 2UL [ 2L; 4L; 8L; 8L ], torch.tensor [| 3L; 700L |], context)

    (output * draw 4UL [ 2L; 4L; 8L; 8L ]).sum().backward()

    output.detach (),
    [
        "text", (nonNull context.grad).clone()
        for parameter in parameters do
            parameter.Name, (nonNull parameter.Parameter.grad).clone()
    ]

let private agree unet parameters =
    let output, gradients = run unet parameters false
    let again, recomputed = run unet parameters true
    Expect.equal (distance again output) 0.0 "output"

    for (name, expected), (_, found) in List.zip gradients recomputed do
        Expect.isGreaterThan (expected.abs().max().item<float32>()) 0.0f name
        Expect.isLessThan (distance found expected) 1e-5 name

[<Tests>]
let tests =
    testList "recomputed" [
        quietly "all weights: the output and the gradients are those of a pass that keeps everything"
        <| fun () ->
            use unet = network ()

            let parameters = [
                for struct (name, parameter) in unet.named_parameters () do
                    NamedParameter(name, parameter)
            ]

            agree unet parameters
        quietly "adapters on frozen weights get the same gradients, where no input requires one by itself"
        <| fun () ->
            use unet = network ()

            for parameter in unet.parameters () do
                parameter.requires_grad <- false

            use adapters =
                LoraSet.Attach(unet, "unet", LoraOptions(Rank = 2), new torch.Generator(5UL, torch.CPU))

            for parameter in adapters.Parameters do
                use _ = torch.no_grad ()
                parameter.Parameter.normal_ (0.0, 0.2) |> ignore

            agree unet (List.ofSeq adapters.Parameters)
        quietly "dropout leaves the same inputs out both times a block is run"
        <| fun () ->
            use unet = network ()

            for parameter in unet.parameters () do
                parameter.requires_grad <- false

            let options = LoraOptions(Rank = 2, Dropout = 0.5)

            use adapters =
                LoraSet.Attach(unet, "unet", options, new torch.Generator(5UL, torch.CPU))

            for parameter in adapters.Parameters do
                use _ = torch.no_grad ()
                parameter.Parameter.normal_ (0.0, 0.2) |> ignore

            adapters.DropBy(torch.tensor [| 7L |])
            agree unet (List.ofSeq adapters.Parameters)
        quietly "without gradients nothing is recomputed, and nothing changes"
        <| fun () ->
            use unet = network ()
            use _ = torch.no_grad ()

            let output () =
                unet.forward (draw 2UL [ 1L; 4L; 8L; 8L ], torch.tensor [| 3L |], draw 3UL [ 1L; 7L; 12L ])

            let plain = output ()
            unet.GradientCheckpointing <- true
            Expect.equal (distance (output ()) plain) 0.0 "output"
    ]
