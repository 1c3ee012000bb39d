module Recipes.Tests.ModelSourceTests

open System.IO
open System.Text.Json.Nodes
open Expecto
open Recipes.Core
open Recipes.Core.Models
open Recipes.Core.Pipelines
open Recipes.Tests.Agreement

let rec private copy (from: string) (target: string) =
    Directory.CreateDirectory target |> ignore

    for file in Directory.GetFiles from do
        File.Copy(file, Path.Combine(target, nonNull (Path.GetFileName file)))

    for inner in Directory.GetDirectories from do
        copy inner (Path.Combine(target, nonNull (Path.GetFileName inner)))

/// Opening a model with one field of one of its files changed names what is wrong; no weight is there to be read.
let private refuses model (file: string) (field: string) (json: string) (words: string list) =
    testCase $"{model}: {file} {field} {json}"
    <| fun () ->
        Support.withFolder (fun target ->
            copy (folder model) target

            Directory.EnumerateFiles(target, "*.safetensors", SearchOption.AllDirectories)
            |> Seq.iter File.Delete

            let path = Path.Combine(target, file)
            let fields = (nonNull (JsonNode.Parse(File.ReadAllText path))).AsObject()
            fields[field] <- JsonNode.Parse json
            File.WriteAllText(path, fields.ToJsonString())

            Expect.throwsC (fun () -> ModelSource.Open(target).Dispose()) (fun e ->
                Expect.isTrue (e :? RecipesException) "the kind of error"

                for word in words do
                    Expect.stringContains e.Message word "the message"))

[<Tests>]
let tests =
    testList "model sources" [
        testCase "folders of every kind load"
        <| fun () ->
            for name in [ "sd1"; "sd2"; "sdxl"; "inpaint"; "x4-upscaler" ] do
                let index = File.ReadAllText(Path.Combine(folder name, "model_index.json"))
                let fields = (nonNull (JsonNode.Parse index)).AsObject()
                use model = StableDiffusionModel.Load(folder name)
                let pipeline = string fields["_class_name"]
                Expect.equal model.PipelineClass pipeline "the pipeline's class"

                let has part =
                    Directory.Exists(Path.Combine(folder name, part))

                Expect.equal (model.TextEncoders.Count > 1) (has "text_encoder_2") "text encoders"
                Expect.equal (not (isNull model.LowResScheduler)) (has "low_res_scheduler") "noise of the small picture"
        refuses "sdxl" "unet/config.json" "cross_attention_dim" "32" [ "32 + 32"; "cross_attention_dim" ]
        refuses "sdxl" "text_encoder_2/config.json" "projection_dim" "48" [
            "48"
            "projection_class_embeddings_input_dim"
        ]
        refuses "sdxl" "text_encoder_2/config.json" "architectures" "[\"CLIPTextModel\"]" [ "no projection" ]
        refuses "sdxl" "model_index.json" "text_encoder_2" "[null, null]" [ "text_encoder_2" ]
        refuses "sdxl" "model_index.json" "_class_name" "\"StableDiffusionPipeline\"" [ "64"; "32" ]
        refuses "sdxl" "model_index.json" "requires_aesthetics_score" "true" [ "requires_aesthetics_score" ]
        refuses "sd1" "model_index.json" "_class_name" "\"StableDiffusionUpscalePipeline\"" [ "low_res_scheduler" ]
        refuses "inpaint" "model_index.json" "_class_name" "\"StableDiffusionPipeline\"" [ "9"; "in_channels" ]
        refuses "x4-upscaler" "unet/config.json" "num_class_embeds" "null" [ "num_class_embeds" ]
        refuses "sd1" "unet/config.json" "in_channels" "8" [ "8"; "in_channels" ]
        refuses "sd1" "scheduler/scheduler_config.json" "_class_name" "\"FlowMatchScheduler\"" [
            "FlowMatchScheduler"
            "not supported"
            "DDIMScheduler"
        ]
        refuses "sd1" "vae/config.json" "latent_channels" "16" [ "16"; "latent_channels" ]
        refuses "sd1" "unet/config.json" "layers_per_block" "2" [ "no weights"; "unet" ]
        testCase "a folder that is not there"
        <| fun () ->
            Expect.throwsC (fun () -> ModelSource.Open("/nowhere/model").Dispose()) (fun e ->
                Expect.stringContains e.Message "/nowhere/model" "the path")
    ]
