/// Single files of the public models: their facts and the configs that follow from their shapes.
module Recipes.Tests.SingleFileTests

open System
open System.IO
open Expecto
open Recipes.Core.Models
open Recipes.Core.Networks
open Recipes.Core.Schedules
open Recipes.Core.Weights
open Recipes.Tests.OriginalFiles

/// A full-size checkpoint without weights.
let private withFull entries metadata (test: string -> unit) =
    Support.withFolder (fun folder ->
        let path = Path.Combine(folder, "model.safetensors")
        writeWith metadata path entries
        test path)

let private sums (names: string list) =
    names
    |> List.sumBy (fun name -> manifest name |> Map.values |> Seq.sumBy (List.fold (*) 1L))

type private Wanted = {
    Family: string
    Pipeline: string
    Size: int
    Prediction: string
    Manifests: string list
}

let private full: (string * (unit -> Entry list) * (string * string) list * Wanted) list =
    let sd1 = {
        Family = "SD1"
        Pipeline = "StableDiffusionPipeline"
        Size = 512
        Prediction = "epsilon"
        Manifests = [ "unet_sd15"; "vae_sd"; "clip_l_sd15" ]
    }

    let v = {
        Family = "SD2"
        Pipeline = "StableDiffusionPipeline"
        Size = 768
        Prediction = "v_prediction"
        Manifests = [ "unet_sd21"; "vae_sd"; "openclip_h_sd21" ]
    }

    let xl = {
        Family = "SDXL"
        Pipeline = "StableDiffusionXLPipeline"
        Size = 1024
        Prediction = "epsilon"
        Manifests = [ "unet_sdxl"; "vae_sd"; "clip_l_sd15"; "openclip_g_sdxl_te2" ]
    }

    let atStep (step: int64) () =
        {
            Key = "global_step"
            Type = DType.I64
            Shape = []
            Bytes = Some(BitConverter.GetBytes step)
        }
        :: fullSd2 ()

    let wide () =
        fullSd1 "unet_sd15"
        @ [
            entry "model_ema.diffusion_modelinput_blocks00weight" [ 320L; 4L; 3L; 3L ]
            entry "alphas_cumprod" [ 1000L ]
            entry "first_stage_model.loss.logvar" []
            entry "cond_stage_model.transformer.text_model.embeddings.position_ids" [ 1L; 77L ]
        ]

    [
        "SD 1.5", (fun () -> fullSd1 "unet_sd15"), [], sd1
        "SD 1.5 with what training left behind", wide, [], sd1
        "SD 1.5 inpainting",
        (fun () -> fullSd1 "unet_sd15_inpaint"),
        [],
        {
            sd1 with
                Pipeline = "StableDiffusionInpaintPipeline"
                Manifests = [ "unet_sd15_inpaint"; "vae_sd"; "clip_l_sd15" ]
        }
        "SD 2.1", fullSd2, [], v
        "SD 2.1 at another step", atStep 110_000L, [], v
        "SD 2 base by its step",
        atStep 875_000L,
        [],
        {
            v with
                Size = 512
                Prediction = "epsilon"
        }
        "SD 2.1 base by its header",
        fullSd2,
        [ "modelspec.prediction_type", "epsilon"; "modelspec.resolution", "640x640" ],
        {
            v with
                Size = 640
                Prediction = "epsilon"
        }
        "SDXL", fullSdxl, [], xl
        "SDXL that predicts v",
        (fun () -> entry "v_pred" [ 0L ] :: fullSdxl ()),
        [],
        { xl with Prediction = "v_prediction" }
    ]

[<Tests>]
let tests =
    testList "checkpoints" [
        for name, entries, metadata, wanted in full do
            testCase $"facts of {name}" (fun () ->
                withFull (entries ()) metadata (fun path ->
                    let found = ModelFolder.Read path
                    Expect.equal found.Family wanted.Family "family"
                    Expect.equal found.PipelineClass wanted.Pipeline "pipeline"
                    Expect.equal found.NativeSize wanted.Size "pixels"
                    Expect.equal found.PredictionType wanted.Prediction "prediction"
                    Expect.equal found.LatentFactor 8 "pixels a latent"
                    Expect.equal found.ParameterCount (sums wanted.Manifests) "weights"
                    Expect.equal found.Bytes (FileInfo(path).Length) "bytes"
                    Expect.equal found.Tokenizer.Count 49408 "vocabulary"

                    // Every matrix and kernel of the published shapes but the embedding tables.
                    let layers = [
                        for manifest in wanted.Manifests |> List.map manifest do
                            for KeyValue(key, shape) in manifest do
                                if
                                    (shape.Length = 2 || shape.Length = 4)
                                    && not (key.Contains "embedding.weight")
                                    && not (
                                        key.StartsWith "encoder."
                                        || key.StartsWith "decoder."
                                        || key.Contains "quant_conv"
                                    )
                                then
                                    key.Replace(".weight", ""), shape[1], shape[0]
                    ]

                    Expect.equal
                        (found.Layers
                         |> Seq.map (fun layer -> layer.Name, layer.In, layer.Out)
                         |> Seq.sort
                         |> List.ofSeq)
                        (List.sort layers)
                        "layers"))

        testCase "configs of the public models" (fun () ->
            let opened entries (test: IModelSource -> unit) =
                withFull entries [] (fun path ->
                    use source = ModelSource.Open path
                    test source)

            opened (fullSd1 "unet_sd15") (fun source ->
                let unet = source.UNet
                Expect.equal (List.ofSeq unet.BlockOutChannels) [ 320L; 640L; 1280L; 1280L ] "widths"
                Expect.equal (List.ofSeq unet.AttentionHeads) [ 8L ] "heads"
                Expect.equal (unet.NormNumGroups, unet.LayersPerBlock) (32L, 2L) "groups and layers"
                Expect.equal (List.ofSeq unet.DownBlockTypes) (List.ofSeq (UNetConfig().DownBlockTypes)) "levels"
                let text = source.TextEncoders[0]
                Expect.equal (text.NumAttentionHeads, text.HiddenAct) (12L, "quick_gelu") "text"

                Expect.equal
                    source.Vae
                    (VaeConfig(Where = source.Vae.Where, BlockOutChannels = source.Vae.BlockOutChannels))
                    "vae"

                Expect.equal source.Tokenizers[0].PadId 49407 "padding"
                Expect.equal source.Scheduler.ClassName "PNDMScheduler" "sampler")

            opened (fullSd2 ()) (fun source ->
                Expect.equal (List.ofSeq source.UNet.AttentionHeads) [ 5L; 10L; 20L; 20L ] "heads"
                Expect.equal source.UNet.SampleSize 96L "latents"
                let text = source.TextEncoders[0]

                Expect.equal
                    (text.NumHiddenLayers, text.NumAttentionHeads, text.HiddenAct)
                    (23L, 16L, "gelu")
                    "the last layer is left out"

                Expect.equal source.Tokenizers[0].PadId 0 "padding"
                Expect.equal source.Scheduler.PredictionType PredictionType.Velocity "prediction")

            opened (fullSdxl ()) (fun source ->
                let unet = source.UNet
                Expect.equal (List.ofSeq unet.AttentionHeads) [ 5L; 10L; 20L ] "heads"
                Expect.equal (List.ofSeq unet.TransformerLayersPerBlock) [ 1L; 2L; 10L ] "depth"
                Expect.equal unet.AdditionTimeEmbedDim (Nullable 256L) "sizes"
                Expect.equal unet.ProjectionClassEmbeddingsInputDim (Nullable 2816L) "pooled text and sizes"
                Expect.equal source.Vae.ScalingFactor 0.13025 "scaling"
                let texts = [ for text in source.TextEncoders -> text.NumHiddenLayers, text.ProjectionDim ]
                Expect.equal texts [ 12L, Nullable(); 32L, Nullable 1280L ] "both text encoders keep all layers"
                Expect.equal [ for tokenizer in source.Tokenizers -> tokenizer.PadId ] [ 49407; 0 ] "padding"))
    ]
