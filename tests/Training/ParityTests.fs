module Recipes.Tests.TrainingParityTests

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open TorchSharp.Modules
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open Recipes.Core.Pipelines
open Recipes.Core.Schedules
open Recipes.Core.Training
open Recipes.Core.Weights

type private Tensor = torch.Tensor
type private Module = torch.nn.Module

let private read name =
    SafeTensorsFile.Open(Path.Combine(Support.golden, name))

let private text (file: SafeTensorsFile) key =
    match file.Metadata.TryGetValue key with
    | true, value when value <> "null" -> Some value
    | _ -> None

let private number (file: SafeTensorsFile) key =
    text file key
    |> Option.map (fun value -> Double.Parse(value, CultureInfo.InvariantCulture))

let private floats (tensor: Tensor) = [
    for value in tensor.``to``(torch.float64).flatten().data<double>().ToArray() -> value
]

/// The batches that a file holds, one a step.
let private batches (file: SafeTensorsFile) =
    let latents, noise, times, context =
        file.Read "latents", file.Read "noise", file.Read "t", file.Read "ctx"

    {
        new IBatchSource with
            member _.Batch number =
                DenoisingBatch(latents[number], noise[number], times[number], context.alias ())
    }

let private frobenius (tensor: Tensor) =
    tensor.``to``(torch.float64).norm().item<double>()

/// The base's noise, with the prediction type that the file names.
let private scheduler (file: SafeTensorsFile) =
    let path = Path.Combine(Support.golden, "sd1", "scheduler", "scheduler_config.json")
    let json = JsonNode.Parse(File.ReadAllText path) |> nonNull

    match text file "target" with
    | Some target -> json["prediction_type"] <- JsonValue.Create target
    | None -> ()

    let folder = Directory.CreateTempSubdirectory "recipes-test-"

    try
        File.WriteAllText(Path.Combine(folder.FullName, "scheduler_config.json"), json.ToJsonString())
        SchedulerConfig.Read folder.FullName
    finally
        folder.Delete true

/// Runs the file's steps and compares losses and norms.
let private run (file: SafeTensorsFile) (model: StableDiffusionModel) parameters prior =
    use schedule = new NoiseSchedule(scheduler file)
    let steps = file.Info("loss").Shape[0]

    let options =
        DenoisingStepOptions(
            Rate = LearningRate(Rate = (number file "lr").Value, Steps = steps),
            Optimiser = AdamWOptions(WeightDecay = (number file "weight_decay").Value),
            ClipNorm = Option.toNullable (number file "clip"),
            Loss =
                DiffusionLossOptions(
                    MinSnrGamma = Option.toNullable (number file "snr_gamma"),
                    PriorWeight = Option.toNullable prior
                )
        )

    let network =
        Func<Tensor, Tensor, Tensor, Tensor>(fun x t context -> model.UNet.forward (x, t, context))

    use step = new DenoisingStep(network, schedule, batches file, parameters, options)
    let results = [ for i in 0L .. steps - 1L -> step.Run i ]

    for i, (result, loss) in List.indexed (List.zip results (floats (file.Read "loss"))) do
        Expect.isLessThan (abs (result.Loss - loss)) 1e-5 $"the loss of step {i}"

    for i, (result, norm) in List.indexed (List.zip results (floats (file.Read "grad_norm"))) do
        Expect.isLessThan (abs (result.GradientNorm - norm) / norm) 1e-3 $"the gradients' norm at step {i}"

/// Adam turns any gradient but zero into a step of the learning rate's size: where the reference moved far less, as in
/// the queries of an attention to one position, the gradient is rounding noise around zero, and the same size is asked.
let private changedAlike rate (name: string) (start: Tensor) (final: Tensor) (wanted: Tensor) =
    let change = wanted - start
    let size = frobenius change
    let noise = 1e-3 * rate * sqrt (float (change.numel ()))

    if size < noise then
        Expect.isLessThan (frobenius (final - start)) noise $"the change of {name}, as good as none"
    else
        Expect.isLessThan (frobenius (final - wanted) / size) 2e-2 $"the change of {name}"

let private lora name = test name {
    use _ = torch.NewDisposeScope()
    use file = read $"{name}.safetensors"
    use model = StableDiffusionModel.Load(Path.Combine(Support.golden, "sd1"))

    // The initial weights stand in the file, under the names of an adapter file with "init." before them.
    Support.withFolder (fun folder ->
        let path = Path.Combine(folder, "init.safetensors")

        let part (prefix: string) =
            dict [
                for key in file.Tensors.Keys do
                    if key.StartsWith prefix then
                        key.Substring prefix.Length, file.Read key
            ]

        let initial, final = part "init.", part "final."
        let alpha = (number file "alpha").Value

        let metadata =
            readOnlyDict [ "lora_adapter_metadata", $"{{\"unet.lora_alpha\": {alpha}}}" ]

        SafeTensorsWriter.Write(path, initial, metadata)
        use set = LoraSet.Load(path, readOnlyDict [ "unet", (model.UNet :> Module) ])
        Expect.equal (2 * set.Adapters.Count) initial.Count "adapters"
        Expect.equal (float set.Adapters[0].Rank) (number file "rank").Value "the rank"
        run file model set.Parameters None
        let saved = Path.Combine(folder, "final.safetensors")
        set.Save saved
        use trained = SafeTensorsFile.Open saved
        Expect.equal trained.Tensors.Count final.Count "tensors"

        for KeyValue(key, wanted) in final do
            changedAlike (number file "lr").Value key initial[key] (trained.Read $"unet.{key}") wanted)
}

let private dreamBooth = test "train-dreambooth" {
    use _ = torch.NewDisposeScope()
    use file = read "train-dreambooth.safetensors"
    use model = StableDiffusionModel.Load(Path.Combine(Support.golden, "sd1"))

    let parameters = [
        for struct (name, parameter) in model.UNet.named_parameters () do
            parameter.requires_grad <- true
            NamedParameter(name, parameter)
    ]

    let initial =
        dict [ for item in parameters -> item.Name, item.Parameter.detach().clone() ]

    run file model parameters (number file "prior_weight")

    for key in file.Tensors.Keys do
        if key.StartsWith "final." then
            // "mid" is short for the first cross-attention of the middle block.
            let name =
                match key.Substring 6 with
                | "mid" -> "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"
                | name -> name

            let trained = parameters |> List.find (fun item -> item.Name = name)
            changedAlike (number file "lr").Value name initial[name] (trained.Parameter.detach ()) (file.Read key)
}

let private adapter (name: string) (fileName: string) = test $"{name} {fileName}" {
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    use io = read $"{name}-io.safetensors"
    use model = StableDiffusionModel.Load(Path.Combine(Support.golden, "sd1"))

    let networks =
        readOnlyDict [
            "unet", (model.UNet :> Module)
            "text_encoder", (model.TextEncoder :> Module)
        ]

    let path = Path.Combine(Support.golden, name, fileName)
    use pytorch = read (Path.Combine(name, "pytorch_lora_weights.safetensors"))
    use set = LoraSet.Load(path, networks)

    // The reference, reading a file that spells some keys as PEFT does, passes over those that it spells otherwise
    // itself; its outputs are those without them.
    let peft, other =
        set.Adapters
        |> List.ofSeq
        |> List.partition (fun a -> pytorch.Tensors.ContainsKey $"{a.Name}.lora_A.weight")

    let read' = if peft.IsEmpty then other else peft

    let run () =
        model.UNet.forward (io.Read "x", io.Read "t", io.Read "ctx")

    let differs (scale: float) =
        set.Scale <- 0.0

        for adapter in read' do
            adapter.Scale <- scale

        (run () - io.Read $"unet_scale{string scale}").abs().max().item<float32>()
        |> float

    for key in io.Tensors.Keys do
        if key.StartsWith "unet_scale" then
            let scale = Double.Parse(key.Substring 10, CultureInfo.InvariantCulture)
            Expect.isLessThan (differs scale) 1e-4 $"scale {scale}"

    set.Scale <- 1.0
    Expect.equal set.Adapters[0].Rank (int (number io "rank").Value) "the rank"
    let unet = set.Adapters |> Seq.filter (fun a -> a.Component = "unet") |> List.ofSeq
    Expect.isTrue (unet |> List.forall (fun a -> a.Alpha = (number io "alpha").Value)) "alpha"

    let targets =
        JsonSerializer.Deserialize<string[]>((text io "targets").Value) |> nonNull

    let layers = [
        for struct (path, layer) in model.UNet.named_modules () do
            match box layer with
            | :? IAdaptable -> path
            | _ -> ()
    ]

    let covered = LoraTargets.Select(targets, layers, "targets")
    Expect.equal [ for a in unet -> a.Path ] (List.ofSeq covered) "the targets cover the file's layers"

    let all = run ()

    // Saving gives the file's own keys where it does not mix spellings, and the same output when loaded again.
    Support.withFolder (fun folder ->
        let saved = Path.Combine(folder, "again.safetensors")
        set.Save saved
        use again = SafeTensorsFile.Open saved

        if peft.IsEmpty then
            let keys (file: SafeTensorsFile) =
                file.Tensors.Keys |> Seq.map _.Replace("text_model.", "") |> Set.ofSeq

            Expect.equal (keys again) (keys pytorch) "keys"

        set.Detach()
        use loaded = LoraSet.Load(saved, networks)
        Expect.equal ((run () - all).abs().max().item<float32>()) 0.0f "loaded again")

    set.Attach()
    set.Merge()
    Expect.isLessThan ((run () - all).abs().max().item<float32>()) 1e-4f "merged"
}

[<Tests>]
let tests =
    testList "parity" [
        testList "training" [ lora "train-lora"; lora "train-lora-v"; lora "train-lora-minsnr"; dreamBooth ]
        testList "adapters" [
            for name in [ "lora-attn"; "lora-attn-text"; "lora-all" ] do
                adapter name "pytorch_lora_weights.safetensors"
                adapter name "kohya.safetensors"

            adapter "lora-dora" "pytorch_lora_weights.safetensors"
        ]
    ]
