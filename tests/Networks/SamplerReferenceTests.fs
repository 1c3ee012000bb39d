/// Sums that the reference implementation's own tests assert: one sample, a stand-in for a network, and a config each.
module Recipes.Tests.SamplerReferenceTests

open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core.Schedules
open Recipes.Tests.Agreement

let private flag (value: bool) : JsonNode | null = JsonValue.Create value
let private word (value: string) : JsonNode | null = JsonValue.Create value
let private number (value: float) : JsonNode | null = JsonValue.Create value
let private whole (value: int) : JsonNode | null = JsonValue.Create value

/// Numbers in the reference's order in memory: images last.
let private counted (numbers: Tensor) =
    (numbers.reshape (3L, 8L, 8L, 4L) / 768).permute(3L, 0L, 1L, 2L)

let private model (sample: Tensor) timestep = sample * (timestep / (timestep + 1.0))

type private Case = {
    Name: string
    Class: string
    Fields: (string * JsonNode | null) list
    Steps: int
    /// The step of the way that a noisy sample starts from.
    Start: int option
    /// Whether a step is given the scaled sample, as in the reference's tests of Euler and Heun.
    FedBack: bool
    Sum: float option
    Mean: float
}

let private linear = [
    "beta_start", number 0.0001
    "beta_end", number 0.02
    "beta_schedule", word "linear"
]

let private case name scheduler fields = {
    Name = name
    Class = scheduler
    Fields = linear @ fields
    Steps = 10
    Start = None
    FedBack = false
    Sum = None
    Mean = 0.0
}

let private giving sum mean case = {
    case with
        Sum = Some sum
        Mean = mean
}

let private meaning mean case = { case with Mean = mean }
let private from start case = { case with Start = Some start }
let private velocity = "prediction_type", word "v_prediction"
let private karras = "use_karras_sigmas", flag true

let private ddim name fields = case name "DDIMScheduler" fields
let private pndm name fields = case name "PNDMScheduler" fields

let private longer name scheduler fields = {
    case name scheduler ([ "num_train_timesteps", whole 1100 ] @ fields) with
        FedBack = true
}

let private euler name fields =
    longer name "EulerDiscreteScheduler" fields

let private ancestral name fields =
    longer name "EulerAncestralDiscreteScheduler" fields

let private heun name fields =
    longer name "HeunDiscreteScheduler" fields

let private toLeast = "final_sigmas_type", word "sigma_min"

let private dpm name fields =
    case name "DPMSolverMultistepScheduler" ([ toLeast; "lower_order_final", flag false ] @ fields)

let private unipc name fields =
    case name "UniPCMultistepScheduler" ([ toLeast ] @ fields)

let private ddpm name fields = {
    case name "DDPMScheduler" fields with
        Steps = 1000
}

let private lcm name steps = {
    case name "LCMScheduler" [] with
        Fields = []
        Steps = steps
}

let private thresholds: (string * JsonNode | null) list = [
    "thresholding", flag true
    "dynamic_thresholding_ratio", number 0.87
    "sample_max_value", number 0.5
]

let private cases = [
    ddim "DDIM" [] |> giving 172.0067 0.223967
    ddim "DDIM, v" [ velocity ] |> giving 52.5302 0.0684
    ddim "DDIM, last alpha 1" [ "beta_start", number 0.01; "set_alpha_to_one", flag true ]
    |> giving 149.8295 0.1951
    ddim "DDIM, last alpha the first" [ "beta_start", number 0.01; "set_alpha_to_one", flag false ]
    |> giving 149.0784 0.1941
    ddim "DDIM, from step 8" [] |> from 8 |> giving 354.5418 0.4616
    pndm "PNDM" [] |> giving 198.1318 0.2580
    pndm "PNDM, v" [ velocity ] |> giving 67.3986 0.0878
    pndm "PNDM, last alpha 1" [ "beta_start", number 0.01; "set_alpha_to_one", flag true ]
    |> giving 230.0399 0.2995
    pndm "PNDM, last alpha the first" [ "beta_start", number 0.01 ]
    |> giving 186.9482 0.2434
    euler "Euler" [] |> giving 10.0807 0.0131
    // The loop as a pipeline has it: no value of the reference's, but computed apart from it in double precision.
    {
        euler "Euler, not fed back" [] with
            FedBack = false
    }
    |> giving 168.05 0.21882
    euler "Euler, v" [ velocity ] |> giving 0.0002 2.2676e-6
    euler "Euler, Karras" [ karras ] |> giving 124.52299 0.162139
    euler "Euler, from step 8" [] |> from 8 |> giving 57062.9297 74.3007
    ancestral "Euler ancestral" [] |> giving 152.3192 0.1983
    ancestral "Euler ancestral, v" [ velocity ] |> giving 108.4439 0.1412
    ancestral "Euler ancestral, from step 8" []
    |> from 8
    |> giving 56163.0508 73.1290
    heun "Heun" [] |> giving 0.1233 0.0002
    heun "Heun, v" [ velocity ] |> giving 4.6934e-7 6.1112e-10
    heun "Heun, Karras" [ karras ] |> giving 0.00015 1.98695e-7
    heun "Heun, from step 8" [] |> from 8 |> giving 75074.8906 97.7538
    dpm "DPM++ 2M" [] |> giving 253.552879 0.3301
    dpm "DPM++ 2M, v" [ velocity ] |> giving 172.8763 0.2251
    dpm "DPM++ 2M, v, Karras" [ velocity; karras ] |> meaning 0.2096
    dpm "DPM++ 2M, v, Lu" [ velocity; "use_lu_lambdas", flag true ]
    |> meaning 0.1554
    dpm "DPM++ 2M, thresholding" thresholds |> meaning 1.1364
    dpm "DPM++ 2M, from step 5" [] |> from 5 |> giving 318.4111 0.4146
    unipc "UniPC" [] |> meaning 0.2464
    unipc "UniPC, v" [ velocity ] |> meaning 0.1014
    unipc "UniPC, Karras" [ karras ] |> meaning 0.2925
    unipc "UniPC, v, Karras" [ velocity; karras ] |> meaning 0.1966
    unipc "UniPC, from step 8" [] |> from 8 |> giving 315.5757 0.4109
    ddpm "DDPM" [] |> giving 258.9606 0.3372
    ddpm "DDPM, v" [ velocity ] |> giving 202.0296 0.2631
    ddpm "DDPM, from step 998" [] |> from 998 |> giving 387.9466 0.5051
    lcm "LCM, one step" 1 |> giving 18.7097 0.0244
    lcm "LCM" 10 |> giving 197.7616 0.2575
]

let private run case =
    let config = schedulerConfig ([ "_class_name", word case.Class ] @ case.Fields)
    use sampling = (Samplers.From config).Begin case.Steps
    use noise = new NoiseSource(ResizeArray [ new torch.Generator(0uL, torch.CPU) ])

    let counted =
        torch.arange (768, dtype = torch.float32)
        |> fun numbers -> counted numbers, counted (numbers.flip 0L)

    let first = (Option.defaultValue 0 case.Start) * sampling.Order

    let mutable sample = fst counted * sampling.InitialSigma

    if case.Start.IsSome then
        sample <- sampling.AddNoise(sample, snd counted, first)

    for index in first .. sampling.Timesteps.Count - 1 do
        let input = sampling.ScaleInput(sample, index)
        let output = model input sampling.Timesteps[index]
        sample <- sampling.Step(output, index, (if case.FedBack then input else sample), noise)

    sample.``to``(torch.float64).abs()

[<Tests>]
let tests =
    testList "sampler reference" [
        for case in cases do
            quietly case.Name (fun () ->
                let values = run case
                let sum, mean = values.sum().item<double>(), values.mean().item<double>()

                // The reference sums in float32, of which large sums keep 7 digits.
                match case.Sum with
                | Some expected -> Expect.floatClose { absolute = 1e-2; relative = 1e-6 } sum expected "sum"
                | None -> ()

                Expect.floatClose { absolute = 1e-3; relative = 1e-6 } mean case.Mean "mean")
    ]
