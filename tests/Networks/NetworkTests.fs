module Recipes.Tests.NetworkTests

open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
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

let private generator seed = new torch.Generator(seed, torch.CPU)

let private filled (network: #torch.nn.Module) =
    Initialisation.Fill(network, generator 1UL)
    network

let private draw seed (shape: int64 list) =
    torch.randn (Array.ofList shape, generator = generator seed)

[<Tests>]
let tests =
    testList "networks" [
        quietly "fresh weights: a seed repeats them, norms are 1 and 0"
        <| fun () ->
            use one = filled (new UNet2DConditionModel(small))
            use two = filled (new UNet2DConditionModel(small))

            for pair in one.state_dict () do
                let value = pair.Value
                Expect.equal (distance value (two.state_dict()[pair.Key])) 0.0 pair.Key

                if pair.Key.Contains "norm" then
                    let expected = if pair.Key.EndsWith "bias" then 0.0f else 1.0f
                    Expect.equal (value.min().item<float32>()) expected pair.Key
                else
                    Expect.isGreaterThan (value.std().item<float32>()) 0.001f pair.Key
        quietly "bfloat16 stays near float32"
        <| fun () ->
            use exact = filled (new UNet2DConditionModel(small))
            use rough = new UNet2DConditionModel(small, dtype = torch.bfloat16)
            let target = rough.state_dict ()

            for pair in exact.state_dict () do
                target[pair.Key].copy_ pair.Value |> ignore

            let x, t, context =
                draw 2UL [ 2L; 4L; 8L; 8L ], torch.tensor [| 3L; 700L |], draw 3UL [ 2L; 7L; 12L ]

            let output = rough.forward (x, t, context.``to`` torch.bfloat16)
            Expect.equal output.dtype torch.bfloat16 "type"
            closeRelative 0.05 "output" output (exact.forward (x, t, context))
        quietly "sides that do not halve evenly"
        <| fun () ->
            use network = filled (new UNet2DConditionModel(small))

            let output =
                network.forward (draw 2UL [ 1L; 4L; 7L; 9L ], torch.tensor [| 5L |], draw 3UL [ 1L; 7L; 12L ])

            Expect.equal (shape output) [ 1L; 4L; 7L; 9L ] "shape"
        testCase "the gradient reaches every weight"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use network = filled (new UNet2DConditionModel(small))
            let x, context = draw 2UL [ 2L; 4L; 8L; 8L ], draw 3UL [ 2L; 7L; 12L ]
            network.forward(x, torch.tensor [| 3L; 700L |], context).square().mean().backward()

            for struct (name, parameter) in network.named_parameters () do
                match parameter.grad with
                | null -> failtest $"{name} has no gradient"
                | gradient -> Expect.isTrue (gradient.isfinite().all().item<bool>()) name
        testCase "the gradient agrees with a difference quotient"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use network = filled (new UNet2DConditionModel(small, dtype = torch.float64))
            let x = (draw 2UL [ 1L; 4L; 8L; 8L ]).``to`` torch.float64
            let context = (draw 3UL [ 1L; 7L; 12L ]).``to`` torch.float64
            let t = torch.tensor [| 70L |]

            let loss () =
                network.forward(x, t, context).square().mean()

            loss().backward()

            for key in
                [
                    "conv_in.weight"
                    "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj.weight"
                ] do
                let struct (_, weight) =
                    network.named_parameters () |> Seq.find (fun struct (name, _) -> name = key)

                let element (values: Tensor) = values.view([| -1L |]).select(0L, 0L)
                let analytic = (element (nonNull weight.grad)).item<float>()
                use _ = torch.no_grad ()
                let step = 1e-6
                let first = element weight
                let nudge (by: float) = first.add_ (by.ToScalar()) |> ignore
                nudge step
                let above = loss().item<float>()
                nudge (-2.0 * step)
                let below = loss().item<float>()
                nudge step
                Expect.floatClose Accuracy.medium analytic ((above - below) / (2.0 * step)) key
        quietly "wrong inputs are named"
        <| fun () ->
            use network = filled (new UNet2DConditionModel(small))
            let t = torch.tensor [| 5L |]

            let fault sample context =
                try
                    network.forward (draw 1UL sample, t, draw 2UL context) |> ignore
                    "none"
                with :? RecipesException as e ->
                    e.Fault

            Expect.stringContains (fault [ 1L; 9L; 8L; 8L ] [ 1L; 7L; 12L ]) "[1, 9, 8, 8]" "channels"
            Expect.stringContains (fault [ 1L; 4L; 8L; 8L ] [ 1L; 7L; 13L ]) "[1, 7, 13]" "text width"
            Expect.stringContains (fault [ 2L; 4L; 8L; 8L ] [ 1L; 7L; 12L ]) "[2, tokens, 12]" "batch"
        testSequenced
        <| testCase "forward passes leave no tensors behind" (fun () ->
            use network = filled (new UNet2DConditionModel(small))

            use vae =
                filled (new AutoencoderKL(VaeConfig(BlockOutChannels = [| 8L; 8L |], NormNumGroups = 4L)))

            use _ = torch.no_grad ()
            use x = draw 2UL [ 1L; 4L; 8L; 8L ]
            use t = torch.tensor [| 5L |]
            use context = draw 3UL [ 1L; 7L; 12L ]

            let live () =
                use output = network.forward (x, t, context)
                use decoded = vae.Decode output
                use latents = vae.Encode decoded
                use _ = latents.Sample(generator 1UL)
                Tensor.TotalCount

            let first = live ()

            for _ in 1..5 do
                live () |> ignore

            Expect.equal (live ()) first "tensors alive")
        quietly "embeddings keep the shape of their indices"
        <| fun () ->
            use table = filled (new Embedding(5L, 3L))
            let output = table.forward (torch.tensor([| 0L; 4L; 2L; 2L |]).reshape(2L, 2L))
            Expect.equal (shape output) [ 2L; 2L; 3L ] "shape"
            Expect.equal (distance (output[1].[0]) (output[1].[1])) 0.0 "the same row"
    ]
