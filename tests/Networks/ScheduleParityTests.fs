module Recipes.Tests.ScheduleParityTests

open System.IO
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core.Schedules
open Recipes.Core.Weights
open Recipes.Tests.Agreement

/// The config of sd1, with some fields changed, and of its own only those that are kept.
let private changedConfig keeps (changes: (string * JsonNode | null) list) =
    let fields =
        File.ReadAllText(Path.Combine(folder "sd1", "scheduler", "scheduler_config.json"))
        |> JsonNode.Parse
        |> nonNull
        |> _.AsObject()

    schedulerConfig [
        for field in fields do
            if keeps field.Key then
                field.Key, field.Value
        yield! changes
    ]

let private config changes = changedConfig (fun _ -> true) changes

/// Those that say what noise a model was trained with, and not how to sample.
let private isNoise (field: string) =
    field.StartsWith "beta_" || field = "num_train_timesteps"

let private flag (value: bool) : JsonNode | null = JsonValue.Create value
let private word (value: string) : JsonNode | null = JsonValue.Create value

/// What the first part of a row's name stands for: the scheduler, the fields that were changed for it, and whether its
/// timesteps are sd1's too. The others have all but the noise as their class has it.
let private classes = [
    "dpmpp-2m", ("DPMSolverMultistepScheduler", [], false)
    "euler-a", ("EulerAncestralDiscreteScheduler", [], true)
    "euler", ("EulerDiscreteScheduler", [], true)
    "heun", ("HeunDiscreteScheduler", [], false)
    "unipc", ("UniPCMultistepScheduler", [], false)
    "ddim", ("DDIMScheduler", [], true)
    "ddpm", ("DDPMScheduler", [ "clip_sample", flag false ], false)
    "pndm", ("PNDMScheduler", [ "skip_prk_steps", flag true ], true)
    "lcm", ("LCMScheduler", [], true)
]

/// What the other parts stand for.
let private changed =
    function
    | "karras" -> [ "use_karras_sigmas", flag true ]
    | "sde" -> [ "algorithm_type", word "sde-dpmsolver++" ]
    | "zsnr" -> [ "rescale_betas_zero_snr", flag true; "timestep_spacing", word "trailing" ]
    | "leading"
    | "trailing"
    | "linspace" as spacing -> [ "timestep_spacing", word spacing ]
    | other -> failtest $"unknown part {other} of a row's name"

let private sampler (row: string) : ISampler =
    let name, prediction =
        match row.Split '.' with
        | [| name; prediction |] -> name, prediction
        | _ -> failtest $"unknown row {row}"

    match
        classes
        |> List.tryFind (fun (start, _) -> name = start || name.StartsWith $"{start}-")
    with
    | None -> failtest $"unknown row {row}"
    | Some(start, (scheduler, fields, spaced)) ->
        let parts =
            name.Substring(start.Length).Split('-', System.StringSplitOptions.RemoveEmptyEntries)
            |> List.ofArray

        let etas, parts = parts |> List.partition _.StartsWith("eta")

        let config =
            changedConfig (fun field -> spaced || isNoise field) [
                "_class_name", word scheduler
                "prediction_type", word prediction
                yield! fields
                yield! List.collect changed parts
            ]

        match etas with
        | [] -> Samplers.From config
        | eta :: _ -> DdimSampler(config, float (eta.Substring 3))

/// The stand-in for a network that the settings describe.
let private model (input: Tensor) (timestep: float) =
    input.tanh () * 0.5 + 0.1 * cos (timestep / 100.0)

/// Passes when all numbers agree to a few roundings of float32.
let private near row what (actual: double seq) (expected: double seq) =
    Expect.hasLength actual (Seq.length expected) $"{row}: {what}"

    for found, wanted in Seq.zip actual expected do
        Expect.isLessThanOrEqual (abs (found - wanted)) (1e-5 * abs wanted) $"{row}: {what} {found}, {wanted}"

/// The rows of the file, by their trajectories.
let private rows () =
    use file = SafeTensorsFile.Open(folder "schedulers.safetensors")

    file.Tensors.Keys
    |> Seq.filter _.EndsWith(".trajectory")
    |> Seq.map _.Replace(".trajectory", "")
    |> List.ofSeq

/// Samples as the row's reference did, from the same seeds.
let private follow (file: SafeTensorsFile) (read: string -> Tensor) (row: string) =
    Expect.equal (text file "model_output") "0.5*tanh(scaled_input) + 0.1*cos(t/100)" "the stand-in for a network"

    let generator key =
        new torch.Generator(setting<uint64> file key, torch.CPU)

    let expected = read $"{row}.trajectory"

    let timesteps =
        (read $"{row}.timesteps").data<float32>() |> Seq.map double |> List.ofSeq
    // LCM takes few steps, as many as its timesteps.
    let steps =
        if row.StartsWith "lcm" then
            timesteps.Length
        else
            setting<int> file "steps"

    use sampling = (sampler row).Begin steps
    use noise = new NoiseSource(ResizeArray [ generator "noise_seed" ])
    near row "timesteps" sampling.Timesteps timesteps

    if file.Tensors.ContainsKey $"{row}.sigmas" then
        near row "sigmas" sampling.Sigmas ((read $"{row}.sigmas").data<float32>() |> Seq.map double)

    let start = torch.randn (expected[0].shape, generator = generator "latent_seed")
    let mutable sample = start * sampling.InitialSigma
    let states = ResizeArray [ sample ]

    for index in 0 .. sampling.Timesteps.Count - 1 do
        let output = model (sampling.ScaleInput(sample, index)) sampling.Timesteps[index]
        sample <- sampling.Step(output, index, sample, noise)
        states.Add sample

    closeRelative forwardTolerance row (torch.stack (states, 0L)) expected

[<Tests>]
let tests =
    testList "parity" [
        testList "schedulers" [
            testCase "training noise"
            <| fun () ->
                withFile "schedulers" (fun _ read ->
                    use schedule = new NoiseSchedule(config [])
                    let x0, noise, t = read "add_noise.x0", read "add_noise.noise", read "add_noise.t"
                    close forwardTolerance "noisy" (schedule.AddNoise(x0, noise, t)) (read "add_noise.out")
                    close forwardTolerance "velocity" (schedule.Velocity(x0, noise, t)) (read "velocity.out")
                    let ratio = schedule.Snr t / read "snr.out"
                    close forwardTolerance "signal-to-noise ratio" ratio (torch.ones_like ratio))
            testList "trajectories" [
                for row in rows () do
                    testCase row
                    <| fun () -> withFile "schedulers" (fun file read -> follow file read row)
            ]
            testCase "every tensor of the file is compared"
            <| fun () ->
                withFile "schedulers" (fun file _ ->
                    let compared = [
                        yield! [ "add_noise.x0"; "add_noise.noise"; "add_noise.t"; "add_noise.out" ]
                        yield! [ "velocity.out"; "snr.out" ]

                        for row in rows () do
                            yield! [ $"{row}.trajectory"; $"{row}.timesteps"; $"{row}.sigmas" ]
                    ]

                    Expect.isNonEmpty (rows ()) "there are rows"
                    Expect.isEmpty (Seq.except compared file.Tensors.Keys) "tensors that no test reads")
        ]
    ]
