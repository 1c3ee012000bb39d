module Recipes.Tests.SamplerTests

open System.Text.Json.Nodes
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Recipes.Core.Schedules
open Recipes.Tests.Agreement

let private flag (value: bool) : JsonNode | null = JsonValue.Create value
let private word (value: string) : JsonNode | null = JsonValue.Create value
let private whole (value: int) : JsonNode | null = JsonValue.Create value

/// Samplers whose way is decided by its start.
let private steady =
    Samplers.Names
    |> Seq.filter (fun name -> not (List.contains name [ "ddpm"; "euler-a"; "lcm" ] || name.Contains "sde"))
    |> List.ofSeq

let private predicts name (prediction: PredictionType) =
    prediction <> PredictionType.Sample
    || not (List.contains name [ "pndm"; "euler-a" ])

let private noise seed =
    new NoiseSource(ResizeArray [ new torch.Generator(seed, torch.CPU) ])

let private drawn seed =
    torch.randn (2L, 4L, 3L, 3L, generator = new torch.Generator(seed, torch.CPU))

/// What a perfect model of a data set of one sample answers.
let private answer (sampling: ISampling) (prediction: PredictionType) (clean: Tensor) (epsilon: Tensor) index =
    let share clean noise =
        sampling
            .AddNoise(torch.tensor ([| clean |]: float[]), torch.tensor ([| noise |]: float[]), index)
            .item<double>()

    let signal, rest = share 1.0 0.0, share 0.0 1.0

    match prediction with
    | PredictionType.Epsilon -> epsilon
    | PredictionType.Velocity -> (signal * epsilon - rest * clean) / sqrt (signal * signal + rest * rest)
    | _ -> clean

/// The numbers of a run: a sampler, how many steps, where among them it starts, and what the model predicts.
let private runs names =
    gen {
        let! name = Gen.elements names

        let! prediction =
            Gen.elements [ PredictionType.Epsilon; PredictionType.Velocity; PredictionType.Sample ]

        let! steps = Gen.choose (1, 40)
        let! start = Gen.choose (0, steps - 1)
        return name, prediction, steps, start
    }
    |> Gen.filter (fun (name, prediction, steps, _) -> predicts name prediction && not (name = "lcm" && 50 < steps))
    |> Arb.fromGen

let private property name names (check: string * PredictionType * int * int -> unit) =
    testCase name
    <| fun () ->
        let run run =
            use _ = torch.no_grad ()
            use _ = torch.NewDisposeScope()
            check run

        Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, Prop.forAll (runs names) run)

let private from fields = schedulerConfig fields |> Samplers.From

[<Tests>]
let tests =
    testList "samplers" [
        property "stay on the way of a perfect model from any step on" steady (fun (name, prediction, steps, start) ->
            // PNDM counts steps from where it starts, and takes means of answers at two levels, as the reference does.
            let start, prediction =
                if name = "pndm" then
                    0, PredictionType.Epsilon
                else
                    start, prediction

            let config = SchedulerConfig(PredictionType = prediction)
            use sampling = (Samplers.Named(name, config)).Begin steps
            let clean, epsilon = drawn 1uL, drawn 2uL
            let first = start * sampling.Order
            let mutable sample = sampling.AddNoise(clean, epsilon, first)

            // Rounding of the largest values is carried down to the small ones; in two steps, Heun's slope at the last level
            // divides it by that level's small sigma.
            let carried = 5e-5 * float (sample.abs().max().item<float32>())

            let near what (actual: Tensor) (expected: Tensor) =
                close (carried + 1e-4 * float (expected.abs().max().item<float32>())) what actual expected

            for index in first .. sampling.Timesteps.Count - 1 do
                sample <- sampling.Step(answer sampling prediction clean epsilon index, index, sample, null)

                if index + 1 < sampling.Timesteps.Count then
                    let expected = sampling.AddNoise(clean, epsilon, index + 1)
                    near $"{name}, {steps} steps, {prediction}, after {index}" sample expected

            if sampling.Sigmas[sampling.Timesteps.Count] = 0.0 then
                near $"{name}, {steps} steps: the end" sample clean)

        property "go from much noise to little" (List.ofSeq Samplers.Names) (fun (name, prediction, steps, _) ->
            use sampling =
                (Samplers.Named(name, SchedulerConfig(PredictionType = prediction))).Begin steps

            Expect.hasLength sampling.Sigmas (sampling.Timesteps.Count + 1) "levels"

            for earlier, later in Seq.pairwise sampling.Sigmas do
                Expect.isLessThanOrEqual later earlier $"{name}, {steps} steps: levels"

            for earlier, later in Seq.pairwise sampling.Timesteps do
                Expect.isLessThanOrEqual later earlier $"{name}, {steps} steps: timesteps")

        property "forget when they start again" (List.ofSeq Samplers.Names) (fun (name, prediction, steps, start) ->
            let sampler = Samplers.Named(name, SchedulerConfig(PredictionType = prediction))
            use used = sampler.Begin steps
            use fresh = sampler.Begin steps
            let output = drawn 3uL
            let last = used.Timesteps.Count - 1

            for index in 0..last do
                used.Step(output, index, drawn 4uL, noise 5uL) |> ignore

            let first = start * used.Order
            // Another way between two: the index before the first must not be the last one asked for.
            let way (sampling: ISampling) =
                use source = noise 6uL
                let mutable sample = drawn 7uL

                for index in first .. min last (first + 3) do
                    sample <- sampling.Step(output * float index, index, sample, source)

                sample

            closeRelative 1e-6 name (way used) (way fresh))

        property
            "give finite samples of the same type"
            (List.ofSeq Samplers.Names)
            (fun (name, prediction, steps, start) ->
                use sampling =
                    (Samplers.Named(name, SchedulerConfig(PredictionType = prediction))).Begin steps

                use source = noise 1uL
                let first = start * sampling.Order

                let way (dtype: torch.ScalarType) =
                    use source = noise 1uL
                    let mutable sample = (drawn 1uL * sampling.InitialSigma).``to`` dtype

                    for index in first .. sampling.Timesteps.Count - 1 do
                        let output = torch.tanh (sampling.ScaleInput(sample, index)) * 0.5
                        sample <- sampling.Step(output.``to`` dtype, index, sample, source)

                    Expect.equal sample.dtype dtype "type"
                    Expect.isTrue (sample.isfinite().all().item<bool>()) $"{name}, {steps} steps from {start}"
                    sample.``to`` torch.float32

                let exact = way torch.float32
                closeRelative 0.2 $"{name} in half precision" (way torch.bfloat16) exact)

        testList "solve with every setting" [
            // All must follow a perfect model: its clean sample never changes.
            for fields in
                [
                    for order in 1..3 do
                        for kind in [ "midpoint"; "heun" ] do
                            for algorithm in [ "dpmsolver"; "dpmsolver++" ] do
                                for ending in [ "zero"; "sigma_min" ] do
                                    if not (algorithm = "dpmsolver" && ending = "zero") then
                                        [
                                            "_class_name", word "DPMSolverMultistepScheduler"
                                            "solver_order", whole order
                                            "solver_type", word kind
                                            "algorithm_type", word algorithm
                                            "final_sigmas_type", word ending
                                        ]

                        for kind in [ "bh1"; "bh2" ] do
                            for clean in [ true; false ] do
                                [
                                    "_class_name", word "UniPCMultistepScheduler"
                                    "solver_order", whole order
                                    "solver_type", word kind
                                    "predict_x0", flag clean
                                    "final_sigmas_type", word (if clean then "zero" else "sigma_min")
                                ]

                    [
                        "_class_name", word "UniPCMultistepScheduler"
                        "disable_corrector", JsonArray(whole 0, whole 1)
                    ]

                    for spread in [ "use_exponential_sigmas"; "use_lu_lambdas" ] do
                        [ "_class_name", word "DPMSolverMultistepScheduler"; spread, flag true ]

                    [
                        "_class_name", word "EulerDiscreteScheduler"
                        "interpolation_type", word "log_linear"
                    ]
                    [
                        "_class_name", word "EulerDiscreteScheduler"
                        "final_sigmas_type", word "sigma_min"
                    ]
                    [
                        "_class_name", word "EulerDiscreteScheduler"
                        "use_exponential_sigmas", flag true
                    ]

                    [
                        "_class_name", word "EulerDiscreteScheduler"
                        "rescale_betas_zero_snr", flag true
                        "timestep_spacing", word "trailing"
                    ]
                ] do
                let title =
                    fields
                    |> List.map (fun (field, value) -> $"{field} {value}")
                    |> String.concat ", "

                quietly title (fun () ->
                    use sampling = (from fields).Begin 12
                    let clean, epsilon = drawn 1uL, drawn 2uL
                    let mutable sample = sampling.AddNoise(clean, epsilon, 0)

                    for index in 0 .. sampling.Timesteps.Count - 1 do
                        sample <- sampling.Step(epsilon, index, sample, null)

                    let left = sampling.Sigmas[sampling.Timesteps.Count]

                    let scale =
                        if sampling.InitialSigma = 1.0 then
                            sqrt (1.0 + left * left)
                        else
                            1.0

                    close 2e-3 "the end" sample ((clean + left * epsilon) / scale))
        ]
    ]
