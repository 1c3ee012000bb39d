module Recipes.Tests.LoraTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Kernels
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open Recipes.Core.Weights
open Recipes.Tests.AdapterSupport

[<Tests>]
let tests =
    testList "lora" [
        test "a fresh adapter changes nothing, and the base's keys stay" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            let before = network.forward (input ())
            let keys = List.ofSeq (network.state_dict().Keys)
            use set = attach network
            Expect.equal (List.ofSeq (network.state_dict().Keys)) keys "the keys"
            Expect.equal (worst before (network.forward (input ()))) 0.0 "the output"

            Expect.equal
                (set.Adapters |> Seq.map _.Path |> List.ofSeq)
                [ "conv1"; "attn1.to_q"; "attn1.to_out.0" ]
                "the layers"
        }

        test "A is drawn within one over the root of the fan-in, B is zero" {
            use network = tiny 1UL
            use set = attach network

            for adapter in set.Adapters do
                let bound = 1.0 / sqrt (float (adapter.Down.numel ()) / 2.0)
                let largest = adapter.Down.abs().max().item<float32>() |> float

                Expect.isTrue
                    (largest <= bound && largest > bound / 2.0)
                    $"A of {adapter.Path} reaches {largest} of {bound}"

                Expect.equal (adapter.Up.abs().max().item<float32>()) 0.0f "B"
        }

        test "the output is that of W + scale × alpha/rank × BA" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            use set = attach network
            stir set
            set.Scale <- 0.6
            let adapted = network.forward (input ())

            use plain = tiny 1UL

            for adapter in set.Adapters do
                use _ = torch.no_grad ()
                let product = torch.matmul (adapter.Up.flatten 1L, adapter.Down.flatten 1L)
                let weight = plain.get_parameter $"{adapter.Path}.weight" |> nonNull

                weight.add_ (product.mul(torch.tensor (0.6f * 3.0f / 2.0f)).reshape weight.shape)
                |> ignore

            Expect.isLessThan (worst adapted (plain.forward (input ()))) 1e-5 "the output"
            set.Scale <- 0.0
            use fresh = tiny 1UL
            Expect.equal (worst (network.forward (input ())) (fresh.forward (input ()))) 0.0 "scale 0 is the base"
        }

        test "merged weights give the same output" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            use set = attach network
            stir set
            let adapted = network.forward (input ())
            use other = tiny 1UL
            let weights = Dictionary<string, Tensor>()

            for name, value in (other.state_dict () |> Seq.map (|KeyValue|)) do
                weights[name] <- value

            set.MergeInto(weights, "unet")
            Expect.isLessThan (worst adapted (other.forward (input ()))) 1e-5 "into a state dictionary"
            set.Merge()
            Expect.isLessThan (worst adapted (network.forward (input ()))) 1e-5 "into the layers"

            for adapter in set.Adapters do
                Expect.isEmpty adapter.Layer.Adapters "taken off"
        }

        test "dropout leaves out its share, scales the rest, and follows its key" {
            use _ = torch.NewDisposeScope()
            let layer = new Linear(1000L, 1000L, false)
            use _ = torch.no_grad ()
            layer.Weight.zero_ () |> ignore
            let one = torch.eye 1000L

            use adapter =
                new LoraAdapter("unet", "to_q", layer, one.clone (), one.clone (), 1000.0, 0.3)

            layer.Adapters.Add adapter
            let x = torch.ones (20L, 1000L)
            Expect.equal (worst (layer.forward x) x) 0.0 "none while sampling"

            let key (number: int64) =
                new DropoutDraw(torch.tensor [| number |], 3)

            adapter.LeftOut <- key 5L
            let a = layer.forward x

            let kept =
                a.gt(torch.tensor 0.0f).to_type(torch.float32).mean().item<float32>() |> float

            Expect.isLessThan (abs (kept - 0.7)) 0.02 "the share kept"
            Expect.isLessThan (abs (a.max().item<float32>() |> float |> (-) (1.0 / 0.7))) 1e-5 "scaled up"
            adapter.LeftOut <- key 5L
            Expect.equal (worst a (layer.forward x)) 0.0 "the same draw again"
            adapter.LeftOut <- key 6L
            Expect.isGreaterThan (worst a (layer.forward x)) 1.0 "another pass's draw"
            adapter.LeftOut <- new DropoutDraw(torch.tensor [| 5L |], 4)
            Expect.isGreaterThan (worst a (layer.forward x)) 1.0 "another adapter's draw"
        }

        test "a target that matches nothing names the nearest" {
            use network = tiny 1UL

            let attachTo target =
                (LoraSet.Attach(network, "unet", LoraOptions(Rank = 1, Targets = [ target ]), generator 1UL)).Dispose()

            failsWith "target to_p matches 0 of 3 layers. Did you mean to_q" (fun () -> attachTo "to_p")
            failsWith "Did you mean attention" (fun () -> attachTo "atention")
        }

        test "targets are groups, ends and patterns" {
            let yes = [
                "attention", "down_blocks.0.attn1.to_q"
                "Cross Attention", "a.attn2.to_out.0"
                "down_blocks.*.to_q", "down_blocks.0.attn1.to_q"
                "ff.net.0.proj", "b.ff.net.0.proj"
            ]

            let no = [
                "cross-attention", "a.attn1.to_q"
                "to_q", "a.not_to_q"
                "down_blocks.*.to_q", "up_blocks.0.attn1.to_q"
            ]

            for target, layer in yes do
                Expect.isTrue (LoraTargets.Matches(target, layer)) $"{target} covers {layer}"

            for target, layer in no do
                Expect.isFalse (LoraTargets.Matches(target, layer)) $"{target} does not cover {layer}"
        }

        test "ranks out of range are refused" {
            use network = tiny 1UL

            let attach rank =
                (LoraSet.Attach(network, "unet", LoraOptions(Rank = rank, Targets = [ "to_q" ]), generator 1UL))
                    .Dispose()

            failsWith "rank 5 is above 4" (fun () -> attach 5)
            failsWith "rank 0" (fun () -> attach 0)
        }
    ]
