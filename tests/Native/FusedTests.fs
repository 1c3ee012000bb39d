module Recipes.Tests.FusedTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open TorchSharp
open type TorchSharp.torch
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Bench
open Recipes.Core.Kernels
open Recipes.Core.Native
open Recipes.Core.Networks.Layers
open Recipes.Core.Schedules
open Recipes.Core.Training
open Recipes.Tests.Support

let private apart (a: Tensor) (b: Tensor) =
    use difference = (a - b).abs()
    difference.max().ToDouble()

let private linear () =
    let layer = new Linear(6L, 4L)
    use _ = torch.no_grad ()

    for struct (_, parameter) in layer.named_parameters () do
        parameter.normal_ () |> ignore

    layer

let private adapter (layer: Linear) magnitude =
    let grown (shape: int64[]) = torch.randn shape
    let size: Tensor | null = if magnitude then grown [| 4L |] else null

    new LoraAdapter("unet", "layer", layer, grown [| 2L; 6L |], grown [| 4L; 2L |], 3.0, magnitude = size)

/// y = x · w², whose gradient is written by hand.
let private product (x: Tensor) (w: Tensor) =
    let y =
        use _ = torch.no_grad ()
        x * w * w

    let kept = [| CustomGradient.Save x; CustomGradient.Save w |]

    let backward (gradients: (Tensor | null)[]) : (Tensor | null)[] =
        let given = nonNull gradients[0]

        [|
            (given * kept[1] * kept[1]).DetachFromDisposeScope()
            (given * kept[0] * kept[1] * 2f.ToScalar()).DetachFromDisposeScope()
        |]

    let saved: (Tensor | null)[] = [| kept[0]; kept[1] |]
    CustomGradient.Attach([| x; w |], [| y |], saved, backward)
    y, kept

[<Tests>]
let tests =
    testList "fused" [
        test "a gradient written by hand reaches both inputs" {
            use _ = torch.NewDisposeScope()
            let x = torch.randn([| 5L |]).requires_grad_()
            let w = torch.randn([| 5L |]).requires_grad_()
            let y, _ = product x w
            CustomGradient.Backward((y * 3f.ToScalar()).sum())
            let expected = w.detach () * w.detach () * 3f.ToScalar()
            Expect.isLessThan (apart (nonNull x.grad) expected) 1e-5 "of x"
            let expected = x.detach () * w.detach () * 6f.ToScalar()
            Expect.isLessThan (apart (nonNull w.grad) expected) 1e-5 "of w"
        }

        test "what a gradient kept is freed once it ran" {
            use _ = torch.NewDisposeScope()
            let x = torch.randn([| 5L |]).requires_grad_()
            let w = torch.randn([| 5L |]).requires_grad_()
            let y, kept = product x w
            CustomGradient.Backward(y.sum ())
            Expect.isTrue (kept |> Array.forall _.IsInvalid) "saved tensors"
        }

        test "a parameter takes its gradient as it is, and adds the next one to it" {
            use _ = torch.NewDisposeScope()
            let weight = new Modules.Parameter(torch.randn [| 5L |])
            let x = torch.randn [| 5L |]

            let pass () =
                let y =
                    use _ = torch.no_grad ()
                    x * weight

                let backward (gradients: (Tensor | null)[]) : (Tensor | null)[] = [|
                    (nonNull gradients[0] * x).DetachFromDisposeScope()
                |]

                CustomGradient.Attach([| weight |], [| y |], [||], backward)
                CustomGradient.Backward(y.sum ())

            pass ()
            Expect.isLessThan (apart (nonNull weight.grad) x) 1e-6 "the first"
            use kept = nonNull weight.grad
            pass ()
            Expect.isLessThan (apart (nonNull weight.grad) (x + x)) 1e-6 "the sum"
            Expect.isLessThan (apart kept (x + x)) 1e-6 "in the memory of the first"
        }

        test "a fault in a gradient reaches the caller" {
            use _ = torch.NewDisposeScope()
            let x = torch.randn([| 5L |]).requires_grad_()
            let y = torch.randn [| 5L |]
            CustomGradient.Attach([| x |], [| y |], [||], fun _ -> raise (InvalidDataException "spoilt"))

            Expect.throwsC (fun () -> CustomGradient.Backward(y.sum ())) (fun error ->
                Expect.equal error.Message "spoilt" "the fault itself")
        }

        test "channels-last pictures keep their values" {
            use _ = torch.NewDisposeScope()
            let pictures = torch.randn [| 2L; 3L; 4L; 5L |]
            let laid = ChannelsLast.Of pictures
            Expect.isFalse (ChannelsLast.Is pictures) "before"
            Expect.isTrue (ChannelsLast.Is laid) "after"
            Expect.equal (apart laid pictures) 0.0 "values"
            Expect.sequenceEqual (ChannelsLast.Rows(laid).shape) [ 2L; 20L; 3L ] "rows"
        }

        test "gradients' norm is that of clipping" {
            use _ = torch.NewDisposeScope()
            let gradients = [| torch.randn [| 3L; 4L |]; torch.randn [| 7L |] |]
            let norm = GradientClipping.Norm gradients
            let clipped = GradientClipping.ClipByNorm(gradients, infinity)
            Expect.isLessThan (apart norm clipped) 1e-6 "norm"
        }

        testList "a linear map without its bias" [
            for name, adapters in
                [
                    "alone", (fun _ -> [])
                    "with LoRA", (fun layer -> [ adapter layer false ])
                    "with DoRA", (fun layer -> [ adapter layer true ])
                ] do
                test name {
                    use _ = torch.NewDisposeScope()
                    let layer = linear ()
                    adapters layer |> List.iter (fun item -> layer.Adapters.Add item)
                    let input = torch.randn [| 3L; 6L |]
                    let whole = layer.forward input
                    let parts = layer.Unbiased input + layer.Bias
                    Expect.isLessThan (apart whole parts) 1e-5 "with the bias added again"
                }
        ]

        test "sums before norms agree with separate operations" {
            use _ = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            let pictures = torch.randn [| 2L; 8L; 3L; 3L |]
            let bias, shift = torch.randn [| 8L |], torch.randn [| 2L; 8L |]
            let norm = new GroupNorm(4L, 8L, 1e-5)
            let sum = pictures + bias.reshape (1L, -1L, 1L, 1L) + shift.reshape (2L, 8L, 1L, 1L)
            Expect.isLessThan (apart (norm.ActivatedSum(pictures, bias, shift)) (norm.Activated sum)) 1e-5 "group"
            let rows, delta = torch.randn [| 5L; 8L |], torch.randn [| 5L; 8L |]
            let layer = new LayerNorm(8L)
            let struct (total, normed) = layer.AddForward(rows, delta, bias)
            Expect.isLessThan (apart total (rows + delta + bias)) 1e-6 "sum"
            Expect.isLessThan (apart normed (layer.forward (rows + delta + bias))) 1e-5 "layer"
        }

        test "every kernel that is started is in the sources" {
            let source = KernelLibrary.Source()

            let folder = Path.Combine(Recipes.Tests.Support.root, "Core.CSharp", "Kernels")

            let started =
                Directory.GetFiles(folder, "*Kernel*.cs")
                |> Seq.collect (fun file -> Regex.Matches(File.ReadAllText file, @"Launch\(\s*\$?""([a-z_]+)"))
                |> Seq.map _.Groups[1].Value
                |> Set.ofSeq

            Expect.isGreaterThan started.Count 10 "kernels started"

            for name in started do
                Expect.stringContains source $"__global__ void {name}" name

            Expect.equal
                (Seq.filter ((=) '{') source |> Seq.length)
                (Seq.filter ((=) '}') source |> Seq.length)
                "braces"
        }

        test "the machine's lack of kernels is said in one line" {
            if not Fused.Available then
                Expect.isNotEmpty Fused.Reason "kernels"
                Expect.isFalse (Fused.Reason.Contains '\n') "one line"

            if not CudaGraph.Available then
                Expect.isNotEmpty CudaGraph.Reason "graphs"

                Expect.throwsT<RecipesException>
                    (fun () -> CudaGraph.Record((fun () -> ()), 0, null) |> ignore)
                    "recording"
        }

        test "a step on the CPU says why it is plain" {
            use _ = torch.NewDisposeScope()
            let weight = new Modules.Parameter(torch.ones [| 1L |])
            use schedule = new NoiseSchedule(SchedulerConfig())

            let batches = {
                new IBatchSource with
                    member _.Batch _ =
                        DenoisingBatch(
                            torch.ones [| 1L; 4L; 2L; 2L |],
                            torch.zeros [| 1L; 4L; 2L; 2L |],
                            torch.tensor [| 500L |],
                            torch.ones [| 1L; 1L; 1L |]
                        )
            }

            let network (noisy: Tensor) (_: DenoisingBatch) = noisy * weight

            use step =
                new DenoisingStep(
                    Func<_, _, _> network,
                    schedule,
                    batches,
                    [ NamedParameter("w", weight) ],
                    DenoisingStepOptions(Rate = LearningRate(Rate = 0.1, Steps = 5L))
                )

            let before = step.Run(0L).Loss
            Expect.isNotNull step.PlainReason "reason"
            Expect.isLessThan (step.Run(1L).Loss) before "it trains"
        }

        testCase "fused and plain agree on the device"
        <| onCuda (fun () ->
            let found = FusedComparison.Run()
            Expect.isTrue found.Agrees $"{found}")
    ]
