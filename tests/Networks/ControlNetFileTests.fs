module Recipes.Tests.ControlNetFileTests

open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Networks
open Recipes.Core.Weights
open Recipes.Tests.Agreement

let private unet () =
    UNetConfig.Read(Path.Combine(folder "sd1", "unet"))

let private tensors () =
    use file =
        SafeTensorsFile.Open(Path.Combine(folder "sd1-controlnet", "diffusion_pytorch_model.safetensors"))

    [ for name in file.Tensors.Keys -> name, file.Read name ]

/// A key of the reference values as the ControlNet's authors spell it, after the places of their own network: level i
/// of two layers and a halving has the input blocks 3 i + 1 to 3 i + 3.
let private original (layers: int) (key: string) =
    let inner (name: string) =
        [
            "norm1", "in_layers.0"
            "conv1", "in_layers.2"
            "time_emb_proj", "emb_layers.1"
            "norm2", "out_layers.0"
            "conv2", "out_layers.3"
            "conv_shortcut", "skip_connection"
        ]
        |> List.fold (fun (name: string) (here, there) -> Regex.Replace(name, $@"^{here}\.", $"{there}.")) name

    let number (group: string) (found: Match) = int found.Groups[group].Value
    let block level layer = level * (layers + 1) + layer + 1

    let rules: (string * (Match -> string)) list = [
        @"^conv_in\.", (fun _ -> "input_blocks.0.0.")
        @"^time_embedding\.linear_(?<n>\d)\.", (fun m -> $"""time_embed.{2 * (number "n" m - 1)}.""")
        @"^down_blocks\.(?<i>\d+)\.resnets\.(?<j>\d+)\.(?<rest>.*)$",
        (fun m -> $"""input_blocks.{block (number "i" m) (number "j" m)}.0.{inner m.Groups["rest"].Value}""")
        @"^down_blocks\.(?<i>\d+)\.attentions\.(?<j>\d+)\.",
        (fun m -> $"""input_blocks.{block (number "i" m) (number "j" m)}.1.""")
        @"^down_blocks\.(?<i>\d+)\.downsamplers\.0\.conv\.",
        (fun m -> $"""input_blocks.{block (number "i" m) layers}.0.op.""")
        @"^mid_block\.resnets\.(?<j>\d)\.(?<rest>.*)$",
        (fun m -> $"""middle_block.{2 * number "j" m}.{inner m.Groups["rest"].Value}""")
        @"^mid_block\.attentions\.0\.", (fun _ -> "middle_block.1.")
        @"^controlnet_cond_embedding\.conv_in\.", (fun _ -> "input_hint_block.0.")
        @"^controlnet_cond_embedding\.blocks\.(?<i>\d+)\.", (fun m -> $"""input_hint_block.{2 * (number "i" m + 1)}.""")
        @"^controlnet_cond_embedding\.conv_out\.", (fun _ -> "input_hint_block.14.")
        @"^controlnet_down_blocks\.(?<i>\d+)\.", (fun m -> $"""zero_convs.{number "i" m}.0.""")
        @"^controlnet_mid_block\.", (fun _ -> "middle_block_out.0.")
    ]

    rules
    |> List.pick (fun (pattern, spell) ->
        if Regex.IsMatch(key, pattern) then
            Some(Regex.Replace(key, pattern, MatchEvaluator spell))
        else
            None)

let private withSaved name (weights: (string * Tensor) list) (test: string -> unit) =
    Support.withFolder (fun target ->
        let path = Path.Combine(target, name)

        SafeTensorsWriter.Write(path, [ for key, tensor in weights -> KeyValuePair(key, tensor) ])
        test path)

/// The same network as out of the folder, to the last bit.
let private same (path: string) =
    use expected = ControlNetFiles.Load(folder "sd1-controlnet", unet ())
    use found = ControlNetFiles.Load(path, unet ())
    let weights = found.state_dict ()

    for KeyValue(name, tensor) in expected.state_dict () do
        Expect.equal (distance weights[name] tensor) 0.0 name

    Expect.sequenceEqual
        found.Config.ConditioningEmbeddingOutChannels
        expected.Config.ConditioningEmbeddingOutChannels
        "the hint encoder"

let private reads name rename beside =
    quietly name (fun () ->
        use _ = torch.NewDisposeScope()
        withSaved "control.safetensors" ([ for key, tensor in tensors () -> rename key, tensor ] @ beside ()) same)

let private refuses name (file: string) weights (unet: unit -> UNetConfig) (words: string list) =
    quietly name (fun () ->
        use _ = torch.NewDisposeScope()

        withSaved file (weights ()) (fun path ->
            let message =
                try
                    ControlNetFiles.Load(path, unet ()).Dispose()
                    failtest "it was loaded"
                with :? RecipesException as e ->
                    e.Message

            for word in words do
                Expect.stringContains message word "the message"))

let private layers = 2

[<Tests>]
let tests =
    testList "controlnet files" [
        reads "diffusers' keys in one file" id (fun () -> [])
        reads "the authors' keys" (original layers) (fun () -> [])
        reads "the authors' keys with their prefix" (fun key -> "control_model." + original layers key) (fun () -> [])
        reads "a whole checkpoint beside it" (fun key -> "control_model." + original layers key) (fun () -> [
            "model.diffusion_model.out.2.bias", torch.zeros 4L
            "first_stage_model.quant_conv.bias", torch.zeros 8L
            "cond_stage_model.transformer.text_model.final_layer_norm.bias", torch.zeros 8L
            "betas", torch.zeros 10L
        ])
        refuses
            "an unknown key"
            "a.safetensors"
            (fun () ->
                ("control_model.extra.weight", torch.zeros 1L)
                :: [
                    for key, tensor in tensors () -> "control_model." + original layers key, tensor
                ])
            unet
            [ "control_model.extra.weight"; "not known" ]
        refuses
            "another family"
            "a.safetensors"
            tensors
            (fun () -> UNetConfig.Read(Path.Combine(folder "sdxl", "unet")))
            [ "another kind of model"; "cross_attention_dim"; "64" ]
        refuses "no ControlNet" "a.safetensors" (fun () -> [ "some.weight", torch.zeros 1L ]) unet [
            "holds no ControlNet"
            "1 tensors"
        ]
        refuses "a pickle" "control.pth" (fun () -> [ "some.weight", torch.zeros 1L ]) unet [ "pickle"; "safetensors" ]
    ]
