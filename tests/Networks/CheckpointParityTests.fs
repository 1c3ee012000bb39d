module Recipes.Tests.CheckpointParityTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Models
open Recipes.Core.Pipelines
open Recipes.Core.Weights
open Recipes.Tests.Agreement

let private original = Path.Combine(Support.golden, "sd1-original.safetensors")

let private loadOriginal () =
    use source = CheckpointSource.Open(original, folder "sd1")
    StableDiffusionModel.Load(source :> IModelSource)

let private networks (model: StableDiffusionModel) : (string * torch.nn.Module) list = [
    "unet", model.UNet
    "vae", model.Vae
    for tower in model.TextEncoders do
        "text encoder", tower
]

let private alike (actual: Tensor) (expected: Tensor) =
    shape actual = shape expected && actual.eq(expected).all().item<bool>()

/// Every weight of both models is the same, bit by bit.
let private same (actual: StableDiffusionModel) (expected: StableDiffusionModel) =
    for (name, found), (_, wanted) in List.zip (networks actual) (networks expected) do
        let found, wanted = found.state_dict (), wanted.state_dict ()
        Expect.equal (Set.ofSeq found.Keys) (Set.ofSeq wanted.Keys) $"{name}: keys"

        for pair in wanted do
            Expect.isTrue (alike found[pair.Key] pair.Value) $"{name}: {pair.Key}"

let private draw (model: StableDiffusionModel) seed (like: Tensor) steps guidance prompts negatives =
    let factor = int64 model.Vae.Config.Factor

    let latents =
        torch.randn (
            [|
                like.shape[0]
                model.Vae.Config.LatentChannels
                like.shape[2] / factor
                like.shape[3] / factor
            |],
            generator = new torch.Generator(seed, torch.CPU)
        )

    let request =
        TextToImageRequest(
            Prompts = prompts,
            NegativePrompts = negatives,
            Seeds = Array.replicate (int like.shape[0]) 0UL,
            Steps = steps,
            Guidance = guidance,
            Height = int like.shape[2],
            Width = int like.shape[3]
        )

    TextToImage.RunTensor(model, request, latents) * 0.5 + 0.5

/// The tensors of a file, for comparison with another's.
let private contents (path: string) =
    use file = SafeTensorsFile.Open path

    Map.ofSeq (
        seq {
            for tensor in file.Tensors.Values do
                tensor.Name, (tensor.DType, List.ofArray tensor.Shape, file.Bytes(tensor.Name).ToArray())
        }
    )

let private folders = [ "sd1"; "sd2"; "sdxl"; "inpaint"; "x4-upscaler" ]

[<Tests>]
let parity =
    testList "parity" [
        testList "single file" [
            quietly "sd1-original holds the weights of sd1" (fun () ->
                use actual = loadOriginal ()
                use expected = StableDiffusionModel.Load(folder "sd1")
                same actual expected)

            testCase "sd1-original draws the reference's pictures" (fun () ->
                withFile "pipelines" (fun file read ->
                    use model = loadOriginal ()
                    let expected = read "sd1.txt2img"
                    let seed = (setting<Dictionary<string, uint64>> file "seeds")["sd1.txt2img"]

                    let prompts, negatives =
                        setting<string[]> file "prompts", setting<string[]> file "negative"

                    let steps, guidance = setting<int> file "steps", setting<double> file "guidance"
                    let actual = draw model seed expected steps guidance prompts negatives
                    close pipelineTolerance "pictures" (actual.clamp ((0.0).ToScalar(), (1.0).ToScalar())) expected))

            quietly "sd1-original, saved again, is the same file" (fun () ->
                Support.withFolder (fun target ->
                    use model = loadOriginal ()
                    let path = Path.Combine(target, "again.safetensors")
                    CheckpointWriter.Save(model, path)
                    let found, wanted = contents path, contents original
                    Expect.equal (Set.ofSeq found.Keys) (Set.ofSeq wanted.Keys) "keys"

                    for KeyValue(key, value) in wanted do
                        Expect.equal found[key] value key))
        ]
    ]

[<Tests>]
let tests =
    testList "checkpoint files" [
        for name in folders do
            quietly $"{name}: folder, single file and folder again" (fun () ->
                Support.withFolder (fun target ->
                    use model = StableDiffusionModel.Load(folder name)
                    let file = Path.Combine(target, "model.safetensors")
                    CheckpointWriter.Save(model, file)
                    use back = StableDiffusionModel.Load file
                    same back model
                    Expect.equal back.PipelineClass model.PipelineClass "pipeline"
                    Expect.equal back.Scheduler.PredictionType model.Scheduler.PredictionType "prediction"
                    Expect.equal back.UNet.Config.SampleSize model.UNet.Config.SampleSize "latents"
                    Expect.equal back.ForceZerosForEmptyPrompt model.ForceZerosForEmptyPrompt "empty prompts"
                    Expect.equal back.MaxNoiseLevel model.MaxNoiseLevel "noise level"
                    let text = "a photo of a dog!"

                    for index in 0 .. model.Tokenizers.Count - 1 do
                        Expect.equal
                            (back.Tokenizers[index].Encode text)
                            (model.Tokenizers[index].Encode text)
                            "tokens"

                    let again = Path.Combine(target, "folder")
                    ModelFolderWriter.Save(back, again)
                    use third = StableDiffusionModel.Load again
                    same third model

                    Expect.equal (ModelFolder.Read(again).Family) (ModelFolder.Read(folder name).Family) "family"

                    Expect.equal
                        (ModelFolder.Read(file).ParameterCount)
                        (ModelFolder.Read(folder name).ParameterCount)
                        "weights"))

        quietly "OpenCLIP's tower: one map for query, key and value; the last layer dropped" (fun () ->
            Support.withFolder (fun target ->
                use model = StableDiffusionModel.Load(folder "sd2")
                let file = Path.Combine(target, "model.safetensors")
                CheckpointWriter.Save(model, file)
                let prefix = "cond_stage_model.model.transformer.resblocks."
                let state = model.TextEncoder.state_dict ()

                let joint =
                    torch.cat [|
                        for map in [ "q"; "k"; "v" ] ->
                            state[$"text_model.encoder.layers.0.self_attn.{map}_proj.weight"]
                    |]

                (use saved = SafeTensorsFile.Open file
                 Expect.isTrue (alike (saved.Read $"{prefix}0.attn.in_proj_weight") joint) "rows")

                // The published files hold the whole tower.
                let last = int model.TextEncoder.Config.NumHiddenLayers
                let width = model.TextEncoder.Config.HiddenSize
                let entries = OriginalFiles.read file

                OriginalFiles.write
                    file
                    (entries
                     @ [
                         for tensor in entries do
                             if tensor.Key.StartsWith $"{prefix}{last - 1}." then
                                 {
                                     tensor with
                                         Key = tensor.Key.Replace($"{prefix}{last - 1}.", $"{prefix}{last}.")
                                 }
                         OriginalFiles.entry "cond_stage_model.model.text_projection" [ width; width ]
                         OriginalFiles.entry "cond_stage_model.model.logit_scale" []
                     ])

                use back = StableDiffusionModel.Load file
                same back model))

        quietly "SDXL's projection is transposed" (fun () ->
            Support.withFolder (fun target ->
                use model = StableDiffusionModel.Load(folder "sdxl")
                let file = Path.Combine(target, "model.safetensors")
                CheckpointWriter.Save(model, file)
                use saved = SafeTensorsFile.Open file
                let projection = model.TextEncoders[1].state_dict()["text_projection.weight"]
                let stored = saved.Read "conditioner.embedders.1.model.text_projection"
                Expect.isTrue (alike stored (projection.t ())) "values"))

        quietly "half precision, into half precision" (fun () ->
            Support.withFolder (fun target ->
                use model = StableDiffusionModel.Load(folder "sdxl")
                let file = Path.Combine(target, "half.safetensors")
                CheckpointWriter.Save(model, file, torch.float16, dict [ "modelspec.title", "Half" ] |> Dictionary)

                (use saved = SafeTensorsFile.Open file
                 Expect.equal saved.Metadata["modelspec.title"] "Half" "title"
                 Expect.all saved.Tensors.Values (fun tensor -> tensor.DType = DType.F16) "types")

                use half = StableDiffusionModel.Load(file, dtype = torch.bfloat16)
                let key = "text_model.encoder.layers.1.self_attn.v_proj.weight"
                let found = half.TextEncoders[1].state_dict()[key]
                let wanted = model.TextEncoders[1].state_dict()[key]
                Expect.equal found.dtype torch.bfloat16 "type"
                Expect.isTrue (alike found (wanted.half().``to`` torch.bfloat16)) "values"))

        quietly "a folder is not written over" (fun () ->
            use model = StableDiffusionModel.Load(folder "sd1")
            Faults.expect [ "exists already" ] (fun () -> ModelFolderWriter.Save(model, folder "sd1")))
    ]
