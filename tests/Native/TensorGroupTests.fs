module Recipes.Tests.TensorGroupTests

open System
open System.Runtime.InteropServices
open Expecto
open TorchSharp
open Recipes.Core.Kernels

type private Tensor = torch.Tensor

/// A parameter's tensors, of nothing but their shape where the device is meta.
let private entry (device: torch.Device) place count (gradient: torch.ScalarType option) states =
    let made (dtype: torch.ScalarType) =
        torch.empty ([| int64 count |], Nullable dtype, device)

    let gradient: Tensor | null =
        match gradient with
        | Some dtype -> made dtype
        | None -> null

    TrainedTensors(
        place,
        null,
        made torch.float32,
        gradient,
        null,
        States = [|
            for _ in 1..states do
                made torch.float32
        |]
    )

let private shapes counts =
    TensorGroup.Split(
        [
            for i, n in List.indexed counts -> entry torch.META i n (Some torch.float32) 0
        ],
        64
    )
    |> Seq.exactlyOne

/// What a block works on, found as share_of in tensors.cuh finds it.
let private shareOf (group: TensorGroup) (counts: int list) block =
    let mutable tensor = 0

    while tensor + 1 < counts.Length && group.Starts[tensor + 1] <= block do
        tensor <- tensor + 1

    let first = (block - group.Starts[tensor]) * group.Span
    tensor, first, min counts[tensor] (first + group.Span)

[<Tests>]
let tests =
    testList "tensor groups" [
        test "a group holds tensors with gradients of one type, and no more than there is room for" {
            use _ = torch.NewDisposeScope()
            let kinds = [ Some torch.bfloat16; Some torch.float32; None ]

            let all = [
                for i in 0..149 -> entry torch.META i 10 kinds[if i % 50 = 0 then 1 + i / 50 % 2 else 0] 0
            ]

            let blocks = [ for group in TensorGroup.Split(all, 64) -> group.Blocks ]
            Expect.equal blocks [ 2; 64; 64; 19; 1 ] "a block for each small tensor"
        }

        test "every element belongs to one block" {
            use _ = torch.NewDisposeScope()

            for counts in [ [ 1; 1024; 1025; 3; 5000 ]; [ 0; 7; 0; 40001 ]; [ 3_000_000; 5; 2_000_001 ] ] do
                let group = shapes counts
                let found = Array.map (fun n -> Array.zeroCreate<int> n) (Array.ofList counts)

                for block in 0 .. group.Blocks - 1 do
                    let tensor, first, last = shareOf group counts block
                    Expect.isLessThan first last $"block {block} has work"

                    for i in first .. last - 1 do
                        found[tensor][i] <- found[tensor][i] + 1

                Expect.isTrue (found |> Array.forall (Array.forall ((=) 1))) $"{counts}"
        }

        test "spans grow with the tensors, so that blocks are neither few nor small" {
            use _ = torch.NewDisposeScope()
            Expect.equal (shapes [ 8; 4096 ]).Span 1024 "small"
            Expect.equal (shapes [ 1 <<< 20 ]).Span 1024 "as many blocks as are wanted"
            Expect.equal (shapes [ (1 <<< 20) + 1 ]).Span 2048 "more would be"
            Expect.equal (shapes [ 1 <<< 26 ]).Span 16384 "at most"
        }

        test "the kernels' first argument is laid out as their source says" {
            use _ = torch.NewDisposeScope()
            let room, states = 5, 3

            let entries = [
                for place, count in [ 4, 2000; 7, 30 ] do
                    let own = entry torch.CPU place count (Some torch.float32) states
                    let make (dtype: torch.ScalarType) = torch.zeros ([| int64 count |], dtype)

                    TrainedTensors(
                        place,
                        make torch.bfloat16,
                        own.Master,
                        own.Gradient,
                        make torch.float32,
                        States = own.States
                    )
            ]

            let group = TensorGroup.Split(entries, room) |> Seq.exactlyOne
            let packed = group.Pack(room, states, true)
            let pointers = MemoryMarshal.Cast<byte, int64>(packed.AsSpan()).ToArray()
            let ints = MemoryMarshal.Cast<byte, int>(packed.AsSpan()).ToArray()
            let address (tensor: Tensor | null) = KernelArgument.Of tensor

            for i, item in List.indexed entries do
                let expected = [
                    address item.Narrow
                    address item.Master
                    address item.Gradient
                    address item.Average
                    for state in item.States do
                        address state
                ]

                Expect.isFalse (List.contains 0L expected) "all are there"
                Expect.equal [ for j in 0 .. 3 + states -> pointers[j * room + i] ] expected $"tensors of {i}"

            let after = ints[2 * room * (4 + states) ..]
            Expect.equal after[..1] [| 2000; 30 |] "elements"
            Expect.equal after[room .. room + 1] [| 0; 2 |] "first blocks"
            Expect.equal after[2 * room .. 2 * room + 1] [| 4; 7 |] "places"
            Expect.equal after[3 * room ..] [| 2; 1; 1; 1024 |] "tensors, wide gradients, narrow states, span"
        }

        test "each kernel's room is that of its source, and fits into a kernel's parameters" {
            use _ = torch.NewDisposeScope()
            let source = KernelLibrary.Source()

            for name, room, states in
                [
                    "AdamWGroup", AdamWKernel.Room, AdamWKernel.States
                    "LionGroup", LionKernel.Room, LionKernel.States
                    "GatherGroup", ProdigyKernel.GatherRoom, ProdigyKernel.GatherStates
                    "MoveGroup", ProdigyKernel.MoveRoom, ProdigyKernel.MoveStates
                ] do
                Expect.stringContains source $"typedef Group<{room}, {states}> {name};" name

                let one = entry torch.CPU 0 3 None states

                let bytes =
                    (TensorGroup.Split([ one ], room) |> Seq.exactlyOne).Pack(room, states).Length

                // 4096 bytes in all, with at most eleven more arguments of eight bytes.
                Expect.isLessThanOrEqual bytes (4096 - 11 * 8) $"{name}: bytes"
        }
    ]
