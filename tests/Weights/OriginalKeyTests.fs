module Recipes.Tests.OriginalKeyTests

open System.IO
open Expecto
open Recipes.Core.Networks
open Recipes.Core.Weights
open Recipes.Core.Weights.Original
open Recipes.Tests.OriginalFiles

let private unet config = UNetKeys.Of config

let private tables: (string * KeyRow seq) list = [
    "unet_sd15", unet (UNetConfig())
    "unet_sd15_inpaint", unet (UNetConfig(InChannels = 9L))
    "unet_sd21", unet sd2
    "unet_sdxl", unet sdxl
    "vae_sd", VaeKeys.Of(VaeConfig(), "first_stage_model.")
    "clip_l_sd15", TextKeys.Clip(ClipTextConfig(), "cond_stage_model.transformer.text_model.")
    "openclip_h_sd21", TextKeys.OpenClip(openClipH, "cond_stage_model.model.")
    "openclip_g_sdxl_te2", TextKeys.OpenClip(openClipG, "conditioner.embedders.1.model.")
]

/// Pairs of names as the published files and folders have them.
let private published = [
    "unet_sd15", "down_blocks.0.resnets.1.norm1.weight", "input_blocks.2.0.in_layers.0.weight"
    "unet_sd15", "down_blocks.0.downsamplers.0.conv.weight", "input_blocks.3.0.op.weight"
    "unet_sd15", "down_blocks.3.resnets.1.conv2.bias", "input_blocks.11.0.out_layers.3.bias"
    "unet_sd15", "down_blocks.1.resnets.0.conv_shortcut.weight", "input_blocks.4.0.skip_connection.weight"
    "unet_sd15", "mid_block.attentions.0.proj_in.weight", "middle_block.1.proj_in.weight"
    "unet_sd15", "up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.1.conv.weight"
    "unet_sd15", "up_blocks.1.upsamplers.0.conv.weight", "output_blocks.5.2.conv.weight"
    "unet_sd15",
    "up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_k.weight",
    "output_blocks.11.1.transformer_blocks.0.attn2.to_k.weight"
    "unet_sd15", "up_blocks.3.resnets.2.time_emb_proj.bias", "output_blocks.11.0.emb_layers.1.bias"
    "unet_sd15", "conv_out.weight", "out.2.weight"
    "unet_sdxl", "add_embedding.linear_2.weight", "label_emb.0.2.weight"
    "unet_sdxl",
    "down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj.weight",
    "input_blocks.8.1.transformer_blocks.9.ff.net.0.proj.weight"
    "unet_sdxl", "up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.2.conv.weight"
    "vae_sd", "decoder.up_blocks.0.resnets.2.conv1.weight", "decoder.up.3.block.2.conv1.weight"
    "vae_sd", "decoder.up_blocks.3.resnets.0.conv_shortcut.bias", "decoder.up.0.block.0.nin_shortcut.bias"
    "vae_sd", "decoder.up_blocks.2.upsamplers.0.conv.weight", "decoder.up.1.upsample.conv.weight"
    "vae_sd", "encoder.mid_block.attentions.0.to_out.0.weight", "encoder.mid.attn_1.proj_out.weight"
    "vae_sd", "encoder.down_blocks.2.downsamplers.0.conv.bias", "encoder.down.2.downsample.conv.bias"
    "clip_l_sd15",
    "text_model.encoder.layers.11.mlp.fc1.weight",
    "cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc1.weight"
    "openclip_h_sd21",
    "text_model.encoder.layers.22.self_attn.k_proj.bias",
    "cond_stage_model.model.transformer.resblocks.22.attn.in_proj_bias"
    "openclip_h_sd21", "text_model.embeddings.position_embedding.weight", "cond_stage_model.model.positional_embedding"
    "openclip_g_sdxl_te2", "text_projection.weight", "conditioner.embedders.1.model.text_projection"
    "openclip_g_sdxl_te2",
    "text_model.encoder.layers.31.mlp.fc2.bias",
    "conditioner.embedders.1.model.transformer.resblocks.31.mlp.c_proj.bias"
]

[<Tests>]
let tests =
    testList "original keys" [
        for name, rows in tables do
            testCase $"every key of {name}, both ways" (fun () ->
                let rows = List.ofSeq rows
                let expected = manifest name |> Map.keys |> Set.ofSeq
                Expect.equal (rows |> List.map _.Diffusers |> Set.ofList) expected "the published keys"
                Expect.hasLength rows expected.Count "each once"
                let back = rows |> List.map (fun row -> row.Original, row.How) |> Set.ofList
                Expect.hasLength rows back.Count "one original part for each"

                for original, parts in rows |> List.groupBy _.Original do
                    let how = parts |> List.map _.How |> List.sort

                    if parts.Length > 1 then
                        Expect.equal
                            how
                            [ Arrangement.FirstThird; Arrangement.SecondThird; Arrangement.LastThird ]
                            $"{original} is shared by query, key and value alone")

        testCase "names as published" (fun () ->
            let tables = Map.ofList tables

            for name, diffusers, original in published do
                let row = tables[name] |> Seq.find (fun row -> row.Diffusers = diffusers)
                Expect.stringEnds row.Original original diffusers)

        testCase "the tiny checkpoint, key by key" (fun () ->
            use file =
                SafeTensorsFile.Open(Path.Combine(Support.golden, "sd1-original.safetensors"))

            let part name =
                Path.Combine(Support.golden, "sd1", name)

            let rows =
                Seq.concat [
                    UNetKeys.Of(UNetConfig.Read(part "unet"))
                    VaeKeys.Of(VaeConfig.Read(part "vae"), "first_stage_model.")
                    TextKeys.Clip(ClipTextConfig.Read(part "text_encoder"), "cond_stage_model.transformer.text_model.")
                ]

            Expect.equal (rows |> Seq.map _.Original |> Set.ofSeq) (Set.ofSeq file.Tensors.Keys) "keys")

        for how, stored, seen in
            [
                Arrangement.Same, [| 2L; 3L |], [| 2L; 3L |]
                Arrangement.Convolution, [| 2L; 3L; 1L; 1L |], [| 2L; 3L |]
                Arrangement.Convolution, [| 2L; 3L |], [| 2L; 3L |]
                Arrangement.Transposed, [| 2L; 3L |], [| 3L; 2L |]
                Arrangement.SecondThird, [| 6L; 3L |], [| 2L; 3L |]
                Arrangement.LastThird, [| 6L |], [| 2L |]
                Arrangement.LastThird, [| 7L |], [| 7L |]
            ] do
            testCase $"{how} of {List.ofArray stored}" (fun () ->
                Expect.equal (Arrangements.Shape(how, stored)) seen "shape")
    ]
