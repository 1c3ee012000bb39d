module Recipes.Tests.AdamWTests

open System.Collections.Generic
open Expecto
open TorchSharp
open TorchSharp.Modules
open Recipes.Core
open Recipes.Core.Training

type private Tensor = torch.Tensor

let private shapes: int64[] list = [ [| 7L |]; [| 5L; 3L |]; [| 2L; 3L; 3L; 3L |]; [| 1L |] ]

let private generator seed = new torch.Generator(seed, torch.CPU)

let private draw (random: torch.Generator) (shape: int64[]) =
    torch.empty(shape, dtype = torch.float32).normal_(0.0, 1.0, random)

let private parameters dtype =
    let random = generator 1UL

    [
        for shape in shapes do
            new Parameter((draw random shape).``to``(``type`` = dtype))
    ]

let private options path =
    AdamWOptions(Rate = 0.05, Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6, WeightDecay = 0.1, Path = path)

/// Sets each gradient by a backward pass of sum(parameter × drawn).
let private backward (random: torch.Generator) (parameters: Parameter seq) =
    for parameter in parameters do
        let weight = (draw random parameter.shape).``to``(parameter.dtype)
        (parameter.mul weight).sum().backward()

let private worst (a: Tensor) (b: Tensor) =
    (a.``to`` (torch.float64) - b.``to`` (torch.float64)).abs().max().item<double>()

let private rates = [ 0.05; 0.02; 0.07; 0.01; 0.03 ]

/// The same steps by the formulas of algorithm 2, in float64 and on plain arrays.
let private byHand () =
    let random = generator 2UL
    let start = parameters torch.float32

    let weights =
        start |> List.map (fun p -> p.``to``(torch.float64).data<double>().ToArray())

    let first = weights |> List.map (fun w -> Array.zeroCreate<double> w.Length)
    let second = weights |> List.map (fun w -> Array.zeroCreate<double> w.Length)
    let o = options AdamWPath.Plain

    for step, rate in List.indexed rates do
        let t = double (step + 1)

        for i, parameter in List.indexed start do
            let gradient =
                (draw random parameter.shape).``to``(torch.float64).data<double>().ToArray()

            for j in 0 .. gradient.Length - 1 do
                let g = gradient[j]
                first[i][j] <- o.Beta1 * first[i][j] + (1.0 - o.Beta1) * g
                second[i][j] <- o.Beta2 * second[i][j] + (1.0 - o.Beta2) * g * g
                let mean = first[i][j] / (1.0 - o.Beta1 ** t)
                let square = second[i][j] / (1.0 - o.Beta2 ** t)
                let decayed = weights[i][j] * (1.0 - rate * o.WeightDecay)
                weights[i][j] <- decayed - rate * mean / (sqrt square + o.Epsilon)

    weights

let private train dtype path =
    let random = generator 2UL
    let parameters = parameters dtype
    use optimiser = new AdamW(parameters, options path)

    for rate in rates do
        backward random parameters
        optimiser.Step rate
        optimiser.ZeroGrad()

    parameters, [ for master in optimiser.Masters -> master.clone () ]

let private failsWith (part: string) (act: unit -> unit) =
    try
        act ()
        failtest $"nothing was refused where '{part}' was expected"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

[<Tests>]
let tests =
    testList "adamw" [
        for path in [ AdamWPath.Plain; AdamWPath.Fused ] do
            test $"{path} agrees with the formulas in float64" {
                use _ = torch.NewDisposeScope()
                let expected = byHand ()
                let trained, _ = train torch.float32 path

                for want, got in List.zip expected trained do
                    let want = torch.tensor(want, dtype = torch.float64).reshape(got.shape)
                    Expect.isLessThan (worst want got) 2e-6 $"weights of shape {got.shape}"
            }

            test $"{path} keeps float32 masters of bfloat16 weights" {
                use _ = torch.NewDisposeScope()
                let trained, masters = train torch.bfloat16 path

                for weight, master in List.zip trained masters do
                    Expect.equal master.dtype torch.float32 "the master's type"
                    Expect.equal weight.dtype torch.bfloat16 "the weight's type"
                    Expect.equal (worst (master.``to`` torch.bfloat16) weight) 0.0 "the weight is the rounded master"

                let lost =
                    masters
                    |> List.exists (fun master -> worst master (master.``to`` torch.bfloat16) > 0.0)

                Expect.isTrue lost "the masters hold more than bfloat16 does"
            }

        test "a parameter without a gradient is left alone" {
            use _ = torch.NewDisposeScope()
            let parameters = parameters torch.float32
            let before = parameters[1].detach().clone()
            use optimiser = new AdamW(parameters, options AdamWPath.Fused)
            backward (generator 3UL) [ parameters[0]; parameters[2] ]
            optimiser.Step()
            Expect.equal (worst before parameters[1]) 0.0 "neither moved nor decayed"
            Expect.equal optimiser.State["1"].Steps 0L "its steps"
            Expect.equal optimiser.State["0"].Steps 1L "the others' steps"
        }

        test "zeroing keeps the gradient's memory and accumulation adds to it" {
            use _ = torch.NewDisposeScope()
            let parameters = parameters torch.float32
            use optimiser = new AdamW(parameters, options AdamWPath.Fused)
            backward (generator 4UL) parameters
            let first = [ for g in optimiser.Gradients -> g.clone () ]
            optimiser.ZeroGrad()

            for g in optimiser.Gradients do
                Expect.equal (g.abs().max().item<float32>()) 0.0f "zeroed"

            backward (generator 4UL) parameters
            backward (generator 4UL) parameters

            for once, twice in Seq.zip first optimiser.Gradients do
                Expect.isLessThan (worst (once.mul (torch.tensor 2.0f)) twice) 1e-6 "two passes add up"
        }

        test "a state saved and restored goes on with the same bits" {
            use _ = torch.NewDisposeScope()

            let go (optimiser: AdamW) (parameters: Parameter list) (steps: int) (random: torch.Generator) =
                for _ in 1..steps do
                    backward random parameters
                    optimiser.Step()
                    optimiser.ZeroGrad()

            let straight = parameters torch.float32
            use whole = new AdamW(straight, options AdamWPath.Fused)
            let random = generator 5UL
            go whole straight 3 random
            let saved = Dictionary<string, Tensor>()

            for item in whole.Save() do
                saved[item.Key] <- item.Value.clone ()

            let state = random.get_state ()
            go whole straight 4 random

            let resumed = parameters torch.float32
            use again = new AdamW(resumed, options AdamWPath.Fused)
            again.Restore(fun name -> saved[name])
            random.set_state state
            go again resumed 4 random

            for a, b in List.zip straight resumed do
                Expect.equal (worst a b) 0.0 "the same weights"
        }

        test "settings that cannot train are refused" {
            failsWith "nothing to train" (fun () -> (new AdamW(([]: Parameter list), AdamWOptions())).Dispose())

            failsWith "Beta1" (fun () -> (new AdamW(parameters torch.float32, AdamWOptions(Beta1 = 1.0))).Dispose())

            failsWith "named a" (fun () ->
                let p = parameters torch.float32
                (new AdamW([ NamedParameter("a", p[0]); NamedParameter("a", p[1]) ], AdamWOptions())).Dispose())
        }

        test "clipping scales all gradients alike, down to the limit" {
            use _ = torch.NewDisposeScope()
            let parameters = parameters torch.float32
            backward (generator 6UL) parameters
            let before = [ for p in parameters -> (nonNull p.grad).clone() ]

            let norm =
                before
                |> List.sumBy (fun g -> g.pow(torch.tensor 2.0f).sum().item<float32>() |> double)
                |> sqrt

            let told = GradientClipping.ClipByNorm(parameters, 1.5).item<float32>() |> double
            Expect.floatClose Accuracy.medium told norm "the norm before"

            for was, p in List.zip before parameters do
                Expect.isLessThan
                    (worst (was.mul (torch.tensor (1.5 / (norm + 1e-6) |> float32))) (nonNull p.grad))
                    1e-6
                    "scaled"

            let again = GradientClipping.ClipByNorm(parameters, 100.0).item<float32>() |> double
            Expect.floatClose Accuracy.low again 1.5 "within the limit now"
            let third = GradientClipping.ClipByNorm(parameters, 100.0).item<float32>() |> double
            Expect.floatClose Accuracy.medium third again "and left alone"
            failsWith "limit is 0" (fun () -> GradientClipping.ClipByNorm(parameters, 0.0) |> ignore)
        }
        test "moments in bfloat16 follow those in float32 over 400 steps, also a second moment of small steps" {
            let run moments =
                let weight = new Parameter(torch.ones (1000L))

                use optimiser =
                    new AdamW([| weight |], AdamWOptions(Rate = 1e-3, Path = AdamWPath.Plain, Moments = moments))

                for _ in 1..400 do
                    (weight.mul (torch.tensor 0.5f)).sum().backward()
                    optimiser.Step()
                    optimiser.ZeroGrad()

                let state = optimiser.State["0"]
                state.Second.``to``(torch.float32).mean().item<float32>(), weight.mean().item<float32>()

            let square, weight = run Precision.Float32
            let rough, followed = run Precision.BFloat16
            Expect.isLessThan (abs (rough / square - 1.0f)) 0.01f "second moment"
            Expect.isLessThan (abs (followed - weight)) 0.004f "weights, which moved by 0.4"
        }
    ]
