module Recipes.Tests.SamplerTests

open System.IO
open System.Text.Json.Nodes
open Expecto
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Recipes.Core
open Recipes.Core.Schedules
open Recipes.Tests.Agreement

let private flag (value: bool) : JsonNode | null = JsonValue.Create value
let private word (value: string) : JsonNode | null = JsonValue.Create value
let private whole (value: int) : JsonNode | null = JsonValue.Create value
let private number (value: float) : JsonNode | null = JsonValue.Create value

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

let private refuses what (parts: string list) (action: unit -> unit) =
    testCase what
    <| fun () ->
        let fault =
            try
                action ()
                failtest "nothing was refused"
            with :? RecipesException as e ->
                e.Message

        for part in parts do
            Expect.stringContains fault part what

let private from fields = schedulerConfig fields |> Samplers.From
let private beginning steps (sampler: ISampler) = (sampler.Begin steps).Dispose()

let private timesteps steps (sampler: ISampler) =
    use sampling = sampler.Begin steps
    List.ofSeq sampling.Timesteps

let private dpm fields =
    schedulerConfig ([ "_class_name", word "DPMSolverMultistepScheduler" ] @ fields)

[<Tests>]
let tests =
    testList "samplers" [
        property "stay on the way of a perfect model from any step on" steady (fun (name, prediction, steps, start) ->
            // PNDM counts its steps from where it starts, and takes means of answers at two levels, as the reference does.
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

            for index in first .. sampling.Timesteps.Count - 1 do
                sample <- sampling.Step(answer sampling prediction clean epsilon index, index, sample, null)

                if index + 1 < sampling.Timesteps.Count then
                    let expected = sampling.AddNoise(clean, epsilon, index + 1)
                    closeRelative 1e-4 $"{name}, {steps} steps, {prediction}, after {index}" sample expected

            if sampling.Sigmas[sampling.Timesteps.Count] = 0.0 then
                closeRelative 1e-4 $"{name}, {steps} steps: the end" sample clean)

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

        testCase "take as many steps as there are training timesteps, and no more"
        <| fun () ->
            let few = SchedulerConfig(NumTrainTimesteps = 20, StepsOffset = 0)

            for name in Samplers.Names do
                let sampler = Samplers.Named(name, few)
                let grid = name = "lcm"

                for steps in [ 0; 21 ] do
                    let message =
                        try
                            beginning steps sampler
                            failtest $"{name} takes {steps} of 20 steps"
                        with :? RecipesException as e ->
                            e.Message

                    if not grid then
                        Expect.stringContains message $"{steps} steps" name

                if not grid then
                    beginning 1 sampler
                    beginning 19 sampler

        testCase "spread trailing timesteps as the reference's range of numbers does"
        <| fun () ->
            let trailing = SchedulerConfig(TimestepSpacing = TimestepSpacing.Trailing)

            let wanted total (steps: int) =
                let step = float total - float total / float steps - float total

                [
                    for i in 0 .. steps - 1 -> System.Math.Round(float total + float i * step) - 1.0
                ]

            for steps in [ 3; 7; 48; 96; 999 ] do
                Expect.sequenceEqual (timesteps steps (DdimSampler trailing)) (wanted 1000 steps) $"{steps} steps"

            // 937.5 lies on the other side of the half in that range.
            Expect.equal (timesteps 48 (DdimSampler trailing)).[3] 936.0 "a half"
            Expect.sequenceEqual (timesteps 4 (DdimSampler trailing)) [ 999.0; 749.0; 499.0; 249.0 ] "4 steps"

        testCase "take a class's own values for what a config does not name"
        <| fun () ->
            let bare =
                schedulerConfig [ "_class_name", word "PNDMScheduler"; "beta_start", number 0.001 ]

            Expect.equal bare.TimestepSpacing TimestepSpacing.Leading "PNDM's spacing"
            Expect.isFalse bare.SetAlphaToOne "PNDM's last step"
            let heun = bare |> fun config -> Samplers.Named("heun", config) |> timesteps 3
            Expect.sequenceEqual heun [ 999.0; 499.5; 499.5; 0.0; 0.0 ] "Heun is linspace"
            Expect.sequenceEqual (Samplers.Named("euler", bare) |> timesteps 3) [ 999.0; 499.5; 0.0 ] "Euler too"
            Expect.sequenceEqual (Samplers.Named("ddim", bare) |> timesteps 2) [ 500.0; 0.0 ] "DDIM is leading"

            let named =
                schedulerConfig [
                    "_class_name", word "PNDMScheduler"
                    "timestep_spacing", word "leading"
                    "steps_offset", whole 1
                ]

            Expect.sequenceEqual (Samplers.Named("euler", named) |> timesteps 2) [ 501.0; 1.0 ] "named fields stay"
            use bareNoise = new NoiseSchedule(bare)
            Expect.floatClose Accuracy.medium (float (bareNoise.Alpha 0L)) 0.999 "the β named"

        testCase "LCM has Stable Diffusion's noise where a config names none"
        <| fun () ->
            let lcm = schedulerConfig [ "_class_name", word "LCMScheduler" ]
            Expect.equal (lcm.BetaStart, lcm.BetaEnd, lcm.BetaSchedule) (0.00085, 0.012, BetaSchedule.ScaledLinear) "β"
            let ddim = schedulerConfig [ "_class_name", word "DDIMScheduler" ]

            Expect.equal
                (ddim.BetaStart, ddim.BetaEnd, ddim.BetaSchedule)
                (0.0001, 0.02, BetaSchedule.Linear)
                "β of DDIM"

            Expect.sequenceEqual (timesteps 4 (Samplers.From lcm)) [ 999.0; 759.0; 499.0; 259.0 ] "its grid"

        testCase "Python's infinity is read"
        <| fun () ->
            Support.withFolder (fun folder ->
                let file = Path.Combine(folder, "scheduler_config.json")

                File.WriteAllText(
                    file,
                    """{"_class_name": "DPMSolverMultistepScheduler",
                        "_note": "a \"-Infinity\"", "lambda_min_clipped": -Infinity}"""
                )

                Expect.equal (SchedulerConfig.Read folder).Solver.LambdaMinClipped -infinity "the limit")

        testCase "a limit on log-SNR leaves the noisiest timesteps out"
        <| fun () ->
            let clipped =
                dpm [ "beta_schedule", word "squaredcos_cap_v2"; "lambda_min_clipped", number -5.1 ]
                |> Samplers.From
                |> timesteps 10

            Expect.isLessThan clipped[0] 999.0 "the first timestep"
            Expect.isGreaterThan clipped[0] 950.0 "the first timestep"

        testCase "the low-resolution picture's noise is that of its config"
        <| fun () ->
            let config = SchedulerConfig.Read(folder "x4-upscaler/low_res_scheduler")
            let root (value: float) = sqrt value
            let count = config.NumTrainTimesteps

            let beta i =
                let share = float i / float (count - 1)
                let linear from until = from + share * (until - from)

                match config.BetaSchedule with
                | BetaSchedule.Linear -> linear config.BetaStart config.BetaEnd
                | BetaSchedule.ScaledLinear -> linear (root config.BetaStart) (root config.BetaEnd) ** 2.0
                | other -> failtest $"no formula for {other}"

            let alpha level =
                Seq.fold (fun product i -> product * (1.0 - beta i)) 1.0 (seq { 0..level })

            use schedule = new NoiseSchedule(config)
            use _ = torch.NewDisposeScope()
            let image, drawn = drawn 1uL, drawn 2uL

            for level in [ 0; 20; 350 ] do
                let noisy =
                    schedule.AddNoise(image, drawn, torch.tensor [| int64 level; int64 level |])

                close 1e-4 $"level {level}" noisy (root (alpha level) * image + root (1.0 - alpha level) * drawn)

        testCase "solver settings are kept by a file"
        <| fun () ->
            Support.withFolder (fun folder ->
                let solver =
                    SolverSettings(
                        UseKarrasSigmas = true,
                        SigmaMin = 0.1,
                        FinalSigmaIsLeast = true,
                        SolverOrder = 3,
                        SolverType = "heun",
                        Stochastic = true,
                        LowerOrderFinal = false,
                        EulerAtFinal = true,
                        LambdaMinClipped = -5.1,
                        PredictX0 = false,
                        SkipPrkSteps = true,
                        LargeVariance = true,
                        OriginalInferenceSteps = 100,
                        TimestepScaling = 5.0,
                        Thresholding = true,
                        DynamicThresholdingRatio = 0.9,
                        SampleMaxValue = 2.0
                    )

                let config = SchedulerConfig(ClassName = "UniPCMultistepScheduler", Solver = solver)
                config.Write folder
                Expect.equal (SchedulerConfig.Read folder).Solver solver "read")

        testList "refuse" [
            refuses "a scheduler that is not known" [ "_class_name"; "DEISMultistepScheduler"; "euler-a" ] (fun () ->
                from [ "_class_name", word "DEISMultistepScheduler" ] |> ignore)
            refuses "a name that is not known" [ "dpm++3m"; "dpm++2m-karras" ] (fun () ->
                Samplers.Named("dpm++3m", SchedulerConfig()) |> ignore)
            for field, value in
                [
                    "algorithm_type", word "magic"
                    "solver_type", word "rk4"
                    "final_sigmas_type", word "one"
                    "timestep_spacing", word "random"
                    "prediction_type", word "flow_prediction"
                    "beta_schedule", word "sigmoid"
                    "use_beta_sigmas", flag true
                    "use_flow_sigmas", flag true
                    "variance_type", word "learned_range"
                    "solver_order", whole 4
                    "sigma_min", number -1.0
                    "use_karas_sigmas", flag true
                ] do
                refuses
                    $"{field} of a value that is not known"
                    [ field; (nonNull value).ToJsonString().Trim '"' ]
                    (fun () -> dpm [ field, value ] |> ignore)
            refuses "two ways to spread levels" [ "use_karras_sigmas"; "use_exponential_sigmas" ] (fun () ->
                dpm [ "use_karras_sigmas", flag true; "use_exponential_sigmas", flag true ]
                |> ignore)
            refuses "a noise solver that ends without noise" [ "final_sigmas_type"; "algorithm_type" ] (fun () ->
                dpm [ "algorithm_type", word "dpmsolver" ] |> Samplers.From |> ignore)
            refuses "a stochastic noise solver of order 3" [ "solver_order"; "sde-dpmsolver" ] (fun () ->
                dpm [
                    "algorithm_type", word "sde-dpmsolver"
                    "solver_order", whole 3
                    "final_sigmas_type", word "sigma_min"
                ]
                |> Samplers.From
                |> ignore)
            for field in [ "lower_order_final"; "predict_x0" ] do
                refuses $"UniPC to no noise without {field}" [ field; "final_sigmas_type" ] (fun () ->
                    from [ "_class_name", word "UniPCMultistepScheduler"; field, flag false ]
                    |> ignore)
            for name in [ "pndm"; "euler-a" ] do
                refuses $"sample prediction by {name}" [ "prediction_type"; "sample" ] (fun () ->
                    Samplers.Named(name, SchedulerConfig(PredictionType = PredictionType.Sample))
                    |> ignore)
            refuses "few steps of PNDM with Runge-Kutta" [ "3 steps"; "skip_prk_steps" ] (fun () ->
                from [ "_class_name", word "PNDMScheduler" ] |> beginning 3)
            refuses "noise prediction from pure noise" [ "rescale_betas_zero_snr"; "epsilon" ] (fun () ->
                from [ "rescale_betas_zero_snr", flag true; "timestep_spacing", word "trailing" ]
                |> beginning 4)
            refuses "more LCM steps than the model was distilled on" [ "51 steps"; "50" ] (fun () ->
                from [ "_class_name", word "LCMScheduler" ] |> beginning 51)
        ]

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
