/// Single files that are no whole model, or whose configs contradict them.
module Recipes.Tests.SingleFileFaultTests

open System
open System.IO
open System.Security.Cryptography
open Expecto
open Recipes.Core.Models
open Recipes.Core.Networks
open Recipes.Core.Weights
open Recipes.Tests.OriginalFiles

let private tiny = Path.Combine(Support.golden, "sd1-original.safetensors")

/// Opens a changed copy of the tiny checkpoint, with the configs it was made of.
let private withChanged change (test: string -> unit) =
    Support.withFolder (fun folder ->
        let path = Path.Combine(folder, "model.safetensors")
        write path (change (read tiny))
        test path)

let private openTiny (path: string) =
    use source = CheckpointSource.Open(path, Path.Combine(Support.golden, "sd1"))
    source.PipelineClass |> ignore

let private rename (before: string) (after: string) entries =
    entries
    |> List.map (fun entry -> {
        entry with
            Key = entry.Key.Replace(before, after)
    })

let private without (part: string) entries =
    entries |> List.filter (fun entry -> not (entry.Key.Contains part))

/// What is wrong with a copy of the tiny checkpoint, and what the error must say.
let private faults: (string * (Entry list -> Entry list) * string list) list =
    let only (part: string) (prefix: string) entries =
        entries
        |> List.filter (fun entry -> entry.Key.StartsWith part)
        |> rename part prefix

    [
        "a missing key",
        without "output_blocks.3.0.in_layers.2.bias",
        [ "1 missing"; "model.diffusion_model.output_blocks.3.0.in_layers.2.bias" ]
        "an unknown key", (fun entries -> entry "model.extra" [ 1L ] :: entries), [ "1 not known"; "model.extra" ]
        "many unknown keys",
        (fun entries -> [ for i in 0..11 -> entry $"extra.{i}" [ 1L ] ] @ entries),
        [ "12 not known"; "and 2 more" ]
        "no autoencoder", without "first_stage_model.", [ "UNet and text encoder alone"; "lacks the autoencoder" ]
        "no text encoder", without "cond_stage_model.", [ "lacks the text encoder" ]
        "the UNet alone",
        only "model.diffusion_model." "model.diffusion_model.",
        [ "lacks the autoencoder and text encoder" ]
        "an autoencoder file", only "first_stage_model." "", [ "an autoencoder (VAE) alone" ]
        "a text encoder file", only "cond_stage_model.transformer." "", [ "a text encoder" ]
        "the refiner",
        rename "cond_stage_model.transformer." "conditioner.embedders.0.model.",
        [ "refiner"; "SDXL base checkpoint" ]
        "a Playground model", (fun entries -> entry "edm_mean" [ 4L ] :: entries), [ "Playground" ]
        "Flux",
        (fun _ -> [
            entry "model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale" [ 128L ]
        ]),
        [ "Flux"; "not supported" ]
        "Stable Diffusion 3",
        (fun _ -> [ entry "joint_blocks.0.context_block.adaLN_modulation.1.bias" [ 9L ] ]),
        [ "Stable Diffusion 3" ]
        "something else", (fun _ -> [ entry "layer.weight" [ 2L; 2L ] ]), [ "1 tensors"; "layer.weight" ]
        "nothing", (fun _ -> []), [ "holds no tensors" ]
        "a ControlNet",
        rename "model.diffusion_model." "control_model." >> without "first_stage_model.",
        [ "ControlNet" ]
        "a UNet of other channels",
        List.map (fun entry ->
            if entry.Key.EndsWith "input_blocks.0.0.weight" then
                {
                    entry with
                        Shape = entry.Shape.Head :: 8L :: entry.Shape.Tail.Tail
                        Bytes = None
                }
            else
                entry),
        [ "takes 8 channels" ]
    ]

[<Tests>]
let tests =
    testList "checkpoints" [
        testCase "an adapter is no model" (fun () ->
            for file in [ "lora-attn"; "lora-dora" ] do
                let path =
                    Directory.GetFiles(Path.Combine(Support.golden, file), "*.safetensors")[0]

                Faults.expect [ "adapter (LoRA)"; "base model" ] (fun () -> ModelFolder.Read path |> ignore))

        testCase "nor are the parts of a folder" (fun () ->
            let part name = Path.Combine(Support.golden, name)

            for file, said in
                [
                    "sd1/unet/diffusion_pytorch_model.safetensors", "UNet of a diffusers folder"
                    "sd1/vae/diffusion_pytorch_model.safetensors", "autoencoder (VAE) alone"
                    "sd1/text_encoder/model.safetensors", "a text encoder"
                    "sd1-controlnet/diffusion_pytorch_model.safetensors", "ControlNet"
                    "learned_embeds_a1111.safetensors", "textual-inversion"
                ] do
                Faults.expect [ said ] (fun () -> ModelSource.Open(part file) |> ignore))

        testCase "pickles and other files are refused by name" (fun () ->
            Support.withFolder (fun folder ->
                for name, said in
                    [
                        "model.ckpt", [ "pickle (.ckpt)"; "may run code"; "safetensors version" ]
                        "model.PT", [ "pickle (.pt)" ]
                        "model.gguf", [ "another kind (.gguf)" ]
                    ] do
                    let path = Path.Combine(folder, name)
                    File.WriteAllText(path, "x")
                    Faults.expect said (fun () -> ModelSource.Open path |> ignore)
                    Faults.expect said (fun () -> ModelFolder.Read path |> ignore)))

        testCase "a file cut short" (fun () ->
            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "model.safetensors")
                let bytes = File.ReadAllBytes tiny
                File.WriteAllBytes(path, bytes[.. bytes.Length / 2])
                Faults.expect [ "bytes of data follow" ] (fun () -> openTiny path)
                File.WriteAllBytes(path, bytes[..20])
                Faults.expect [ "header of" ] (fun () -> ModelFolder.Read path |> ignore)))

        testList "faults" [
            for name, change, said in faults do
                testCase name (fun () -> withChanged change (fun path -> Faults.expect said (fun () -> openTiny path)))
        ]

        testCase "what shapes cannot tell is read beside the file" (fun () ->
            withChanged id (fun path ->
                Faults.expect [ "CLIP's tokenizer has 49408"; "model.configs" ] (fun () ->
                    ModelFolder.Read path |> ignore)

                let configs = path.Replace(".safetensors", ".configs")

                for file in
                    Directory.GetFiles(Path.Combine(Support.golden, "sd1"), "*.*", SearchOption.AllDirectories) do
                    if not (file.EndsWith ".safetensors") then
                        let target =
                            Path.Combine(configs, Path.GetRelativePath(Path.Combine(Support.golden, "sd1"), file))

                        Directory.CreateDirectory(Path.GetDirectoryName target |> string) |> ignore
                        File.Copy(file, target)

                let folder = ModelFolder.Read(Path.Combine(Support.golden, "sd1"))
                let found = ModelFolder.Read path
                Expect.equal found.NativeSize folder.NativeSize "pixels"
                Expect.equal found.Tokenizer.Count folder.Tokenizer.Count "vocabulary"
                Expect.equal found.ParameterCount folder.ParameterCount "weights"
                Expect.equal (List.ofSeq found.Layers) (List.ofSeq folder.Layers) "layers"

                Expect.equal
                    found.Sha256
                    (File.ReadAllBytes path |> SHA256.HashData |> Convert.ToHexStringLower)
                    "the file's own hash"

                let config = Path.Combine(configs, "unet", "config.json")
                let widths = [ for width in UNetConfig.Read(config).BlockOutChannels -> 2L * width ]

                let changed =
                    File.ReadAllText config |> System.Text.Json.Nodes.JsonNode.Parse |> nonNull

                changed["block_out_channels"] <-
                    System.Text.Json.Nodes.JsonArray [|
                        for width in widths ->
                            System.Text.Json.Nodes.JsonValue.Create width :> System.Text.Json.Nodes.JsonNode
                    |]

                File.WriteAllText(config, changed.ToJsonString())

                Faults.expect [ "config.json"; "block_out_channels"; string widths[0] ] (fun () ->
                    ModelFolder.Read path |> ignore)))

        testCase "configs that are not there" (fun () ->
            Faults.expect [ "/no/such/configs"; "no such folder" ] (fun () ->
                CheckpointSource.Open(tiny, "/no/such/configs") |> ignore))
    ]
