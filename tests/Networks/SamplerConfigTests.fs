module Recipes.Tests.SamplerConfigTests

open System.IO
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Schedules
open Recipes.Tests.Agreement

let private flag (value: bool) : JsonNode | null = JsonValue.Create value
let private word (value: string) : JsonNode | null = JsonValue.Create value
let private whole (value: int) : JsonNode | null = JsonValue.Create value
let private number (value: float) : JsonNode | null = JsonValue.Create value

let private drawn seed =
    torch.randn (2L, 4L, 3L, 3L, generator = new torch.Generator(seed, torch.CPU))

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
    testList "sampler configs" [
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
    ]
