module Recipes.Tests.MergedLinearTests

open Expecto
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Core.Kernels
open Recipes.Core.Native
open Recipes.Core.Networks.Layers

type private Tensor = torch.Tensor

let private heads, width, inputs = 2L, 6L, 5L

/// An adapter of a map: rank, alpha, share left out, whether A stays as it is.
type private Kind =
    | Bare
    | Low of rank: int64 * alpha: float * dropped: float * frozen: bool

let private low rank = Low(rank, 3.0, 0.0, false)

let private drawn (seed: int) (kind: torch.ScalarType) (shape: int64 list) =
    use random = new torch.Generator(uint64 seed, torch.CPU)
    torch.randn(Array.ofList shape, generator = random).``to`` kind

let private maps (dtype: torch.ScalarType) (kinds: Kind list) = [|
    for place, kind in List.indexed kinds do
        let map = new Linear(inputs, width, hasBias = false, dtype = System.Nullable dtype)
        map.Weight.requires_grad <- false
        map.Weight.copy_ (drawn place dtype [ width; inputs ]) |> ignore

        match kind with
        | Bare -> ()
        | Low(rank, alpha, dropped, frozen) ->
            let down = drawn (10 + place) dtype [ rank; inputs ]
            let up = drawn (20 + place) dtype [ width; rank ]

            let adapter =
                new LoraAdapter("unet", $"{place}", map, down, up, alpha, dropped, frozen = frozen)

            adapter.LeftOut <- new DropoutDraw(torch.tensor [| 5L |], place)
            map.Adapters.Add adapter

        map
|]

let private halves (maps: Linear array) = [
    for map in maps do
        for adapter in map.Adapters do
            match adapter with
            | :? LoraAdapter as adapter -> yield! [ adapter.Down; adapter.Up ]
            | _ -> ()
]

/// Attention of what the maps make of an input, twice, and the gradients of the sum of both; the input's first.
let private pass
    (dtype: torch.ScalarType)
    (compute: Linear array -> Tensor -> Tensor array)
    (lay: bool)
    kinds
    (leads: bool)
    =
    let maps = maps dtype kinds

    if lay then
        MergedLinear.Lay maps

    // Not contiguous, as the input of an attention may be.
    let x = (drawn 30 dtype [ 3; inputs; 4 ]).transpose(1L, 2L).requires_grad_ leads
    let query = drawn 31 dtype [ 3; 4; width ]
    let weights = drawn 32 dtype [ 3; 4; width ]

    let once () =
        let parts = compute maps x

        match [ for part in parts -> Attention.Split(part, heads) ] with
        | [ key; value ] -> Attention.Attend(Attention.Split(query, heads), key, value)
        | parts -> Attention.Attend(parts[0], parts[1], parts[2])

    let first, second = once (), once ()

    if first.requires_grad then
        CustomGradient.Backward((first * weights + second).sum())

    [
        "output", first.detach ()
        if leads then
            "of the input", nonNull x.grad
        for place, half in List.indexed (halves maps) do
            match half.grad with
            | null -> ()
            | grad -> $"of half {place}", grad
    ]

let private separately (maps: Linear array) (x: Tensor) = [| for map in maps -> map.forward x |]

let private together (maps: Linear array) x =
    match MergedLinear.Apply(maps, x) with
    | null -> failtest "not in one product"
    | parts -> parts

let private far (found: Tensor) (expected: Tensor) =
    (found.``to`` torch.ScalarType.Float64 - expected).norm().item<double>()
    / expected.norm().item<double>()

let private agree name kinds leads lay =
    test $"""{name}{if leads then "" else ", no gradient of the input"}{if lay then "" else ", adapters apart"}""" {
        use _ = torch.NewDisposeScope()
        let expected = pass torch.ScalarType.Float64 separately false kinds leads

        let layWeights (maps: Linear array) x =
            SideBySide.Lay [| for map in maps -> map.Weight |]
            together maps x

        for dtype, tolerance in [ torch.ScalarType.Float64, 1e-13; torch.ScalarType.Float32, 2e-5 ] do
            let found = pass dtype (if lay then together else layWeights) lay kinds leads
            Expect.sequenceEqual (List.map fst found) (List.map fst expected) "what has a gradient"

            for (part, found), (_, expected) in List.zip found expected do
                Expect.isLessThan (far found expected) tolerance $"{part}, {dtype}"
    }

let private cases = [
    "without adapters", [ Bare; Bare; Bare ]
    "equal ranks", [ low 2L; low 2L; low 2L ]
    "other ranks", [ low 1L; low 3L; low 2L ]
    "other factors", [ low 2L; Low(2L, 1.0, 0.0, false); low 2L ]
    "queries and values", [ low 2L; Bare; low 2L ]
    "values", [ Bare; Bare; low 4L ]
    "dropout", List.replicate 3 (Low(2L, 3.0, 0.3, false))
    "dropout of one, other ranks", [ low 3L; Low(2L, 3.0, 0.3, false); Bare ]
    "halves that stay", [ Low(2L, 3.0, 0.0, true); low 2L; Low(2L, 3.0, 0.0, true) ]
    "keys and values", [ low 2L; low 2L ]
    "keys and values without adapters", [ Bare; Bare ]
]

let private refused name change = test name {
    use _ = torch.NewDisposeScope()
    let maps = maps torch.ScalarType.Float32 [ low 2L; low 2L; low 2L ]
    MergedLinear.Lay maps
    let x = drawn 30 torch.ScalarType.Float32 [ 4; inputs ]
    Expect.isNotNull (MergedLinear.Apply(maps, x)) "before"
    change maps
    Expect.isNull (MergedLinear.Apply(maps, x)) "after"
}

[<Tests>]
let tests =
    testList "merged maps" [
        testList "agree with separate ones" [
            for name, kinds in cases do
                agree name kinds true true

                if kinds <> List.replicate kinds.Length Bare then
                    agree name kinds false true
                    agree name kinds true false
        ]

        testList "are not used" [
            refused "where a weight is trained" (fun maps -> maps[1].Weight.requires_grad <- true)
            refused "where a weight lies elsewhere" (fun maps ->
                use _ = torch.no_grad ()
                maps[1].Weight.set_(maps[1].Weight.detach().clone()) |> ignore)
            refused "where weights lie in another order" (fun maps ->
                maps[0] <- maps[1]
                maps[1] <- maps[2])
            refused "where the network was converted" (fun maps ->
                for map in maps do
                    map.``to``(torch.ScalarType.Float64).``to`` torch.ScalarType.Float32 |> ignore)
            refused "where an adapter is more than a product" (fun maps ->
                let first = maps[0].Adapters[0] :?> LoraAdapter
                let size = torch.ones width
                let down, up = first.Down.detach().clone(), first.Up.detach().clone()
                first.Dispose()
                maps[0].Adapters.Add(new LoraAdapter("unet", "0", maps[0], down, up, 1.0, magnitude = size)))
            refused "where an adapter is of another kind" (fun maps ->
                maps[2].Adapters[ 0 ] <-
                    {
                        new IAdapter with
                            member _.Apply(_, _, _, output) = output
                    })
            refused "where two adapters sit on one map" (fun maps -> maps[2].Adapters.Add(maps[1].Adapters[0]))
            refused "where an adapter is of another type" (fun maps ->
                let first = maps[0].Adapters[0] :?> LoraAdapter
                let down, up = first.Down.detach().double(), first.Up.detach().double()
                first.Dispose()
                maps[0].Adapters.Add(new LoraAdapter("unet", "0", maps[0], down, up, 1.0)))
        ]

        test "weights that require a gradient are merged where none is computed" {
            use _ = torch.NewDisposeScope()
            let maps = maps torch.ScalarType.Float32 [ Bare; Bare; Bare ]
            MergedLinear.Lay maps
            maps[0].Weight.requires_grad <- true
            use _ = torch.no_grad ()
            let x = drawn 30 torch.ScalarType.Float32 [ 4; inputs ]

            for found, expected in Seq.zip (together maps x) (separately maps x) do
                Expect.isLessThan (Support.worst found expected) 1e-6 "outputs"
        }

        test "halves of adapters laid together stay parameters that an optimiser changes one by one" {
            use _ = torch.NewDisposeScope()
            let maps = maps torch.ScalarType.Float32 [ low 2L; low 2L; low 2L ]
            let before = [ for half in halves maps -> half.detach().clone() ]
            MergedLinear.Lay maps

            for half, values in Seq.zip (halves maps) before do
                Expect.isTrue (half.requires_grad && half.is_leaf) "trained"
                Expect.equal (Support.worst half values) 0.0 "values"

            Expect.isNotNull
                (SideBySide.Whole [|
                    for half in halves maps |> List.filter (fun h -> h.shape[1] = inputs) -> half
                |])
                "one piece"

            use optimiser = torch.optim.SGD(halves maps, 0.1)
            let x = drawn 30 torch.ScalarType.Float32 [ 4; inputs ]
            let parts = together maps x
            CustomGradient.Backward(parts[1].sum())
            optimiser.step () |> ignore

            let changed = [
                for half, values in Seq.zip (halves maps) before -> Support.worst half values > 0.0
            ]

            Expect.sequenceEqual changed [ false; false; true; true; false; false ] "only the second map's"
        }
    ]
