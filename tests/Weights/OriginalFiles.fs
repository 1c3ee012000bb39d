/// Single-file checkpoints for tests: full-size ones without weights, and small ones with changed keys.
module Recipes.Tests.OriginalFiles

open System
open System.Buffers.Binary
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Recipes.Core.Networks
open Recipes.Core.Weights
open Recipes.Core.Weights.Original

/// A tensor to write; no bytes stand for zeros that take no room on the disk.
type Entry = {
    Key: string
    Type: DType
    Shape: int64 list
    Bytes: byte[] option
}

let entry key shape = {
    Key = key
    Type = DType.F16
    Shape = shape
    Bytes = None
}

/// Writes a safetensors file.
let writeWith (metadata: (string * string) list) (path: string) (entries: Entry list) =
    let header = JsonObject()

    if not metadata.IsEmpty then
        let strings = JsonObject()

        for key, value in metadata do
            strings[key] <- JsonValue.Create value

        header["__metadata__"] <- strings

    let mutable at = 0L

    for entry in entries do
        let size = List.fold (*) (int64 (entry.Type.Size())) entry.Shape
        let info = JsonObject()
        info["dtype"] <- JsonValue.Create(entry.Type.HeaderName())
        info["shape"] <- JsonArray [| for length in entry.Shape -> JsonValue.Create length :> JsonNode |]

        info["data_offsets"] <- JsonArray [| JsonValue.Create at :> JsonNode; JsonValue.Create(at + size) |]

        header[entry.Key] <- info
        at <- at + size

    let json = JsonSerializer.SerializeToUtf8Bytes header
    use stream = new FileStream(path, FileMode.Create)
    let length = Array.zeroCreate 8
    BinaryPrimitives.WriteInt64LittleEndian(Span length, json.LongLength)
    stream.Write(length, 0, 8)
    stream.Write(json, 0, json.Length)

    for entry in entries do
        match entry.Bytes with
        | Some bytes -> stream.Write(bytes, 0, bytes.Length)
        | None ->
            stream.Seek(List.fold (*) (int64 (entry.Type.Size())) entry.Shape, SeekOrigin.Current)
            |> ignore

    stream.SetLength(8L + json.LongLength + at)

let write path entries = writeWith [] path entries

/// All tensors of a file.
let read (path: string) = [
    use file = SafeTensorsFile.Open path

    for tensor in file.Tensors.Values do
        {
            Key = tensor.Name
            Type = tensor.DType
            Shape = List.ofArray tensor.Shape
            Bytes = Some(file.Bytes(tensor.Name).ToArray())
        }
]

/// Keys and shapes of a published model.
let manifest name : Map<string, int64 list> =
    File.ReadLines(Path.Combine(Support.golden, "keys", $"{name}.tsv"))
    |> Seq.filter (fun line -> line <> "")
    |> Seq.map (fun line ->
        match line.Split '\t' with
        | [| key; shape |] -> key, List.ofSeq (JsonSerializer.Deserialize<int64[]> shape |> nonNull)
        | _ -> failwith $"{name}.tsv: {line}")
    |> Map.ofSeq

/// A component's tensors as a checkpoint holds them, by its rows and its published shapes.
let stored (rows: KeyRow seq) (shapes: Map<string, int64 list>) = [
    for original, rows in rows |> Seq.groupBy _.Original do
        let row = Seq.head rows

        match row.How, shapes[row.Diffusers] with
        | Arrangement.Same, shape -> entry original shape
        | Arrangement.Convolution, shape -> entry original (shape @ [ 1L; 1L ])
        | Arrangement.Transposed, shape -> entry original (List.rev shape)
        | _, shape -> entry original ((3L * shape.Head) :: shape.Tail)
]

let sd2 =
    UNetConfig(
        SampleSize = 96L,
        CrossAttentionDim = 1024L,
        AttentionHeads = [| 5L; 10L; 20L; 20L |],
        UseLinearProjection = true
    )

let sdxl =
    UNetConfig(
        SampleSize = 128L,
        BlockOutChannels = [| 320L; 640L; 1280L |],
        DownBlockTypes = [| "DownBlock2D"; "CrossAttnDownBlock2D"; "CrossAttnDownBlock2D" |],
        UpBlockTypes = [| "CrossAttnUpBlock2D"; "CrossAttnUpBlock2D"; "UpBlock2D" |],
        CrossAttentionDim = 2048L,
        AttentionHeads = [| 5L; 10L; 20L |],
        TransformerLayersPerBlock = [| 1L; 2L; 10L |],
        UseLinearProjection = true,
        AdditionTimeEmbedDim = 256L,
        ProjectionClassEmbeddingsInputDim = 2816L
    )

let openClip width layers (projection: Nullable<int64>) =
    ClipTextConfig(
        HiddenSize = width,
        IntermediateSize = 4L * width,
        NumHiddenLayers = layers,
        NumAttentionHeads = width / 64L,
        HiddenAct = "gelu",
        ProjectionDim = projection
    )

let openClipH = openClip 1024L 23L (Nullable())

let openClipG = openClip 1280L 32L (Nullable 1280L)

let private vae =
    stored (VaeKeys.Of(VaeConfig(), "first_stage_model.")) (manifest "vae_sd")

let private clipL prefix =
    stored (TextKeys.Clip(ClipTextConfig(), prefix)) (manifest "clip_l_sd15")

/// Stable Diffusion 1.5, or its inpainting model.
let fullSd1 unet =
    stored (UNetKeys.Of(UNetConfig())) (manifest unet)
    @ vae
    @ clipL "cond_stage_model.transformer.text_model."

/// Stable Diffusion 2.1 as published: the whole OpenCLIP tower, of which the last layer is not used.
let fullSd2 () =
    let text =
        stored (TextKeys.OpenClip(openClipH, "cond_stage_model.model.")) (manifest "openclip_h_sd21")

    stored (UNetKeys.Of sd2) (manifest "unet_sd21")
    @ vae
    @ text
    @ [
        for tensor in text do
            if tensor.Key.Contains ".resblocks.22." then
                {
                    tensor with
                        Key = tensor.Key.Replace(".22.", ".23.")
                }
        entry "cond_stage_model.model.text_projection" [ 1024L; 1024L ]
        entry "cond_stage_model.model.logit_scale" []
    ]

/// SDXL base 1.0.
let fullSdxl () =
    stored (UNetKeys.Of sdxl) (manifest "unet_sdxl")
    @ vae
    @ clipL "conditioner.embedders.0.transformer.text_model."
    @ stored (TextKeys.OpenClip(openClipG, "conditioner.embedders.1.model.")) (manifest "openclip_g_sdxl_te2")
