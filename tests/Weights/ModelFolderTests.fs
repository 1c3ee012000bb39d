module Recipes.Tests.ModelFolderTests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core.Weights

let private model name = Path.Combine(Support.golden, name)

let private json (path: string) =
    JsonDocument.Parse(File.ReadAllText path).RootElement

/// A copy of a reference model, to be broken.
let private withCopy name (test: string -> unit) =
    Support.withFolder (fun folder ->
        for file in Directory.GetFiles(model name, "*", SearchOption.AllDirectories) do
            let target = Path.Combine(folder, Path.GetRelativePath(model name, file))
            Directory.CreateDirectory(Path.GetDirectoryName target |> string) |> ignore
            File.Copy(file, target)

        test folder)

let private unetFile = "unet/diffusion_pytorch_model.safetensors"

/// What breaks a model folder, and what the error must say.
let private faults: (string * (string -> unit) * string list) list =
    let delete (file: string) folder = File.Delete(Path.Combine(folder, file))

    let write (file: string) (text: string) folder =
        File.WriteAllText(Path.Combine(folder, file), text)

    let replace (file: string) (before: string) (after: string) folder =
        let path = Path.Combine(folder, file)
        let text = File.ReadAllText path
        Expect.stringContains text before "the text to replace"
        File.WriteAllText(path, text.Replace(before, after))

    let change (file: string) (key: string) (edit: JsonNode -> unit) folder =
        let path = Path.Combine(folder, file)
        let fields = nonNull (JsonNode.Parse(File.ReadAllText path))
        edit (nonNull fields[key])
        File.WriteAllText(path, fields.ToJsonString())

    let doubled (value: JsonNode) =
        value.ReplaceWith(JsonValue.Create(2 * value.GetValue<int>()))

    [
        "no model_index.json", delete "model_index.json", [ "model_index.json"; "no such file"; "unet/" ]
        "model_index.json that is no JSON", write "model_index.json" "{", [ "model_index.json"; "not valid JSON" ]
        "model_index.json that is a list", write "model_index.json" "[]", [ "not a JSON object" ]
        "a config with broken text", write "unet/config.json" "{\"a\":\"\\ud800\"}", [ "unet"; "not valid JSON" ]
        "another architecture",
        replace "model_index.json" "\"unet\"" "\"transformer\"",
        [ "names no unet"; "StableDiffusionPipeline" ]
        "no unet config", delete "unet/config.json", [ "config.json"; "no such file" ]
        "no unet folder", (fun folder -> Directory.Delete(Path.Combine(folder, "unet"), true)), [ "unet" ]
        "no weights", delete unetFile, [ "unet"; "no weights (diffusion_pytorch_model.safetensors)" ]
        "pickled weights only",
        (fun folder ->
            let file = Path.Combine(folder, unetFile)
            File.Move(file, file.Replace(".safetensors", ".bin"))),
        [ "diffusion_pytorch_model.bin"; "safetensors version" ]
        "weights cut short",
        (fun folder ->
            use stream = File.OpenWrite(Path.Combine(folder, unetFile))
            stream.SetLength(stream.Length - 1L)),
        [ unetFile; "bytes of data" ]
        "no vocabulary", delete "tokenizer/vocab.json", [ "vocab.json"; "no such file" ]
        "a scheduler that is not known",
        write "scheduler/scheduler_config.json" """{"_class_name":"FlowMatchScheduler"}""",
        [ "FlowMatchScheduler"; "not supported" ]
        "no scheduler config", delete "scheduler/scheduler_config.json", [ "scheduler_config.json" ]
        "no sample_size", replace "unet/config.json" "\"sample_size\"" "\"size\"", [ "config.json"; "no sample_size" ]
        "a text for a number",
        replace "unet/config.json" "\"in_channels\": 4" "\"in_channels\": \"4\"",
        [ "in_channels is \"4\"" ]
        "a config of another model",
        change "unet/config.json" "in_channels" doubled,
        [
            "unet"
            "in_channels is "
            ", but the weights are made for "
            "(conv_in.weight)"
            "same model"
        ]
        "a text encoder's config of another model",
        change "text_encoder/config.json" "hidden_size" doubled,
        [
            "text_encoder"
            "hidden_size is "
            ", but the weights are made for "
            "token_embedding"
        ]
        "a config with more layers",
        change "text_encoder/config.json" "num_hidden_layers" doubled,
        [ "num_hidden_layers is "; "(text_model.encoder.layers)" ]
        "an autoencoder's config of another model",
        change "vae/config.json" "latent_channels" doubled,
        [ "vae"; "latent_channels is "; "(decoder.conv_in.weight)" ]
        "a config with a level too many",
        change "unet/config.json" "block_out_channels" (fun widths -> widths.AsArray().Add 64),
        [ "block_out_channels has "; " levels, but the weights have "; " down_blocks" ]
        "a config with another width",
        change "unet/config.json" "block_out_channels" (fun widths -> widths[1] <- JsonValue.Create 4096),
        [ "block_out_channels is 4096"; "down_blocks.1.resnets.0.conv1.weight" ]
        "a missing shard",
        (fun folder ->
            delete unetFile folder
            write (unetFile + ".index.json") """{"weight_map":{"a":"part-1.safetensors"}}""" folder),
        [ "part-1.safetensors"; "missing" ]
        "a shard outside the folder",
        (fun folder ->
            delete unetFile folder
            write (unetFile + ".index.json") """{"weight_map":{"a":"../vae/x.safetensors"}}""" folder),
        [ "'../vae/x.safetensors'" ]
    ]

[<Tests>]
let tests =
    testList "model folder" [
        for name, family in
            [
                "sd1", "SD1"
                "sd2", "SD2"
                "sdxl", "SDXL"
                "inpaint", "SD1"
                "x4-upscaler", "X4"
            ] do
            testCase $"reads {name}" (fun () ->
                let found = ModelFolder.Read(model name)
                let unet = json (Path.Combine(model name, "unet", "config.json"))
                let vae = json (Path.Combine(model name, "vae", "config.json"))
                let levels = vae.GetProperty("block_out_channels").GetArrayLength()
                Expect.equal found.Family family "family"

                // Of the reference's upscaler it is max_noise_level; it has more embeddings and timesteps.
                let noise = if family = "X4" then Nullable 350 else Nullable()
                Expect.equal found.HighestNoise noise "noise levels"
                Expect.equal found.LatentFactor (pown 2 (levels - 1)) "pixels a latent"
                let size = unet.GetProperty("sample_size").GetInt32()
                Expect.equal found.NativeSize (size * found.LatentFactor) "pixels"
                Expect.equal found.CrossAttentionDim (unet.GetProperty("cross_attention_dim").GetInt32()) "width"
                Expect.equal found.InChannels (unet.GetProperty("in_channels").GetInt32()) "channels"

                let scheduler =
                    json (Path.Combine(model name, "scheduler", "scheduler_config.json"))

                let prediction = scheduler.GetProperty("prediction_type")
                Expect.isTrue (prediction.ValueEquals found.PredictionType) "prediction"
                Expect.stringStarts (found.Tokenizer.Pieces("a") |> Seq.exactlyOne) "a" "tokenizer"

                let files =
                    Directory.GetFiles(model name, "*.safetensors", SearchOption.AllDirectories)

                Expect.equal found.Bytes (files |> Array.sumBy (fun file -> FileInfo(file).Length)) "bytes"

                let count (path: string) =
                    use file = SafeTensorsFile.Open path
                    file.Tensors.Values |> Seq.sumBy (fun tensor -> Array.fold (*) 1L tensor.Shape)

                Expect.equal found.ParameterCount (files |> Array.sumBy count) "weights")

        testCase "lists layers under the networks' names" (fun () ->
            for name in [ "sd1"; "sd2"; "sdxl" ] do
                let found = ModelFolder.Read(model name)

                let layer component' path =
                    found.Layers
                    |> Seq.find (fun layer -> layer.Component = component' && layer.Name = path)

                let unet = json (Path.Combine(model name, "unet", "config.json"))
                let first = layer "unet" "conv_in"
                let widths = unet.GetProperty "block_out_channels"
                Expect.equal (first.In, first.Out, first.Kernel) (4L, widths[0].GetInt64(), 3L) "conv_in"

                // The file's own keys have the prefix in sd1 and lack it in sd2 and sdxl.
                let query = layer "text_encoder" "text_model.encoder.layers.0.self_attn.q_proj"
                Expect.equal (query.In, query.Kernel) (query.Out, 1L) "a query projection"

                let cross =
                    found.Layers
                    |> Seq.filter (fun layer -> layer.Name.EndsWith "attn2.to_k")
                    |> Seq.map _.In
                    |> Seq.distinct

                Expect.equal (List.ofSeq cross) [ int64 found.CrossAttentionDim ] "keys come from the text"

                let odd (layer: LayerInfo) =
                    layer.Name.Contains "norm"
                    || layer.Name.Contains "embedding." && layer.Component <> "unet"

                Expect.isEmpty (found.Layers |> Seq.filter odd) "no norms and no tables")

        testCase "the hash follows the weights and nothing else" (fun () ->
            let hash = ModelFolder.Read(model "sd1").Sha256
            Expect.isMatch hash "^[0-9a-f]{64}$" "hexadecimal"

            withCopy "sd1" (fun folder ->
                Expect.equal (ModelFolder.Read(folder).Sha256) hash "elsewhere"
                use stream = File.OpenWrite(Path.Combine(folder, unetFile))
                stream.Position <- stream.Length - 1L
                stream.WriteByte 77uy
                stream.Dispose()
                Expect.notEqual (ModelFolder.Read(folder).Sha256) hash "one byte changed"))

        testCase "finds variants and shards" (fun () ->
            let whole = ModelFolder.Read(model "sd1")

            withCopy "sd1" (fun folder ->
                let file = Path.Combine(folder, unetFile)

                let variant =
                    Path.Combine(folder, "unet", "diffusion_pytorch_model.fp16.safetensors")

                File.Move(file, variant)
                Expect.equal (List.ofSeq (ModelFolder.Read(folder).Weights["unet"])) [ variant ] "the variant"

                using (SafeTensorsFile.Open variant) (fun source ->
                    use _ = torch.NewDisposeScope()
                    let map = Dictionary<string, string>()

                    for part, names in source.Tensors.Keys |> Seq.splitInto 2 |> Seq.indexed do
                        let shard = $"diffusion_pytorch_model-0000{part + 1}-of-00002.safetensors"
                        let tensors = [ for name in names -> KeyValuePair(name, source.Read name) ]
                        SafeTensorsWriter.Write(Path.Combine(folder, "unet", shard), tensors)

                        for name in names do
                            map[name] <- shard

                    File.WriteAllText(file + ".index.json", JsonSerializer.Serialize {| weight_map = map |}))

                File.Delete variant
                let sharded = ModelFolder.Read folder
                Expect.equal sharded.Weights["unet"].Count 2 "two parts"
                Expect.equal sharded.ParameterCount whole.ParameterCount "together the same weights"
                Expect.equal (Seq.toList sharded.Layers) (Seq.toList whole.Layers) "and layers"))

        testCase "corrects the size that old diffusers wrote" (fun () ->
            withCopy "sd1" (fun folder ->
                let path = Path.Combine(folder, "unet", "config.json")

                let current =
                    json path |> fun config -> config.GetProperty("_diffusers_version").GetString()

                File.WriteAllText(path, File.ReadAllText(path).Replace($"\"{current}\"", "\"0.8.1\""))
                let found = ModelFolder.Read folder
                Expect.equal found.NativeSize (64 * found.LatentFactor) "64 latents"))

        testList "faults" [
            for name, damage, said in faults do
                testCase name (fun () ->
                    withCopy "sd1" (fun folder ->
                        damage folder
                        Faults.expect said (fun () -> ModelFolder.Read folder |> ignore)))

            testCase "no folder, or a file" (fun () ->
                Faults.expect [ "/no/such/model"; "no such folder" ] (fun () ->
                    ModelFolder.Read "/no/such/model" |> ignore)

                Faults.expect [ "UNet of a diffusers folder"; "model_index.json" ] (fun () ->
                    ModelFolder.Read(Path.Combine(model "sd1", unetFile)) |> ignore))
        ]
    ]
