module Recipes.Tests.LoraFileTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open Recipes.Core.Weights
open Recipes.Tests.AdapterSupport

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
    testList "lora-files" [
        for naming in System.Enum.GetValues<LoraNaming>() do
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
                    [ "conv1", 4, 1.0; "attn1.to_q", 2, 1.0; "attn1.to_out.0", 2, 1.0 ]
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
                    change (fun t -> t["unet.attn1.to_q.lora_magnitude_vector"] <- torch.ones 4L)

                failsWith "lora_magnitude_vector is [4], the layer takes [5]" (load dora)

                let notNumbers =
                    change (fun t -> t["unet.attn1.to_q.lora_A.weight"].fill_(System.Double.NaN) |> ignore)

                failsWith
                    "unet.attn1.to_q.lora_A.weight holds values that are infinite or not numbers"
                    (load notNumbers)

                let foreign =
                    change (fun t -> t["unet.attn1.to_q.oft_blocks"] <- torch.ones (2L, 2L, 2L))

                failsWith "it is OFT (unet.attn1.to_q.oft_blocks), which is not read. Merge it" (load foreign))
        }
    ]
