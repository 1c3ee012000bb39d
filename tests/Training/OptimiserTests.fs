/// Lion, Prodigy and AdamW with narrow moments, against their formulas in double precision.
module Recipes.Tests.OptimiserTests

open System
open System.Collections.Generic
open Expecto
open TorchSharp
open TorchSharp.Modules
open Recipes.Core
open Recipes.Core.Kernels
open Recipes.Core.Training
open Recipes.Tests.Support

let private start = [| 0.5; -1.25; 0.0; 2.0 |]

/// The gradient of a quadratic whose least place is elsewhere.
let private slope (weights: float array) =
    weights
    |> Array.mapi (fun i w -> (float i + 1.0) * (w - [| 1.0; 1.0; -1.0; 0.25 |][i]))

let private parameter (dtype: torch.ScalarType) (values: float array) =
    new Parameter(torch.tensor(values, dtype = torch.float32).``to``(dtype))

/// Sets the gradient, in place from the second time on, as passes do.
let private give (parameter: Parameter) (values: float array) =
    let fresh = torch.tensor(values, dtype = torch.float32).``to``(parameter.dtype)

    match parameter.grad with
    | null -> parameter.grad <- fresh
    | gradient -> gradient.copy_ fresh |> ignore

let private values (tensor: torch.Tensor) =
    tensor.detach().``to``(torch.float64).data<float>().ToArray()

/// Steps an optimiser on the quadratic.
let private follow (optimiser: IOptimiser) (parameter: Parameter) rates =
    for rate in rates do
        give parameter (slope (values parameter))
        optimiser.Step rate

let private close (actual: float array) (expected: float array) tolerance name =
    Array.iter2 (fun a e -> Expect.isLessThan (abs (a - e)) tolerance name) actual expected

let private lion (options: LionOptions) rates =
    let w, m = Array.copy start, Array.zeroCreate start.Length

    for rate in rates do
        let g = slope w

        for i in 0 .. w.Length - 1 do
            let direction = sign (options.Beta1 * m[i] + (1.0 - options.Beta1) * g[i]) |> float

            w[i] <- w[i] * (1.0 - rate * options.WeightDecay) - rate * direction
            m[i] <- options.Beta2 * m[i] + (1.0 - options.Beta2) * g[i]

    w

/// The published method: the distance's numerator and denominator are weighted sums over all steps.
let private prodigy (options: ProdigyOptions) rates =
    let n = start.Length

    let w, m, v, s =
        Array.copy start, Array.zeroCreate n, Array.zeroCreate n, Array.zeroCreate n

    let d0, decay = options.FirstDistance, sqrt options.Beta2
    let mutable d, dMax, numerator = d0, d0, 0.0

    for rate in rates do
        let g, step = slope w, d * rate
        numerator <- numerator * decay

        for i in 0 .. n - 1 do
            numerator <- numerator + d / d0 * step * g[i] * (start[i] - w[i])
            m[i] <- options.Beta1 * m[i] + d * (1.0 - options.Beta1) * g[i]
            v[i] <- options.Beta2 * v[i] + d * d * (1.0 - options.Beta2) * g[i] * g[i]
            s[i] <- decay * s[i] + d / d0 * step * g[i]

        let estimate = options.DistanceFactor * numerator / Array.sumBy abs s
        dMax <- max dMax estimate
        d <- if d = d0 then max (max d estimate) dMax else dMax

        for i in 0 .. n - 1 do
            w[i] <-
                w[i] * (1.0 - step * options.WeightDecay)
                - step * m[i] / (sqrt v[i] + d * options.Epsilon)

    w, d

let private resumes name (options: OptimiserOptions) dtype = test $"{name}: a saved state goes on with the same bits" {
    use _ = torch.NewDisposeScope()
    let rates = List.replicate 7 0.05
    use whole = parameter dtype start
    use one = options.Create [ NamedParameter("w", whole) ]
    follow one whole rates
    use half = parameter dtype start
    use first = options.Create [ NamedParameter("w", half) ]
    follow first half (List.take 3 rates)

    let saved =
        Map [ for KeyValue(key, tensor) in first.Save() -> key, tensor.clone () ]

    use rest = parameter dtype [| 9.0; 9.0; 9.0; 9.0 |]
    use second = options.Create [ NamedParameter("w", rest) ]
    second.Restore(fun key -> saved[key])
    follow second rest (List.skip 3 rates)
    Expect.equal (values rest) (values whole) "the parameter"
    Expect.equal (values second.Masters[0]) (values one.Masters[0]) "the master"
    Expect.equal [ for p in second.Figures -> p.Value ] [ for p in one.Figures -> p.Value ] "the figures"
}

[<Tests>]
let tests =
    testList "optimisers" [
        test "Lion takes the published steps" {
            use _ = torch.NewDisposeScope()
            let options = LionOptions(WeightDecay = 0.1)
            let rates = [ 0.01; 0.02; 0.05; 0.05; 0.0; 0.03 ]
            use weights = parameter torch.float32 start
            use optimiser = options.Create [ NamedParameter("w", weights) ]
            follow optimiser weights rates
            close (values weights) (lion options rates) 1e-6 "weights"
        }

        test "Prodigy takes the published steps, and finds the distance" {
            use _ = torch.NewDisposeScope()
            let options = ProdigyOptions(WeightDecay = 0.01, FirstDistance = 1e-3)
            let rates = List.replicate 60 1.0
            use weights = parameter torch.float32 start
            use optimiser = options.Create [ NamedParameter("w", weights) ]
            follow optimiser weights rates
            let expected, distance = prodigy options rates
            close (values weights) expected 2e-3 "weights"
            Expect.isLessThan (abs (optimiser.Figures["d"] / distance - 1.0)) 1e-3 "the distance"
            Expect.isGreaterThan distance 0.05 "it has grown from 0.001"

            let off (weights: float array) =
                slope weights |> Array.sumBy (fun g -> g * g)

            Expect.isLessThan (off (values weights)) (off start / 4.0) "and the weights have come closer"
        }

        test "a parameter without a gradient is left alone" {
            use _ = torch.NewDisposeScope()

            for options in [ LionOptions() :> OptimiserOptions; ProdigyOptions() ] do
                use moved = parameter torch.float32 start
                use still = parameter torch.float32 start

                use optimiser =
                    options.Create [ NamedParameter("a", moved); NamedParameter("b", still) ]

                follow optimiser moved [ 0.1; 0.1 ]
                Expect.equal (values still) start "still"
                Expect.notEqual (values moved) start "moved"
                Expect.equal optimiser.Gradients.Length 1 "one gradient"
                optimiser.ZeroGrad()
                Expect.equal (values optimiser.Gradients[0]) [| 0.0; 0.0; 0.0; 0.0 |] "zeroed"
        }

        test "AdamW's narrow moments follow the wide ones without a bias" {
            use _ = torch.NewDisposeScope()
            let count = 20000

            let run moments =
                let options = AdamWOptions(Moments = moments, WeightDecay = 0.0)
                use weights = new Parameter(torch.zeros (int64 count))
                use optimiser = new AdamW([ NamedParameter("w", weights) ], options)

                for step in 1..200 do
                    give weights (Array.replicate count (1.0 + 0.5 * sin (float step)))
                    optimiser.Step(Nullable 1e-3)

                let state = optimiser.State["w"]

                Expect.equal
                    state.Second.dtype
                    (if moments = Precision.BFloat16 then
                         torch.bfloat16
                     else
                         torch.float32)
                    "type"

                state.Second.``to``(torch.float64).mean().item<float>(), weights.mean().item<float32>() |> float

            let second, weight = run Precision.BFloat16
            let exact, wide = run Precision.Float32
            Expect.isLessThan (abs (second / exact - 1.0)) 2e-3 "the second moment's mean"
            Expect.isLessThan (abs (weight / wide - 1.0)) 2e-3 "the weights' mean"
        }

        test "narrow moments are rounded by Philox's draws, the same as the generator's authors publish" {
            let draw key (a, b, c, d) =
                let struct (x, y, z, t) = Philox.Draw(key, a, b, c, d)
                [ x; y; z; t ]

            let all = System.UInt32.MaxValue

            Expect.equal (draw 0UL (0u, 0u, 0u, 0u)) [ 0x6627e8d5u; 0xe169c58du; 0xbc57ac4cu; 0x9b00dbd8u ] "zeros"

            Expect.equal
                (draw System.UInt64.MaxValue (all, all, all, all))
                [ 0x408f276du; 0x41c83b0eu; 0xa20bc7c6u; 0x6d5451fdu ]
                "ones"

            Expect.equal
                (draw 0x299f31d0a4093822UL (0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u))
                [ 0xd16cfe09u; 0x94fdccebu; 0x5001e420u; 0x24126ea1u ]
                "digits of pi"

            // 1 + 2⁻⁹ lies a quarter of the way from 1 to the next number of bfloat16.
            let value = 1.001953125f

            let up =
                [ for draw in 0u .. 0xffffu -> NarrowMoments.Round(value, draw) ]
                |> List.filter ((=) 0x3f81us)

            Expect.equal up.Length 0x4000 "a quarter of the draws"
            Expect.equal (NarrowMoments.Round(-value, 0u)) 0xbf80us "towards zero"
            Expect.equal (NarrowMoments.Round(-value, 0xffffu)) 0xbf81us "away from it"
        }

        test "rounding is decided by seed, step, tensor and element" {
            use _ = torch.NewDisposeScope()
            let exact = torch.ones([| 1001L |]).mul(torch.tensor 1.001953125f)

            let rounded (seed: uint64) step tensor =
                let first, second =
                    torch.zeros_like (exact, Nullable torch.bfloat16), torch.zeros_like (exact, Nullable torch.bfloat16)

                NarrowMoments.Round(seed, step, tensor, exact, exact, first, second)
                torch.cat([| first; second |]).``to``(torch.float32).data<float32>().ToArray()

            let one = rounded 1UL 1L 0
            Expect.equal (rounded 1UL 1L 0) one "again"

            for other in
                [
                    rounded 2UL 1L 0
                    rounded 1UL 2L 0
                    rounded 1UL 1L 1
                    Array.permute (fun i -> (i + 1001) % 2002) one
                ] do
                let apart = Array.map2 (=) one other |> Array.filter not |> Array.length
                Expect.isGreaterThan apart 600 "three in eight differ"
        }

        resumes "Lion" (LionOptions()) torch.float32
        resumes "Lion in bfloat16" (LionOptions()) torch.bfloat16
        resumes "Prodigy" (ProdigyOptions(FirstDistance = 1e-2)) torch.float32
        resumes "AdamW with narrow moments" (AdamWOptions(Moments = Precision.BFloat16)) torch.float32

        test "clipping leaves no norm above the limit, whatever follows the gradients" {
            use _ = torch.NewDisposeScope()

            for options in [ AdamWOptions() :> OptimiserOptions; LionOptions(); ProdigyOptions() ] do
                use weights = parameter torch.float32 start
                use optimiser = options.Create [ NamedParameter("w", weights) ]
                give weights [| 3.0; 4.0; 0.0; 12.0 |]
                use norm = GradientClipping.ClipByNorm(optimiser.Gradients, 1.0)
                Expect.isLessThan (abs (norm.item<float32>() - 13.0f)) 1e-4f "the norm before"
                Expect.isLessThan ((nonNull weights.grad).norm().item<float32>()) 1.0001f "the norm after"
        }

        test "settings out of range are refused" {
            let refused (part: string) (options: OptimiserOptions) = failsWith part options.Check
            refused "Lion.Beta1: 1 is out of range" (LionOptions(Beta1 = 1.0))
            refused "Lion.WeightDecay: -1" (LionOptions(WeightDecay = -1.0))
            refused "Prodigy.FirstDistance: 0" (ProdigyOptions(FirstDistance = 0.0))
            refused "Prodigy.Beta2: 0" (ProdigyOptions(Beta2 = 0.0))
            failsWith "there is nothing to train" (fun () -> LionOptions().Create([]).Dispose())
        }
    ]
