module Recipes.Tests.LoraSetTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Tests.AdapterSupport

let private stirred seed network =
    let set = LoraSet.Attach(network, "unet", options, generator seed)
    use _ = torch.no_grad ()

    for item in set.Parameters do
        item.Parameter.normal_ (0.0, 0.5, generator (seed + 50UL)) |> ignore

    set

/// The weights that a network has with changes added.
let private sum (changes: (LoraSet * float) list) =
    let plain = tiny 1UL
    use _ = torch.no_grad ()

    for set, scale in changes do
        for adapter in set.Adapters do
            let product = torch.matmul (adapter.Up.flatten 1L, adapter.Down.flatten 1L)
            let factor = torch.tensor (float32 (scale * adapter.Alpha / float adapter.Rank))
            let weight = plain.get_parameter $"{adapter.Path}.weight" |> nonNull
            weight.add_ ((product * factor).reshape weight.shape) |> ignore

    plain.forward (input ())

[<Tests>]
let tests =
    testList "lora-sets" [
        test "two sets add up at scales of their own, and come off one by one" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            let base' = network.forward (input ())
            use first = stirred 3UL network
            use second = stirred 4UL network
            first.Scale <- 0.6
            second.Scale <- -0.5
            Expect.isLessThan (worst (network.forward (input ())) (sum [ first, 0.6; second, -0.5 ])) 1e-4 "both"
            first.Detach()
            Expect.isLessThan (worst (network.forward (input ())) (sum [ second, -0.5 ])) 1e-4 "the second"
            second.Dispose()
            Expect.equal (worst (network.forward (input ())) base') 0.0 "none"
        }

        test "sets merge and unmerge in any order" {
            use _ = torch.NewDisposeScope()
            use network = tiny 1UL
            let base' = network.forward (input ())
            use first = stirred 3UL network
            use second = stirred 4UL network
            first.Scale <- 0.7
            let both = network.forward (input ())
            let alone = sum [ second, 1.0 ]
            first.Merge(reversible = true)
            second.Merge(reversible = true)
            Expect.isLessThan (worst both (network.forward (input ()))) 1e-3 "both merged"
            first.Unmerge()
            Expect.isLessThan (worst both (network.forward (input ()))) 1e-3 "one merged, one attached"
            first.Detach()
            Expect.isLessThan (worst alone (network.forward (input ()))) 1e-3 "the other merged"
            second.Unmerge()
            second.Detach()
            Expect.isLessThan (worst base' (network.forward (input ()))) 1e-3 "the base again"
        }

        test "what would count twice or have no effect is refused" {
            use network = tiny 1UL
            use set = stirred 3UL network
            failsWith "not merged reversibly" (fun () -> set.Unmerge())
            set.Merge()
            failsWith "would count twice if merged now" (fun () -> set.Merge())
            failsWith "would count twice if attached now" (fun () -> set.Attach())
            failsWith "are merged at scale 1, 0.5 would have no effect" (fun () -> set.Scale <- 0.5)
            failsWith "not merged reversibly" (fun () -> set.Unmerge())
        }

        test "a set swapped for another leaves nothing behind" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use network = tiny 1UL
                let path = Path.Combine(folder, "second.safetensors")

                let wanted =
                    use other = tiny 1UL
                    use second = stirred 4UL other
                    second.Save path
                    other.forward (input ())

                let first = stirred 3UL network
                first.Dispose()
                use loaded = LoraSet.Load(path, readOnlyDict [ "unet", (network :> Module) ])
                Expect.equal (worst wanted (network.forward (input ()))) 0.0 "as if the first had never been")
        }

    ]
