/// Floating-point operations, against counts by hand.
module Recipes.Tests.FlopsTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Bench
open Recipes.Core.Costs
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open Recipes.Core.Weights
open Recipes.Tests.Support

let private layer name input output kernel =
    LayerInfo(name, "unet", input, output, kernel, true)

let private count (layers: LayerInfo list) height width =
    NetworkFlops(Placement.Of layers, height, width, 77L)

let private ranks (layers: (string * int) list) = Dictionary(dict layers)

let private own (names: string list) = ranks [ for name in names -> name, 0 ]

/// Sits on a layer, changes nothing, and notes how many rows its output has.
let private noting (given: Dictionary<string, int64>) name = {
    new IAdapter with
        member _.Apply(layer, _, _, output) =
            given[name] <- output.numel () / layer.Weight.shape[0]
            output
}

/// The layers of a published model's UNet.
let private unet (shape: ModelShape) =
    use _ = torch.NewDisposeScope()
    use unet = new UNet2DConditionModel(shape.UNet, torch.META)
    NetworkLayers.Of(unet, "unet")

let private equal (wanted: float) (found: float) what =
    Expect.floatClose Accuracy.high found wanted what

[<Tests>]
let tests =
    testList "flops" [
        test "a convolution, and a halving of an odd size" {
            equal (2.0 * 15.0 * 4.0 * 8.0 * 9.0) ((count [ layer "conv_in" 4L 8L 3L ] 3L 5L).Forward()) "3 x 5 pixels"

            let down = [
                layer "down_blocks.0.downsamplers.0.conv" 8L 8L 3L
                layer "down_blocks.1.resnets.0.conv1" 8L 16L 3L
            ]
            // 3 x 5 becomes 2 x 3.
            equal (2.0 * 6.0 * 9.0 * (8.0 * 8.0 + 8.0 * 16.0)) ((count down 3L 5L).Forward()) "6 pixels"
        }

        test "attention: to the pixels, and to the text" {
            let block = "mid_block.attentions.0.transformer_blocks.0"

            let layers = [
                for name in [ "to_q"; "to_k"; "to_v"; "to_out.0" ] do
                    layer $"{block}.attn1.{name}" 8L 8L 1L
                layer $"{block}.attn2.to_q" 8L 8L 1L
                layer $"{block}.attn2.to_k" 12L 8L 1L
                layer $"{block}.attn2.to_v" 12L 8L 1L
                layer $"{block}.attn2.to_out.0" 8L 8L 1L
            ]

            let maps = 2.0 * 16.0 * 64.0 * 6.0
            let texts = 2.0 * 77.0 * 96.0 * 2.0
            let scores = 4.0 * 16.0 * 8.0 * (16.0 + 77.0)
            let counted = count layers 4L 4L
            equal (maps + texts + scores) (counted.Forward()) "all"
            equal texts (counted.Texts()) "the text's share"
            equal (maps + scores) (counted.Forward true) "without it"
        }

        test "training: gradients of what is trained and of what comes after it" {
            let layers = [
                layer "conv_in" 4L 8L 3L
                layer "down_blocks.0.resnets.0.conv1" 8L 8L 3L
                layer "down_blocks.0.resnets.0.time_emb_proj" 32L 8L 1L
                layer "conv_out" 8L 4L 3L
            ]

            let first, second, time, last =
                2.0 * 16.0 * 4.0 * 8.0 * 9.0,
                2.0 * 16.0 * 8.0 * 8.0 * 9.0,
                2.0 * 32.0 * 8.0,
                2.0 * 16.0 * 8.0 * 4.0 * 9.0

            let counted = count layers 4L 4L
            let forward = first + second + time + last
            equal forward (counted.Forward()) "forward"
            equal forward (counted.Training(own [])) "nothing is trained"

            // Its own gradient; nothing before or beside it, and the input's of what comes after.
            equal
                (forward + second + last)
                (counted.Training(own [ "down_blocks.0.resnets.0.conv1" ]))
                "the middle alone"

            equal
                (3.0 * forward - first - time)
                (counted.Training(own [ for layer in layers -> layer.Name ]))
                "everything: the pictures and the time need no gradient"

            // Both factors forward, and backward each for its own weight; the second for its input, too.
            let down, up = 2.0 * 16.0 * 2.0 * 8.0 * 9.0, 2.0 * 16.0 * 2.0 * 8.0

            equal
                (forward + last + 2.0 * down + 3.0 * up)
                (counted.Training(ranks [ "down_blocks.0.resnets.0.conv1", 2 ]))
                "an adapter of rank 2"
        }

        for name in [ "sd1"; "sd2"; "sdxl" ] do
            test $"{name}: every layer's rows are those that it is given" {
                use _ = torch.NewDisposeScope()
                use _ = torch.no_grad ()
                let config = UNetConfig.Read(Path.Combine(golden, name, "unet"))
                use unet = new UNet2DConditionModel(config)
                Measurement.Fill unet
                let given = Dictionary<string, int64>()

                for struct (name, part) in unet.named_modules () do
                    match box part with
                    | :? IAdaptable as layer -> layer.Adapters.Add(noting given name)
                    | _ -> ()

                // A size that is not a power of two.
                let height, width, tokens = 12L, 8L, 5L
                use text = new TextContext(torch.randn (1L, tokens, config.CrossAttentionDim))

                unet.forward (
                    torch.randn (1L, config.InChannels, height, width),
                    torch.ones 1L,
                    text,
                    Measurement.Conditions(config, 1)
                )
                |> ignore

                let placed = Placement.Of(NetworkLayers.Of(unet, "unet"))
                Expect.isGreaterThan placed.Count 30 "layers"

                for layer in placed do
                    Expect.equal (layer.Count(height, width, tokens)) given[layer.Layer.Name] layer.Layer.Name
            }

        test "the decoder's, too" {
            use _ = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            let config = VaeConfig.Read(Path.Combine(golden, "sd1", "vae"))
            use vae = new AutoencoderKL(config)
            Measurement.Fill vae
            let given = Dictionary<string, int64>()

            for struct (name, part) in vae.named_modules () do
                match box part with
                | :? IAdaptable as layer -> layer.Adapters.Add(noting given name)
                | _ -> ()

            vae.Decode(torch.randn (1L, config.LatentChannels, 6L, 4L)) |> ignore

            let layers =
                NetworkLayers.Of(vae, "vae") |> Seq.filter _.Name.StartsWith("decoder.")

            let factor = int64 config.Factor

            for layer in Placement.Of layers do
                Expect.equal (layer.Count(6L * factor, 4L * factor, 0L)) given[layer.Layer.Name] layer.Layer.Name
        }

        test "every layer of the published models has its place" {
            for shape in ModelShapes.All do
                let placed = Placement.Of(unet shape)
                let levels = shape.UNet.BlockOutChannels.Count
                Expect.allEqual [ for layer in placed -> layer.Level >= 0 && layer.Level < levels ] true shape.Name
                Expect.equal placed[0].Layer.Name "conv_in" "the first"
                Expect.equal placed[placed.Count - 1].Layer.Name "conv_out" "the last"

        }
    ]
