/// Optimisers whose step is kernels: what the host keeps for them, and on a CUDA device what they do.
module Recipes.Tests.RecordedOptimiserTests

open System
open System.Collections.Generic
open Expecto
open TorchSharp
open TorchSharp.Modules
open Recipes.Core
open Recipes.Core.Bench
open Recipes.Core.Kernels
open Recipes.Core.Native
open Recipes.Core.Training

type private Tensor = torch.Tensor

let private all: OptimiserOptions list = [ AdamWOptions(); LionOptions(); ProdigyOptions(FirstDistance = 1e-3) ]

let private parameter (dtype: torch.ScalarType) (device: torch.Device) (shape: int64[]) =
    new Parameter(torch.randn(shape).``to``(dtype, device))

let private give (parameter: Parameter) (gradient: Tensor | null) = parameter.grad <- gradient

let private values (tensor: Tensor) =
    tensor.detach().``to``(torch.float64).cpu().flatten().data<float>().ToArray()

let private distance (actual: Tensor) (expected: Tensor) =
    let size (x: float array) =
        x |> Array.sumBy (fun v -> v * v) |> sqrt

    let actual, expected = values actual, values expected
    size (Array.map2 (-) actual expected) / size expected

let private saved (optimiser: IOptimiser) =
    Map [ for KeyValue(key, tensor) in optimiser.Save() -> key, tensor.clone () ]

/// An optimiser of no kernel.
let private other () = {
    new IOptimiser with
        member _.Parameters = [||]
        member _.Masters = [||]
        member _.Gradients = [||]
        member _.Figures = Dictionary()
        member _.Step _ = ()
        member _.ZeroGrad() = ()
        member _.Save() = []
        member _.Restore _ = ()
        member _.Dispose() = ()
}

let private onCuda (work: unit -> unit) () =
    if Fused.Available && CudaGraph.Available then
        work ()
    else
        skiptest $"no kernels here: {Fused.Reason}"

/// Without this program's kernels.
let private plainly (make: unit -> 'made) =
    let enabled = Fused.Enabled
    Fused.Enabled <- false

    try
        make ()
    finally
        Fused.Enabled <- enabled

/// Steps on gradients that are the same at each call.
let private follow (optimiser: IOptimiser) first count =
    for step in first .. first + count - 1 do
        for index, item in Seq.indexed optimiser.Parameters do
            torch.cuda.manual_seed (int64 (100 * step + index)) |> ignore
            give item.Parameter (torch.randn_like(item.Parameter).add_(item.Parameter))

        optimiser.Step(if optimiser :? Prodigy then 1.0 else 1e-3)
        optimiser.ZeroGrad()

[<Tests>]
let tests =
    testList "recorded optimisers" [
        test "what stands in the way of a recording is said" {
            use _ = torch.NewDisposeScope()
            use none = other ()
            let reason = RecordedStep.Obstacle none
            Expect.stringEnds (nonNull reason) "has no kernel of this program's" "another's"

            for options in all do
                use optimiser =
                    options.Create [ NamedParameter("w", parameter torch.float32 torch.CPU [| 3L |]) ]

                Expect.equal
                    (RecordedStep.Obstacle optimiser)
                    "its weights are not on a CUDA device with this program's kernels"
                    $"{optimiser.GetType().Name}"
        }

        test "without kernels no average is taken over, and figures have the names of the host's" {
            use _ = torch.NewDisposeScope()

            for options in all do
                use optimiser =
                    options.Create [ NamedParameter("w", parameter torch.float32 torch.CPU [| 3L |]) ]

                let able = optimiser :?> IRecordedOptimiser
                Expect.isFalse able.UsesKernel "no kernel"
                Expect.isFalse (able.Average [| torch.zeros [| 3L |] |]) "no average"
                Expect.equal (List.ofSeq able.FigureNames) (List.ofSeq optimiser.Figures.Keys) "names"
        }

        test "what is updated, what is followed, and what is let go" {
            use _ = torch.NewDisposeScope()
            let wide = parameter torch.float32 torch.CPU [| 4L; 3L |]
            let narrow = parameter torch.bfloat16 torch.CPU [| 5L |]
            let still = parameter torch.float32 torch.CPU [| 2L |]

            let items = [|
                for index, item in Seq.indexed [ wide; narrow; still ] do
                    NamedParameter($"{index}", item)
            |]

            use weights = new MasterWeights(items, "test")
            use kernel = new KernelWeights(weights.Parameters, weights.Masters)
            let states = weights.Zeros()
            Expect.isEmpty (kernel.Updating states) "no gradients"
            let turned = torch.randn([| 3L; 4L |]).t()
            give wide turned
            give narrow (torch.ones_like narrow)
            let updating = kernel.Updating states
            Expect.equal [ for item in updating -> item.Place ] [ 0; 1 ] "with gradients"
            let first, second = updating[0], updating[1]
            Expect.isNull first.Narrow "a float32 weight is its own master"
            Expect.isTrue (Object.ReferenceEquals(second.Narrow, narrow)) "the narrow weight"
            Expect.isTrue (Object.ReferenceEquals(second.Master, weights.Masters[1])) "its master"
            Expect.isTrue (Object.ReferenceEquals(second.States[0], states[1])) "its state"
            let laid = nonNull first.Gradient
            Expect.equal (laid.stride ()) (wide.stride ()) "laid out like the weight"
            Expect.equal (values laid) (values turned) "the same gradient"
            Expect.isEmpty (kernel.Following(updating, states)) "nothing is averaged"
            Expect.isNull kernel.Share "nor by any share"
            kernel.Average [| for master in weights.Masters -> master.detach().clone() |]
            kernel.SetShare 0.25
            let following = List.ofSeq (kernel.Following(updating, states))
            Expect.equal [ for item in following -> item.Place ] [ 2 ] "without a gradient"
            Expect.isNull following[0].Gradient "none"
            Expect.isNotNull following[0].Average "its average"
            Expect.equal ((nonNull kernel.Share).item<float32>()) 0.25f "the share"
            kernel.LetGo()
            Expect.isEmpty kernel.Gradients "let go"
            Expect.equal kernel.NoFigures.shape [| 0L |] "nothing to report"
        }

        test "Prodigy's numbers on the device are those of its checkpoints" {
            use _ = torch.NewDisposeScope()
            let weight = parameter torch.float32 torch.CPU [| 9L |]
            let options = ProdigyOptions(FirstDistance = 1e-3)
            use plain = options.Create [ NamedParameter("w", weight) ]

            for _ in 1..12 do
                give weight (weight.detach().clone())
                plain.Step 1.0

            let state = saved plain |> Map.find "prodigy.distance"
            use numbers = new ProdigyNumbers(torch.CPU, values state)
            let kept = numbers.Kept()
            Expect.equal (values kept) (values state) "values"
            Expect.equal kept.dtype state.dtype "type"
            Expect.equal kept.shape state.shape "shape"
            Expect.equal numbers.Distance plain.Figures["d"] "d"
            Expect.isGreaterThan numbers.Distance 1e-3 "it has grown"
            Expect.equal (values numbers.Figures) [| float (float32 numbers.Distance) |] "the figure"
            Expect.equal (Array.item 3 (values numbers.Values)) 12.0 "steps"
        }

        test "small models can be trained with each, as the doctor does" {
            use trial = new TrialModel(torch.CPU)

            for name in [ "LoRA with Lion"; "LoRA with Prodigy" ] do
                let struct (losses, _) =
                    KindComparison.Train(trial, KindComparison.Kinds(trial)[name], fused = false)

                Expect.isTrue (losses.Count > 0 && Seq.forall Double.IsFinite losses) name
        }

        testCase "kernels and plain operations agree on the device"
        <| onCuda (fun () ->
            for found in OptimiserComparison.Run() do
                Expect.isTrue found.Agrees $"{found}")

        testCase "a checkpoint goes from plain operations to kernels and back"
        <| onCuda (fun () ->
            use _ = torch.NewDisposeScope()

            let make () = [|
                torch.manual_seed 5L |> ignore

                for index, dtype in Seq.indexed [ torch.float32; torch.bfloat16 ] do
                    NamedParameter($"{index}", parameter dtype torch.CUDA [| 70L; 30L |])
            |]

            for options in all do
                let straight = plainly (fun () -> options.Create(make ()))
                follow straight 0 9
                let plain = plainly (fun () -> options.Create(make ()))
                follow plain 0 3
                let kernels = options.Create(make ())
                Expect.isTrue (kernels :?> IRecordedOptimiser).UsesKernel "kernels"
                let given = saved plain
                kernels.Restore(fun key -> given[key])
                follow kernels 3 3
                let back = plainly (fun () -> options.Create(make ()))
                let given = saved kernels
                back.Restore(fun key -> given[key])
                follow back 6 3
                let name = options.GetType().Name

                for a, b in Seq.zip back.Masters straight.Masters do
                    Expect.isLessThan (distance a b) 1e-4 name

                for figure in straight.Figures do
                    Expect.isLessThan (abs (back.Figures[figure.Key] / figure.Value - 1.0)) 1e-3 figure.Key

                for optimiser in [ straight; plain; kernels; back ] do
                    optimiser.Dispose())

        testCase "kernels leave a parameter without a gradient alone, but its average follows it"
        <| onCuda (fun () ->
            use _ = torch.NewDisposeScope()

            for options in all do
                let moved = parameter torch.bfloat16 torch.CUDA [| 33L |]
                let still = parameter torch.float32 torch.CUDA [| 35L |]

                use optimiser =
                    options.Create [ NamedParameter("a", moved); NamedParameter("b", still) ]

                let before = still.detach().clone()
                let able = optimiser :?> IRecordedOptimiser
                let averages = [| torch.zeros ([| 33L |], device = torch.CUDA); torch.zeros_like before |]
                Expect.isTrue (able.Average averages) "averages"
                able.SetShare 0.5
                able.SetRate(if optimiser :? Prodigy then 1.0 else 1e-3)
                give moved (torch.ones_like moved)
                able.Prepare()
                able.Update(null, 0.0)
                able.Advance()
                optimiser.ZeroGrad()
                Expect.isNull moved.grad "gradients are let go"
                Expect.equal (values still) (values before) "still"
                Expect.isLessThan (distance averages[1] (before * 0.5f.ToScalar())) 1e-6 "its average"

                Expect.isLessThan
                    (distance averages[0] (optimiser.Masters[0] * 0.5f.ToScalar()))
                    1e-6
                    "the other's average, of its new value"

                Expect.equal
                    (values able.DeviceFigures)
                    [| for name in able.FigureNames -> float (float32 optimiser.Figures[name]) |]
                    "figures")
    ]
