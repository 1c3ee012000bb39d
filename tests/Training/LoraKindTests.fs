module Recipes.Tests.LoraKindTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Core.Networks.Layers
open Recipes.Core.Weights
open Recipes.Tests.AdapterSupport

let private doraOptions =
    LoraOptions(Rank = 2, Alpha = 3.0, Targets = [ "attention"; "conv1" ], Dora = true)

let private attachDora network =
    LoraSet.Attach(network, "unet", doraOptions, generator 3UL)

/// W' = m (W + s BA) / ‖W + s BA‖ over each output's inputs, written out.
let private decomposed (adapter: LoraAdapter) =
    let product = torch.matmul (adapter.Up.flatten 1L, adapter.Down.flatten 1L)
    let factor = torch.tensor (float32 adapter.Factor)
    let whole = adapter.Layer.Weight.flatten 1L + product * factor
    let norms = (whole * whole).sum(1L, keepdim = true).sqrt()

    ((nonNull adapter.Magnitude).reshape(-1L, 1L) * whole / norms).reshape adapter.Layer.Weight.shape

/// A file of one layer's parts, loaded onto a network of the same shape.
let private loadParts (folder: string) (network: Module) (parts: (string * Tensor) list) =
    let path = Path.Combine(folder, "parts.safetensors")
    SafeTensorsWriter.Write(path, [ for key, value in parts -> KeyValuePair(key, value) ])
    LoraSet.Load(path, readOnlyDict [ "unet", network ])

let private drawn (seed: uint64) ([<System.ParamArray>] shape: int64[]) =
    torch.randn (shape, generator = generator seed)

/// What a set changes the weight of a layer by, at a scale.
let private change (set: LoraSet) (scale: float) =
    set.Scale <- scale

    (Seq.append (Seq.cast<WeightAdapter> set.Adapters) (Seq.cast set.Deltas)
     |> Seq.exactlyOne)
        .Delta()

let private kinds =
    let conv = "lora_unet_conv1"
    let linear = "lora_unet_attn1_to_q"
    let draw i shape = drawn (uint64 (100 + i)) shape
    let alpha (value: float32) = torch.tensor value

    let product (a: Tensor) (b: Tensor) = torch.matmul (a, b)

    [
        "LoHa on a linear map",
        (fun () ->
            let a, b, c, d =
                draw 1 [| 5L; 2L |], draw 2 [| 2L; 4L |], draw 3 [| 5L; 2L |], draw 4 [| 2L; 4L |]

            [
                $"{linear}.hada_w1_a", a
                $"{linear}.hada_w1_b", b
                $"{linear}.hada_w2_a", c
                $"{linear}.hada_w2_b", d
                $"{linear}.alpha", alpha 1.0f
            ],
            product a b * product c d * torch.tensor 0.5f)
        "LoHa with cores on a convolution",
        (fun () ->
            let core i = draw i [| 2L; 2L; 3L; 3L |]
            let t, u = core 1, core 2

            let a, b, c, d =
                draw 3 [| 2L; 6L |], draw 4 [| 2L; 3L |], draw 5 [| 2L; 6L |], draw 6 [| 2L; 3L |]

            let rebuild (t: Tensor) (a: Tensor) (b: Tensor) =
                torch.einsum ("ijkl,jr,ip->prkl", t, b, a)

            [
                $"{conv}.hada_t1", t
                $"{conv}.hada_w1_a", a
                $"{conv}.hada_w1_b", b
                $"{conv}.hada_t2", u
                $"{conv}.hada_w2_a", c
                $"{conv}.hada_w2_b", d
                $"{conv}.alpha", alpha 3.0f
            ],
            rebuild t a b * rebuild u c d * torch.tensor 1.5f)
        "LoKr of two whole factors",
        (fun () ->
            let a, b = draw 1 [| 5L; 2L |], draw 2 [| 1L; 2L |]
            // Without a low-rank factor alpha has no meaning.
            [
                $"{linear}.lokr_w1", a
                $"{linear}.lokr_w2", b
                $"{linear}.alpha", alpha 7.0f
            ],
            torch.kron (a, b))
        "LoKr with a low-rank factor on a convolution",
        (fun () ->
            let a, b, c = draw 1 [| 2L; 1L |], draw 2 [| 3L; 2L |], draw 3 [| 2L; 27L |]
            let second = (product b c).reshape(3L, 3L, 3L, 3L)

            [
                $"{conv}.lokr_w1", a
                $"{conv}.lokr_w2_a", b
                $"{conv}.lokr_w2_b", c.reshape (2L, 3L, 3L, 3L)
                $"{conv}.alpha", alpha 1.0f
            ],
            torch.kron (a.reshape (2L, 1L, 1L, 1L), second) * torch.tensor 0.5f)
        "a convolution with a core between the halves",
        (fun () ->
            let down, mid, up =
                draw 1 [| 2L; 3L; 1L; 1L |], draw 2 [| 2L; 2L; 3L; 3L |], draw 3 [| 6L; 2L; 1L; 1L |]

            [
                $"{conv}.lora_down.weight", down
                $"{conv}.lora_mid.weight", mid
                $"{conv}.lora_up.weight", up
                $"{conv}.alpha", alpha 1.0f
            ],
            torch.einsum ("oj,jrkl,ri->oikl", up.flatten 1L, mid, down.flatten 1L)
            * torch.tensor 0.5f)
        "a whole difference",
        (fun () ->
            let whole = draw 1 [| 5L; 4L |]
            [ $"{linear}.diff", whole ], whole)
    ]

[<Tests>]
let tests =
    testList "lora-kinds" [
        test "fresh DoRA changes nothing, and its magnitudes are the norms of the weight" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            let before = network.forward (input ())
            use set = attachDora network
            Expect.isLessThan (worst before (network.forward (input ()))) 1e-5 "the output"

            for adapter in set.Adapters do
                let norms = adapter.Layer.Weight.flatten(1L).square().sum(1L).sqrt()
                Expect.isLessThan (worst (nonNull adapter.Magnitude) norms) 1e-6 adapter.Path
        }

        test "DoRA's output is that of the decomposed weights, for linear maps and convolutions, merged or not" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            use set = attachDora network
            stir set
            set.Scale <- 0.7
            let adapted = network.forward (input ())
            use plain = tiny 1UL
            use _ = torch.no_grad ()

            for adapter in set.Adapters do
                (plain.get_parameter $"{adapter.Path}.weight" |> nonNull).copy_(decomposed adapter)
                |> ignore

            Expect.isLessThan (worst adapted (plain.forward (input ()))) 1e-4 "the output"
            set.Merge(reversible = true)
            Expect.isLessThan (worst adapted (network.forward (input ()))) 1e-4 "merged"
            set.Unmerge()
            Expect.isLessThan (worst adapted (network.forward (input ()))) 1e-4 "unmerged"
        }

        test "DoRA's gradient takes the norm as constant" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            use set = attachDora network
            stir set
            let adapter = set.Adapters |> Seq.find (fun a -> a.Path = "attn1.to_q")
            let layer = adapter.Layer :?> Linear
            let x = torch.randn (3L, 4L)
            layer.forward(x).sum().backward()

            // With the norm n constant: d/dm = (W + s BA) x / n, summed over rows.
            let product =
                torch.matmul (adapter.Up, adapter.Down) * torch.tensor (float32 adapter.Factor)

            let whole = (layer.Weight + product).detach()
            let norms = whole.square().sum(1L).sqrt()
            let expected = torch.matmul(x, whole.t ()).sum 0L / norms
            let magnitude = nonNull adapter.Magnitude
            Expect.isLessThan (worst expected (nonNull magnitude.grad)) 1e-4 "of the magnitudes"

            let up = (magnitude / norms).detach() * torch.tensor (float32 adapter.Factor)
            let hidden = torch.matmul(x, adapter.Down.t ()).sum 0L
            Expect.isLessThan (worst (torch.outer (up, hidden)) (nonNull adapter.Up.grad)) 1e-3 "of B"
        }

        for naming in System.Enum.GetValues<LoraNaming>() do
            test $"DoRA comes back out of {naming} files" {
                Support.withFolder (fun folder ->
                    use _ = torch.NewDisposeScope()
                    use network = tiny 1UL
                    use set = attachDora network
                    stir set
                    let path = Path.Combine(folder, "dora.safetensors")
                    set.Save(path, naming = naming)
                    use file = SafeTensorsFile.Open path

                    let shapes = [
                        for KeyValue(key, info) in file.Tensors do
                            if key.Contains "dora_scale" || key.Contains "magnitude" then
                                info.Shape
                    ]

                    let kohya = naming >= LoraNaming.Kohya

                    Expect.containsAll
                        shapes
                        [
                            (if kohya then [| 6L; 1L; 1L; 1L |] else [| 1L; 6L; 1L; 1L |])
                            (if kohya then [| 5L; 1L |] else [| 5L |])
                        ]
                        "shapes as other programs write them"

                    use other = tiny 1UL
                    use loaded = LoraSet.Load(path, readOnlyDict [ "unet", (other :> Module) ])
                    Expect.equal (worst (network.forward (input ())) (other.forward (input ()))) 0.0 "the output")
            }

        for name, make in kinds do
            test $"{name}: the change, its scale, and the layer's output" {
                Support.withFolder (fun folder ->
                    use _ = torch.NewDisposeScope()
                    use network = tiny 1UL
                    let parts, expected = make ()
                    use set = loadParts folder network parts
                    Expect.isLessThan (worst (change set 1.0) expected) 1e-5 "the change"
                    Expect.isLessThan (worst (change set 0.4) (expected * torch.tensor 0.4f)) 1e-5 "at scale 0.4"
                    let applied = network.forward (input ())
                    set.Merge()
                    Expect.isLessThan (worst applied (network.forward (input ()))) 1e-4 "merged"

                    if set.Deltas.Count > 0 then
                        failsWith "which is read but not written" (fun () ->
                            set.Save(Path.Combine(folder, "again.safetensors"))))
            }

        test "parts that do not belong together or do not fit are refused" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use network = tiny 1UL

                let refused (message: string) parts =
                    failsWith message (fun () -> (loadParts folder network parts).Dispose())

                let key part = $"lora_unet_attn1_to_q.{part}"

                refused "lack the other half of their pair" [ key "hada_w1_a", torch.ones (5L, 2L) ]

                refused "make [6, 4], the layer takes [5, 4]" [
                    key "lokr_w1", torch.ones (6L, 2L)
                    key "lokr_w2", torch.ones (1L, 2L)
                ]

                refused "make parts that do not fit each other" [
                    key "hada_w1_a", torch.ones (5L, 2L)
                    key "hada_w1_b", torch.ones (3L, 4L)
                    key "hada_w2_a", torch.ones (5L, 2L)
                    key "hada_w2_b", torch.ones (2L, 4L)
                ]

                refused "dora_scale is [1, 4], the layer takes [5]" [
                    key "lora_down.weight", torch.ones (2L, 4L)
                    key "lora_up.weight", torch.ones (5L, 2L)
                    key "dora_scale", torch.ones (1L, 4L)
                ])
        }
    ]
