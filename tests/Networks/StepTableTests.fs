/// Steps as data: the matrices, the memory that they work on, and drawings whose evaluations take them.
module Recipes.Tests.StepTableTests

open System
open System.Text.Json.Nodes
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core.Bench
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Denoising
open Recipes.Core.Pipelines.Prompts
open Recipes.Core.Schedules
open Recipes.Tests.Agreement

let private flag (value: bool) : JsonNode | null = JsonValue.Create value
let private word (value: string) : JsonNode | null = JsonValue.Create value
let private whole (value: int) : JsonNode | null = JsonValue.Create value

let private source seed =
    new NoiseSource(ResizeArray [ new torch.Generator(seed, torch.CPU) ])

let private drawn seed shape =
    torch.randn ((shape: int64 array), dtype = torch.float64, generator = new torch.Generator(seed, torch.CPU))

let private free = SchedulerConfig(ClipSample = false)

/// Every sampler without a limit, and every order and kind of the solvers.
let private all: (string * ISampler) list = [
    for name in Samplers.Names do
        for prediction in [ PredictionType.Epsilon; PredictionType.Velocity ] do
            $"{name} {prediction}",
            Samplers.Named(name, SchedulerConfig(ClipSample = false, PredictionType = prediction))

    "ddim eta", (DdimSampler(free, 0.7) :> ISampler)

    let from fields =
        Samplers.From(schedulerConfig (("clip_sample", flag false) :: fields))

    "pndm, Runge-Kutta", from [ "_class_name", word "PNDMScheduler" ]

    for order in 1..3 do
        for algorithm in [ "dpmsolver"; "dpmsolver++"; "sde-dpmsolver++" ] do
            $"{algorithm} {order}",
            from [
                "_class_name", word "DPMSolverMultistepScheduler"
                "solver_order", whole order
                "algorithm_type", word algorithm
                "final_sigmas_type", word "sigma_min"
            ]

        for kind in [ "bh1"; "bh2" ] do
            for clean in [ true; false ] do
                $"unipc {kind} {order} {clean}",
                from [
                    "_class_name", word "UniPCMultistepScheduler"
                    "solver_order", whole order
                    "solver_type", word kind
                    "predict_x0", flag clean
                    "final_sigmas_type", word "sigma_min"
                    "disable_corrector", JsonArray(whole 3)
                ]
]

let private table sampling first =
    match StepTable.Of(sampling, first) with
    | null -> failtest "steps that are not linear"
    | table -> table

/// The latents that a drawing of some steps leads to, with steps that evaluations take or the loop.
let private draw (model: StableDiffusionModel) (sampler: ISampler) (guidance: Guidance) first inside cancellation =
    let unet = model.UNet
    use sampling = sampler.Begin 5
    use noise = source 3uL

    let latents =
        (drawn 1uL [| 2L; 4L; 8L; 8L |] * sampling.InitialSigma).``to`` torch.float32

    let start = DrawingStart(Latents = latents, First = first)
    let rows = if guidance.IsOn then 4L else 2L
    let states = drawn 2uL [| rows; 77L; unet.Config.CrossAttentionDim |]
    let steps = if inside then table sampling first else null
    let reported = ResizeArray()

    use denoiser =
        new Denoiser(
            unet,
            guidance,
            new EncodedPrompts(states.``to`` torch.float32, null),
            start,
            sampling.Timesteps.Count,
            steps
        )

    Expect.equal denoiser.TakesSteps inside "who takes the steps"

    let reached =
        DenoisingLoop.Run(
            denoiser,
            start,
            sampling,
            noise,
            null,
            (fun made count -> reported.Add(made, count)),
            cancellation
        )

    let count = sampling.Timesteps.Count - first
    Expect.equal (List.ofSeq reported) [ for made in 1..count -> made, count ] "steps reported"
    reached

/// As `closeRelative`, of float64.
let private near tolerance what actual (expected: Tensor) =
    close (tolerance * expected.abs().max().ToDouble()) what actual expected

[<Tests>]
let tests =
    testSequenced
    <| testList "step tables" [
        for title, sampler in all do
            quietly $"are the sampler's own steps: {title}" (fun () ->
                for steps, start in [ 20, 0; 20, 7; 9, 2; 6, 0 ] do
                    use sampling = sampler.Begin steps
                    use first = source 3uL
                    use second = source 3uL
                    let start = start * sampling.Order
                    let table = table sampling start
                    let slots = int64 table.Slots
                    let shape = [| 2L; 4L; 3L; 3L |]
                    let mutable sample = drawn 1uL shape * sampling.InitialSigma
                    // Weights of what no step left are 0.
                    let mutable memory =
                        torch.zeros ([| slots; sample.numel () |], dtype = torch.float64)

                    memory[0L].copy_(sample.flatten ()) |> ignore

                    let rows =
                        torch.tensor(table.Values).reshape(int64 table.Steps.Length, int64 table.Width)

                    Expect.equal table.Timestep sampling.Timesteps[start] "the first timestep"
                    let mutable scale = table.Scale

                    for index in start .. sampling.Timesteps.Count - 1 do
                        let row = rows[int64 (index - start)]
                        near 1e-12 "the input" (sample * scale) (sampling.ScaleInput(sample, index))
                        let output = torch.tanh (sample * scale) * 0.5 + drawn (uint64 index) shape

                        let fresh =
                            if table.Steps[index - start].Draws then
                                second.Normal(shape, torch.CPU, torch.float64)
                            else
                                torch.zeros (shape, dtype = torch.float64)

                        sample <- sampling.Step(output, index, sample, first)

                        let known =
                            torch.cat [| memory; output.reshape (1L, -1L); fresh.reshape (1L, -1L) |]

                        let matrix = row.narrow(0L, 0L, slots * (slots + 2L)).reshape(slots, slots + 2L)
                        memory <- matrix.matmul known
                        near 1e-10 $"{steps} steps, after {index}" (memory[0L].reshape shape) sample
                        scale <- row[int64 table.Width - 2L].item<float>()

                        if index + 1 < sampling.Timesteps.Count then
                            let told = row[int64 table.Width - 1L].item<float>()
                            Expect.equal told sampling.Timesteps[index + 1] "the next timestep")

            quietly $"are taken in place: {title}" (fun () ->
                for steps, start in [ 8, 0; 20, 3 ] do
                    use sampling = sampler.Begin steps

                    let error =
                        SamplerComparison.ErrorOf(sampler, steps, start * sampling.Order, torch.CPU, torch.float32)

                    if not (error <= 2e-5) then
                        failtest $"{steps} steps from {start}: {error:g3}")

        quietly "do not go with a limit, nor where something looks at the latents" (fun () ->
            let way fields =
                (Samplers.From(schedulerConfig fields)).Begin 8

            let thresholding = "thresholding", flag true
            let start = DrawingStart(Latents = torch.zeros [| 1L; 4L; 8L; 8L |])

            for fields in
                [
                    [ "_class_name", word "DDIMScheduler"; "clip_sample", flag true ]
                    [ "_class_name", word "DDPMScheduler"; "clip_sample", flag true ]
                    [ "_class_name", word "LCMScheduler"; "clip_sample", flag true ]
                    [ "_class_name", word "HeunDiscreteScheduler"; "clip_sample", flag true ]
                    [ "_class_name", word "DPMSolverMultistepScheduler"; thresholding ]
                    [ "_class_name", word "UniPCMultistepScheduler"; thresholding ]
                ] do
                use limited = way fields
                Expect.isNull (DenoisingLoop.Steps(limited, start, false)) $"limited: {fields}"

            use free = way [ "_class_name", word "EulerDiscreteScheduler" ]
            Expect.isNotNull (DenoisingLoop.Steps(free, start, false)) "unlimited, alone"
            Expect.isNull (DenoisingLoop.Steps(free, start, true)) "watched by the user"
            let part = DrawingStart(Latents = start.Latents, AfterStep = fun next _ -> next)
            Expect.isNull (DenoisingLoop.Steps(free, part, false)) "watched by the pipeline")

        quietly "give the network each image as often as it wants, in its type" (fun () ->
            use sampling = (Samplers.Named("euler", free)).Begin 8
            let table = table sampling 2
            let latents = (drawn 1uL [| 2L; 4L; 3L; 5L |]).``to`` torch.float32
            use state = new LatentState(latents, 2, table, torch.bfloat16)
            state.Begin(latents, table)

            let told index expected =
                let input = sampling.ScaleInput(expected, index)
                let both = torch.cat([| input; input |], 0L).``to`` torch.bfloat16
                Expect.equal state.Input.dtype torch.bfloat16 "type"
                close 0.0 $"input {index}" state.Input both
                Expect.equal (state.Timestep.item<float32>()) (float32 sampling.Timesteps[index]) $"timestep {index}"

            told 2 latents

            for index in 2..5 do
                state.Step(drawn (uint64 index) [| 4L; 4L; 3L; 5L |], Guidance(3.0, 0.0))
                told (index + 1) (state.Sample()))

        quietly "of another way of as many slots are taken in the same memory" (fun () ->
            let ways = [
                for name, steps in [ "euler-a", 12; "ddim", 7 ] do
                    let sampling = (Samplers.Named(name, free)).Begin steps
                    sampling, table sampling 0
            ]

            let latents = (drawn 1uL [| 1L; 4L; 4L; 4L |]).``to`` torch.float32

            let walk (state: LatentState) (sampling: ISampling, table: StepTable) =
                use noise = source 4uL
                state.Begin(latents, table)

                for index in 0 .. sampling.Timesteps.Count - 1 do
                    state.Draw noise
                    state.Step(drawn (uint64 index) [| 1L; 4L; 4L; 4L |], Guidance(1.0, 0.0))

                state.Sample()

            Expect.equal (LatentState.Kind(snd ways[0])) (LatentState.Kind(snd ways[1])) "one kind"
            use shared = new LatentState(latents, 1, snd ways[0], torch.float32)

            for way in ways @ ways do
                use own = new LatentState(latents, 1, snd way, torch.float32)
                close 0.0 "the end" (walk shared way) (walk own way)

            use another = (Samplers.Named("unipc", free)).Begin 7
            Expect.notEqual (LatentState.Kind(table another 0)) (LatentState.Kind(snd ways[1])) "more slots"

            for way, _ in ways do
                way.Dispose())

        for name in [ "ddim"; "euler-a"; "dpm++2m-sde"; "unipc"; "heun"; "pndm"; "lcm" ] do
            for title, guidance, first in
                [
                    "", Guidance(1.0, 0.0), 0
                    ", guided", Guidance(4.0, 0.0), 0
                    ", rescaled, from a later step", Guidance(4.0, 0.6), 2
                ] do
                quietly $"draw the same inside evaluations: {name}{title}" (fun () ->
                    use model = StableDiffusionModel.Load(folder "sd1")
                    let draw = draw model (Samplers.Named(name, free)) guidance first
                    let outside = draw false CancellationToken.None
                    closeRelative 1e-4 "latents" (draw true CancellationToken.None) outside)

        quietly "stop when they are cancelled" (fun () ->
            use model = StableDiffusionModel.Load(folder "sd1")
            use stopped = new CancellationTokenSource()
            stopped.Cancel()

            Expect.throwsT<OperationCanceledException>
                (fun () ->
                    draw model (Samplers.Named("ddim", free)) (Guidance(1.0, 0.0)) 0 true stopped.Token
                    |> ignore)
                "cancelled")
    ]
