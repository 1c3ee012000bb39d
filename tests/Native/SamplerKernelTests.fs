module Recipes.Tests.SamplerKernelTests

open Expecto
open TorchSharp
open Recipes.Core.Bench
open Recipes.Core.Kernels
open Recipes.Core.Native
open Recipes.Core.Pipelines.Denoising
open Recipes.Core.Schedules

let private onCuda (work: unit -> unit) () =
    if Fused.Available && CudaGraph.Available then
        use _ = torch.no_grad ()
        use _ = torch.NewDisposeScope()
        work ()
    else
        skiptest $"no kernels here: {Fused.Reason}"

let private sampler name =
    Samplers.Named(name, SchedulerConfig(ClipSample = false))

[<Tests>]
let tests =
    testList "sampler kernel" [
        for name in Samplers.Names do
            testCase $"takes the steps of {name}"
            <| onCuda (fun () ->
                for dtype in [ torch.bfloat16; torch.float32 ] do
                    let error = SamplerComparison.ErrorOf(sampler name, 12, 0, torch.CUDA, dtype)
                    Expect.isLessThan error 2e-5 $"{dtype}")

        testCase "agrees with plain operations in every layout, again and again"
        <| onCuda (fun () ->
            use sampling = (sampler "unipc").Begin 10
            let table = nonNull (StepTable.Of(sampling, 0))
            let latents = torch.randn ([| 3L; 4L; 5L; 7L |], device = torch.CUDA)

            for guided in [ 1; 2 ] do
                for dtype in [ torch.bfloat16; torch.float32 ] do
                    let begun () =
                        let rows = table.Steps.Length

                        let memory =
                            SamplerMemory.Of(latents, table.Slots, guided, rows, table.Width, dtype)

                        let values = torch.tensor(table.Values).reshape(int64 rows, int64 table.Width)
                        memory.Table.copy_ (values) |> ignore
                        memory.Slots[0L].copy_(latents) |> ignore
                        memory

                    use fused = begun ()
                    use plain = begun ()

                    for index in 0..9 do
                        let answer =
                            torch.randn ([| 3L * int64 guided; 4L; 5L; 7L |], dtype = dtype, device = torch.CUDA)

                        let laid =
                            match index % 3 with
                            | 0 -> answer
                            | 1 -> ChannelsLast.Of answer
                            | _ -> answer.transpose(2L, 3L).contiguous().transpose(2L, 3L)

                        SamplerKernel.Step(fused, laid, 3.0)
                        SamplerKernel.Plain(plain, answer, 3.0)
                        let apart (a: torch.Tensor) (b: torch.Tensor) = FusedComparison.Distance(a, b)
                        Expect.isLessThan (apart fused.Slots plain.Slots) 1e-5 $"slots {index}"
                        Expect.isLessThan (apart fused.Input plain.Input) 1e-2 $"input {index}"

                        Expect.equal
                            (fused.Timestep.item<float32>())
                            (plain.Timestep.item<float32>())
                            $"timestep {index}"

                        Expect.equal (fused.Row.item<int64>()) (int64 index + 1L) $"row {index}")
    ]
