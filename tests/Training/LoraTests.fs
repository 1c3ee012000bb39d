module Recipes.Tests.LoraTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open Recipes.Core.Weights

type private Tensor = torch.Tensor
type private Module = torch.nn.Module

/// An attention and a convolution under the names that a UNet has.
type private Tiny(conv: Conv2d, toQ: Linear, toOut: Linear) as this =
    inherit torch.nn.Module<Tensor, Tensor>("Tiny")

    do
        this.register_module ("conv1", conv)

        let attention =
            torch.nn.ModuleDict<Module>(
                struct ("to_q", toQ :> Module),
                struct ("to_out", torch.nn.ModuleList<Module>(toOut) :> Module)
            )

        this.register_module ("attn1", attention)

    override _.forward x =
        let y = conv.forward x
        toOut.forward (toQ.forward y)

let private generator seed = new torch.Generator(seed, torch.CPU)

let private tiny seed =
    let conv = new Conv2d(3L, 6L, 3L, stride = 2L, padding = 1L)

    let network =
        new Tiny(conv, new Linear(4L, 5L), new Linear(5L, 4L, hasBias = false))

    Initialisation.Fill(network, generator seed)
    network

let private input () =
    torch.randn ([| 2L; 3L; 8L; 8L |], generator = generator 9UL)

let private options =
    LoraOptions(Rank = 2, Alpha = 3.0, Targets = [ "attention"; "conv1" ])

let private attach network =
    LoraSet.Attach(network, "unet", options, generator 3UL)

/// Gives both halves of each adapter values.
let private stir (set: LoraSet) =
    let random = generator 4UL
    use _ = torch.no_grad ()

    for item in set.Parameters do
        item.Parameter.normal_ (0.0, 0.5, random) |> ignore

let private worst (a: Tensor) (b: Tensor) =
    (a - b).abs().max().item<float32>() |> float

let private failsWith (part: string) (act: unit -> unit) =
    try
        act ()
        failtest $"nothing was refused where '{part}' was expected"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

let private networks (network: Module) = readOnlyDict [ "unet", network ]

let private withStirred test =
    Support.withFolder (fun folder ->
        use _ = torch.NewDisposeScope()
        use network = tiny 1UL
        use set = attach network
        stir set
        test folder network set)

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

        test "dropout leaves out its share, scales the rest, and follows its generator" {
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
            adapter.DropoutGenerator <- generator 5UL
            let a = layer.forward x

            let kept =
                a.gt(torch.tensor 0.0f).to_type(torch.float32).mean().item<float32>() |> float

            Expect.isLessThan (abs (kept - 0.7)) 0.02 "the share kept"
            Expect.isLessThan (abs (a.max().item<float32>() |> float |> (-) (1.0 / 0.7))) 1e-5 "scaled up"
            adapter.DropoutGenerator <- generator 5UL
            Expect.equal (worst a (layer.forward x)) 0.0 "the same draw again"
        }

        for naming in [ LoraNaming.Diffusers; LoraNaming.Peft; LoraNaming.Kohya ] do
            test $"{naming} files come back with weights, ranks and alphas" {
                withStirred (fun folder network set ->
                    let path = Path.Combine(folder, "adapter.safetensors")
                    set.Save(path, readOnlyDict [ "recipes.note", "kept" ], naming)
                    let expected = network.forward (input ())
                    use file = SafeTensorsFile.Open path
                    Expect.equal file.Metadata["recipes.note"] "kept" "the metadata"
                    use other = tiny 1UL
                    use loaded = LoraSet.Load(path, networks other)
                    Expect.equal loaded.Adapters.Count 3 "the layers"

                    Expect.isTrue
                        (loaded.Adapters |> Seq.forall (fun a -> a.Rank = 2 && a.Alpha = 3.0))
                        "rank and alpha"

                    Expect.equal (worst expected (other.forward (input ()))) 0.0 "the output")
            }

        test "ranks of their own for some layers survive a file" {
            Support.withFolder (fun folder ->
                use network = tiny 1UL

                let options =
                    LoraOptions(
                        Rank = 2,
                        Alpha = 1.0,
                        Targets = [ "attention"; "conv1" ],
                        Ranks = [ KeyValuePair("conv1", 4) ]
                    )

                use set = LoraSet.Attach(network, "unet", options, generator 3UL)
                let path = Path.Combine(folder, "adapter.safetensors")
                set.Save path
                use other = tiny 1UL
                use loaded = LoraSet.Load(path, networks other)

                Expect.equal
                    [ for a in loaded.Adapters -> a.Path, a.Rank, a.Alpha ]
                    [ "conv1", 4, 2.0; "attn1.to_q", 2, 1.0; "attn1.to_out.0", 2, 1.0 ]
                    "layers, ranks, alphas")
        }

        test "files of attention processors and files without alpha load" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                let path = Path.Combine(folder, "old.safetensors")

                let pair (stem: string) (outs: int64) (ins: int64) = [
                    KeyValuePair($"{stem}.down.weight", torch.ones (2L, ins))
                    KeyValuePair($"{stem}.up.weight", torch.ones (outs, 2L))
                ]

                SafeTensorsWriter.Write(
                    path,
                    pair "attn1.processor.to_q_lora" 5L 4L
                    @ pair "unet.attn1.processor.to_out_lora" 4L 5L
                )

                use network = tiny 1UL
                use loaded = LoraSet.Load(path, networks network)

                Expect.equal
                    [ for a in loaded.Adapters -> a.Path, a.Factor ]
                    [ "attn1.to_q", 1.0; "attn1.to_out.0", 1.0 ]
                    "scale 1")
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

        test "keys that fit nothing, halves and wrong shapes are refused by name" {
            withStirred (fun folder _ set ->
                let path = Path.Combine(folder, "adapter.safetensors")
                use other = tiny 1UL
                set.Save path

                let change (edit: Dictionary<string, Tensor> -> unit) =
                    let tensors = Dictionary<string, Tensor>()

                    do
                        use file = SafeTensorsFile.Open path

                        for name in file.Tensors.Keys do
                            tensors[name] <- file.Read name

                    edit tensors
                    let changed = Path.Combine(folder, "changed.safetensors")
                    SafeTensorsWriter.Write(changed, tensors)
                    changed

                let load path () =
                    (LoraSet.Load(path, networks other)).Dispose()

                let extra =
                    change (fun t ->
                        for i in 1..12 do
                            t[$"unet.nowhere.{i}.lora.up.weight"] <- torch.zeros (1L, 1L))

                failsWith
                    "12 of 18 keys fit no layer of the model (first: unet.nowhere.1.lora.up.weight, "
                    (load extra)

                let half = change (fun t -> t.Remove "unet.attn1.to_q.lora_B.weight" |> ignore)
                failsWith "lack the other half of their pair (first: unet.attn1.to_q.lora_A.weight)" (load half)

                let shape =
                    change (fun t -> t["unet.attn1.to_q.lora_B.weight"] <- torch.zeros (9L, 2L))

                failsWith "is [9, 2], the layer takes [5, 2]" (load shape)

                let dora =
                    change (fun t -> t["unet.attn1.to_q.lora_magnitude_vector"] <- torch.ones 5L)

                failsWith "lora_magnitude_vector" (load dora))
        }
    ]
