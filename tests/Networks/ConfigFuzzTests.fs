module Recipes.Tests.ConfigFuzzTests

open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Expecto
open Recipes.Core
open Recipes.Core.Networks

/// Fields whose value changes nothing here: notes, and what only training from nothing or another class reads.
let private harmless =
    set [
        "_diffusers_version"
        "_name_or_path"
        "transformers_version"
        "torch_dtype"
        "dtype"
        "model_type"
        "initializer_factor"
        "initializer_range"
        "attention_dropout"
        "dropout"
        "addition_embed_type_num_heads"
    ]

let private read part (path: string) =
    match part with
    | "unet" -> UNetConfig.Read path |> ignore
    | "vae" -> VaeConfig.Read path |> ignore
    | _ -> ClipTextConfig.Read path |> ignore

/// Values of another kind than the field's own, and numbers no network can have.
let private nonsense (value: JsonNode | null) =
    let ofNumber = [ "\"nonsense\""; "true"; "{}"; "-7"; "1e30"; "0.5" ]

    match value with
    | null -> [ "\"nonsense\""; "{}" ]
    | value ->
        match value.GetValueKind() with
        | JsonValueKind.Number -> ofNumber
        | JsonValueKind.String -> [ "\"nonsense\""; "7"; "[]"; "true" ]
        | JsonValueKind.True
        | JsonValueKind.False -> [ "\"nonsense\""; "7"; "{}" ]
        | JsonValueKind.Array -> [ "\"nonsense\""; "[\"nonsense\"]"; "[{}]"; "[-7]"; "{}" ]
        | _ -> [ "\"nonsense\"" ]

/// Real numbers may be anything but text: these have no wrong halves.
let private real =
    set [
        "freq_shift"
        "norm_eps"
        "layer_norm_eps"
        "scaling_factor"
        "shift_factor"
        "projection_dim"
    ]

let private spoiled folder part =
    let path = Path.Combine(Support.golden, folder, part, "config.json")
    let original = File.ReadAllText path

    let names =
        (nonNull (JsonNode.Parse original)).AsObject() |> Seq.map _.Key |> List.ofSeq

    [
        for field in names do
            let value = (nonNull (JsonNode.Parse original)).AsObject()[field]

            if not (harmless.Contains field) then
                for json in nonsense value do
                    if not (real.Contains field && (json = "0.5" || json = "1e30")) then
                        field, json
    ]
    |> List.choose (fun (field, json) ->
        let fields = (nonNull (JsonNode.Parse original)).AsObject()
        fields[field] <- JsonNode.Parse json
        let mutable fault = None

        Support.withFolder (fun place ->
            let changed = Path.Combine(place, "config.json")
            File.WriteAllText(changed, fields.ToJsonString())

            fault <-
                try
                    read part changed
                    Some $"{field} = {json} was accepted"
                with :? RecipesException as error ->
                    if error.Message.Contains changed && error.Message.Contains field then
                        None
                    else
                        Some $"{field} = {json}: {error.Message}")

        fault)

[<Tests>]
let tests =
    testList "nonsense in configs" [
        for folder in [ "sd1"; "sd2"; "sdxl"; "inpaint"; "x4-upscaler" ] do
            for part in [ "unet"; "vae"; "text_encoder"; "text_encoder_2" ] do
                if Directory.Exists(Path.Combine(Support.golden, folder, part)) then
                    testCase $"{folder}/{part}"
                    <| fun () ->
                        let faults = spoiled folder part
                        Expect.isEmpty faults (String.concat "\n" faults)
    ]
