module Recipes.Tests.ConfigTests

open System
open System.IO
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Schedules
open Recipes.Core.Weights

let private source = Path.Combine(Support.golden, "sd1")

let rec private copy (from: string) (target: string) =
    Directory.CreateDirectory target |> ignore

    for file in Directory.GetFiles from do
        File.Copy(file, Path.Combine(target, nonNull (Path.GetFileName file)))

    for inner in Directory.GetDirectories from do
        copy inner (Path.Combine(target, nonNull (Path.GetFileName inner)))

let private change (file: string) (field: string) (json: string) =
    let fields = (nonNull (JsonNode.Parse(File.ReadAllText file))).AsObject()
    fields[field] <- JsonNode.Parse json
    File.WriteAllText(file, fields.ToJsonString())

/// The error of loading the tiny model with one change.
let private loading (spoil: string -> unit) =
    let mutable found = None

    Support.withFolder (fun folder ->
        copy source folder
        spoil folder

        try
            use model = StableDiffusionModel.Load folder
            failtest $"{model.Folder} was loaded"
        with :? RecipesException as e ->
            found <- Some e.Message)

    Option.get found

let private refuses part file field json (words: string list) =
    testCase $"{part}: {field} {json}"
    <| fun () ->
        let message =
            loading (fun folder -> change (Path.Combine(folder, part, file)) field json)

        for word in words do
            Expect.stringContains message word "the message"

let private config part field json words =
    refuses part "config.json" field json (field :: words)

/// Writes the UNet's weights again with other keys.
let private rekey (rename: string -> string option) folder =
    let path = Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors")

    let tensors =
        use file = SafeTensorsFile.Open path

        [
            for key in file.Tensors.Keys do
                match rename key with
                | Some name -> Collections.Generic.KeyValuePair(name, file.Read key)
                | None -> ()
        ]

    SafeTensorsWriter.Write(path, tensors)

[<Tests>]
let tests =
    testList "network configs" [
        testList "refused by field and value" [
            config "unet" "act_fn" "\"mish\"" [ "mish"; "silu" ]
            config "unet" "down_block_types" "[\"A\", \"DownBlock2D\", \"DownBlock2D\", \"DownBlock2D\"]" [
                "[0]"
                "\"A\""
            ]
            config "unet" "up_block_types" "[\"UpBlock2D\"]" [ "list of 1"; "4" ]
            config "unet" "block_out_channels" "[4, 8, 16, 18]" [ "[3]"; "18" ]
            config "unet" "attention_head_dim" "3" [ "[0]"; "3" ]
            config "unet" "layers_per_block" "\"two\"" [ "two"; "number" ]
            config "unet" "dual_cross_attention" "true" [ "true" ]
            config "unet" "time_cond_proj_dim" "256" [ "256" ]
            config "unet" "a_new_field" "7" [ "7" ]
            config "unet" "in_channels" "9" [ "9"; "latent_channels" ]
            config "unet" "cross_attention_dim" "48" [ "32"; "48" ]
            config "vae" "act_fn" "\"relu\"" [ "relu" ]
            config "vae" "down_block_types" "[\"Other\"]" [ "Other" ]
            config "vae" "scaling_factor" "0" [ "0" ]
            config "text_encoder" "hidden_act" "\"swish\"" [ "swish"; "quick_gelu" ]
            config "text_encoder" "num_attention_heads" "5" [ "5"; "32" ]
            refuses "scheduler" "scheduler_config.json" "beta_schedule" "\"sigmoid\"" [ "beta_schedule"; "sigmoid" ]
            refuses "scheduler" "scheduler_config.json" "prediction_type" "\"flow\"" [ "prediction_type"; "flow" ]
            refuses "scheduler" "scheduler_config.json" "num_train_timesteps" "0" [ "num_train_timesteps" ]
            refuses "." "model_index.json" "_class_name" "\"FluxPipeline\"" [ "_class_name"; "FluxPipeline" ]
        ]
        testCase "missing and unknown weights are named"
        <| fun () ->
            let message =
                loading (
                    rekey (function
                        | "conv_in.bias" -> None
                        | "conv_out.bias" -> Some "conv_out.shift"
                        | key -> Some key)
                )

            for word in [ "conv_in.bias"; "conv_out.bias"; "conv_out.shift" ] do
                Expect.stringContains message word "the message"
        testCase "weights that contradict the config"
        <| fun () ->
            let message =
                loading (fun folder ->
                    change (Path.Combine(folder, "text_encoder", "config.json")) "intermediate_size" "60")

            Expect.stringContains message "fc1.weight [64, 32] instead of [60, 32]" "the message"
        testCase "old attention names are read"
        <| fun () ->
            let rename (key: string) =
                key.Replace(".to_q.", ".query.").Replace(".to_k.", ".key.").Replace(".to_v.", ".value.")
                |> _.Replace(".to_out.0.", ".proj_attn.")
                |> Some

            Support.withFolder (fun folder ->
                copy source folder
                rekey rename folder
                use model = StableDiffusionModel.Load folder
                Expect.equal model.UNet.Config.InChannels 4L "the model")
        testCase "every other model folder's configs are read"
        <| fun () ->
            for model in [ "sd2"; "sdxl"; "inpaint"; "x4-upscaler" ] do
                let folder = Path.Combine(Support.golden, model)

                use unet =
                    new UNet2DConditionModel(UNetConfig.Read(Path.Combine(folder, "unet")), torch.META)

                use vae = new AutoencoderKL(VaeConfig.Read(Path.Combine(folder, "vae")), torch.META)

                let parts: (string * torch.nn.Module) list = [ "unet", unet; "vae", vae ]

                for part, network in parts do
                    let path = Path.Combine(folder, part, "diffusion_pytorch_model.safetensors")
                    use file = SafeTensorsFile.Open path

                    let shapes =
                        network.state_dict ()
                        |> Seq.map (fun pair -> pair.Key, List.ofArray pair.Value.shape)
                        |> Set.ofSeq

                    let expected =
                        file.Tensors
                        |> Seq.map (fun pair -> pair.Key, List.ofSeq pair.Value.Shape)
                        |> Set.ofSeq

                    Expect.equal shapes expected $"{model}/{part}"
        testCase "written configs are read as they were"
        <| fun () ->
            Support.withFolder (fun folder ->
                let unet =
                    UNetConfig(
                        Where = Path.Combine(folder, "config.json"),
                        SampleSize = 16L,
                        BlockOutChannels = [| 32L; 64L |],
                        DownBlockTypes = [| "CrossAttnDownBlock2D"; "DownBlock2D" |],
                        UpBlockTypes = [| "UpBlock2D"; "CrossAttnUpBlock2D" |],
                        AttentionHeads = [| 2L; 4L |]
                    )

                unet.Write folder
                let read = UNetConfig.Read folder
                Expect.sequenceEqual read.BlockOutChannels unet.BlockOutChannels "widths"
                Expect.sequenceEqual read.AttentionHeads unet.AttentionHeads "heads"

                let vae =
                    VaeConfig(Where = unet.Where, BlockOutChannels = [| 32L; 64L |], ScalingFactor = 0.9)

                vae.Write folder
                Expect.equal (VaeConfig.Read folder).ScalingFactor 0.9 "scaling factor"
                let text = ClipTextConfig(Where = unet.Where, HiddenSize = 96L, EosTokenId = 999L)
                text.Write folder
                Expect.equal (ClipTextConfig.Read folder) text "text encoder"
                let clip = ClipConfig(ProjectionDim = 48L)
                clip.Write folder
                Expect.equal (ClipConfig.Read folder).ProjectionDim 48L "both towers"

                let scheduler =
                    SchedulerConfig(PredictionType = PredictionType.Velocity, BetaEnd = 0.01)

                scheduler.Write folder
                let read = SchedulerConfig.Read folder

                Expect.equal
                    (read.PredictionType, read.BetaEnd, read.StepsOffset)
                    (PredictionType.Velocity, 0.01, 1)
                    "noise"

                Expect.equal read.SetAlphaToOne scheduler.SetAlphaToOne "last step")
    ]
