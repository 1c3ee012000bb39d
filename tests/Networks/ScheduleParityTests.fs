module Recipes.Tests.ScheduleParityTests

open System.IO
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core.Schedules
open Recipes.Core.Weights
open Recipes.Tests.Agreement

/// The config all rows of the file start from, with some fields changed.
let private config (changes: (string * JsonNode | null) list) =
    let fields =
        File.ReadAllText(Path.Combine(folder "sd1", "scheduler", "scheduler_config.json"))
        |> JsonNode.Parse
        |> nonNull
        |> _.AsObject()

    for field, value in changes do
        fields[field] <- value

    let file = Path.GetTempFileName()

    try
        File.WriteAllText(file, fields.ToJsonString())
        SchedulerConfig.Read file
    finally
        File.Delete file

let private flag (value: bool) : JsonNode | null = JsonValue.Create value
let private word (value: string) : JsonNode | null = JsonValue.Create value

let private sampler (row: string) : DdimSampler =
    match row.Split '.' with
    | [| name; prediction |] ->
        let prediction = "prediction_type", word prediction

        match name with
        | "ddim" -> DdimSampler(config [ prediction ])
        | "ddim-eta1" -> DdimSampler(config [ prediction ], 1.0)
        | "ddim-zsnr" ->
            let spacing = "timestep_spacing", word "trailing"
            DdimSampler(config [ prediction; "rescale_betas_zero_snr", flag true; spacing ])
        | other -> failtest $"unknown row {other}"
    | _ -> failtest $"unknown row {row}"

/// The stand-in for a network that the settings describe.
let private model (input: Tensor) (timestep: float) =
    input.tanh () * 0.5 + 0.1 * cos (timestep / 100.0)

/// Samples as the row's reference did, from the same seeds.
let private follow (file: SafeTensorsFile) (read: string -> Tensor) row =
    Expect.equal (text file "model_output") "0.5*tanh(scaled_input) + 0.1*cos(t/100)" "the stand-in for a network"

    let generator key =
        new torch.Generator(setting<uint64> file key, torch.CPU)

    let expected = read $"{row}.trajectory"
    use sampling = (sampler row).Begin(setting<int> file "steps")
    use noise = new NoiseSource(ResizeArray [ generator "noise_seed" ])
    let timesteps = read $"{row}.timesteps"
    Expect.sequenceEqual sampling.Timesteps (timesteps.data<float32>() |> Seq.map double) $"{row}: timesteps"
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
            testCase "DDIM"
            <| fun () ->
                withFile "schedulers" (fun file read ->
                    let rows =
                        file.Tensors.Keys
                        |> Seq.filter (fun key -> key.StartsWith "ddim" && key.EndsWith ".trajectory")
                        |> Seq.map _.Replace(".trajectory", "")
                        |> List.ofSeq

                    Expect.isNonEmpty rows "the file holds rows of DDIM"
                    List.iter (follow file read) rows)
        ]
    ]
