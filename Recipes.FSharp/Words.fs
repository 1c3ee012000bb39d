namespace Recipes

open System

/// A family of base models: a mark for the type checker, never an object.
type Family = interface end

/// Stable Diffusion 1.x: one CLIP text encoder of width 768.
type SD1 =
    inherit Family

/// Stable Diffusion 2.x: one OpenCLIP text encoder of width 1024.
type SD2 =
    inherit Family

/// Stable Diffusion XL: two text encoders, 2048 wide together.
type SDXL =
    inherit Family

/// A model on a hub such as huggingface.co.
type Repository = {
    /// Such as `org/name`.
    Id: string
    /// A branch, a tag or a commit.
    Revision: string
    /// The weights' variant, such as `fp16`; nothing for full precision.
    Variant: string option
    /// The one file to take; nothing for the whole folder.
    File: string option
}

/// Where the weights of a base model lie.
[<RequireQualifiedAccess>]
type Weights =
    /// The small model that comes with this library.
    | Pocket
    /// A folder in the layout of the diffusers library.
    | Folder of path: string
    /// A checkpoint in one `.safetensors` file.
    | File of path: string
    /// A model on a hub, from a cache on this disk or downloaded.
    | Hub of Repository

/// A base model that belongs to a family.
type Model<'family when 'family :> Family> = { Name: string; Weights: Weights }

/// A line of a subject.
[<RequireQualifiedAccess>]
type SubjectPart =
    | Token of string
    | Images of folder: string
    | Prior of int<img>
    | InstancePrompt of template: string
    | ClassPrompt of template: string
    | Upscaled

    /// The word that writes this line.
    member part.Word =
        match part with
        | Token _ -> "token"
        | Images _ -> "images"
        | Prior _ -> "prior"
        | InstancePrompt _ -> "instancePrompt"
        | ClassPrompt _ -> "classPrompt"
        | Upscaled -> "upscaled"

/// Something to learn: a token that will name it and the class noun that says what it is.
type Subject = {
    Noun: string
    Parts: SubjectPart list
} with

    /// The token, or nothing where the subject has none yet.
    member subject.Token =
        subject.Parts
        |> List.tryPick (fun part ->
            match part with
            | SubjectPart.Token token -> Some token
            | _ -> None)

    /// As a prompt says it: `sks robot`.
    override subject.ToString() =
        match subject.Token with
        | Some token -> $"{token} {subject.Noun}"
        | None -> subject.Noun

/// A prompt that knows which subjects it mentions.
type Prompt = {
    /// With each subject as token and noun.
    Text: string
    /// With each subject as its noun alone: what a model that has not learned it can be asked.
    Plain: string
    Mentions: Subject list
} with

    override prompt.ToString() = prompt.Text

/// Which layers an adapter changes.
type Layer =
    /// Queries, keys, values and outputs of every attention in the UNet.
    | Attention
    /// The same, of the attention to the prompt only.
    | CrossAttention
    /// Both linear maps of every feed-forward block in the UNet.
    | FeedForward
    /// The convolutions of the residual blocks and between resolutions in the UNet.
    | Convolution
    /// Queries, keys, values and outputs of the text encoder.
    | TextEncoder
    /// Layers by name: whole parts of it between dots (`to_q`, `mid_block`, `attn2.to_k`), or a pattern with `*`.
    | Named of pattern: string

    /// As a recipe says it.
    member layer.Word =
        match layer with
        | Attention -> "Attention"
        | CrossAttention -> "CrossAttention"
        | FeedForward -> "FeedForward"
        | Convolution -> "Convolution"
        | TextEncoder -> "TextEncoder"
        | Named pattern -> $"(Named \"{pattern}\")"

    override layer.ToString() =
        match layer with
        | Attention -> "attention"
        | CrossAttention -> "cross-attention"
        | FeedForward -> "feed-forward"
        | Convolution -> "convolution"
        | TextEncoder -> "text encoder"
        | Named pattern -> $"`{pattern}`"

/// How a subject is learned.
type Method =
    /// A low-rank change of some layers (LoRA, arXiv 2106.09685).
    | LoRA of int<rank>

/// A line of an adapter.
[<RequireQualifiedAccess>]
type LoraPart =
    | Only of Layer
    | RankAt of Layer * int<rank>
    | Alpha of float
    | Dropout of float

    /// The word that writes this line.
    member part.Word =
        match part with
        | Only _ -> "only"
        | RankAt _ -> "rankAt"
        | Alpha _ -> "alpha"
        | Dropout _ -> "dropout"

/// The numbers that the base model computes with while it trains; the adapter itself is always in 32 bits.
type Precision =
    | Float32
    | BFloat16

    override precision.ToString() =
        match precision with
        | Float32 -> "float32"
        | BFloat16 -> "bfloat16"

/// What computes.
type Device =
    | Cpu
    | Cuda of index: int

    override device.ToString() =
        match device with
        | Cpu -> "cpu"
        | Cuda index -> $"cuda:{index}"

/// How the learning rate moves after the warm-up.
type Schedule =
    | Constant
    /// Down to zero in a straight line.
    | Linear
    /// Down to zero along half a cosine.
    | Cosine
    /// The same, several times over.
    | CosineRestarts of cycles: int

    override schedule.ToString() =
        match schedule with
        | Constant -> "constant"
        | Linear -> "linear"
        | Cosine -> "cosine"
        | CosineRestarts cycles -> $"cosine-restarts:{cycles}"

/// A line of the training budget.
[<RequireQualifiedAccess>]
type TrainPart =
    | Steps of int<step>
    | Rate of float
    | Batch of int<img>
    | Accumulate of int
    | Warmup of int<step>
    | Schedule of Schedule
    | Size of int<px>
    | Seed of int
    | Precision of Precision
    | Device of Device
    | PriorWeight of float
    | WeightDecay of float
    | ClipNorm of float
    | MinSnr of float
    | Checkpoint of int<step>

    /// The word that writes this line.
    member part.Word =
        match part with
        | Steps _ -> "steps"
        | Rate _ -> "rate"
        | Batch _ -> "batch"
        | Accumulate _ -> "accumulate"
        | Warmup _ -> "warmup"
        | Schedule _ -> "schedule"
        | Size _ -> "size"
        | Seed _ -> "seed"
        | Precision _ -> "precision"
        | Device _ -> "device"
        | PriorWeight _ -> "priorWeight"
        | WeightDecay _ -> "weightDecay"
        | ClipNorm _ -> "clipNorm"
        | MinSnr _ -> "minSnr"
        | Checkpoint _ -> "checkpoint"

/// How noise becomes a picture.
type Sampler =
    /// Deterministic denoising (DDIM, arXiv 2010.02502).
    | Ddim

    override sampler.ToString() =
        match sampler with
        | Ddim -> "ddim"

/// A line of the drawing settings.
[<RequireQualifiedAccess>]
type DrawPart =
    | Denoise of int<step>
    | Guidance of float
    | Avoid of string
    | Seeds of int list
    | Count of int<img>
    | Sampler of Sampler

    /// The word that writes this line.
    member part.Word =
        match part with
        | Denoise _ -> "denoise"
        | Guidance _ -> "guidance"
        | Avoid _ -> "avoid"
        | Seeds _ -> "seeds"
        | Count _ -> "count"
        | Sampler _ -> "sampler"

/// A line about where results go.
[<RequireQualifiedAccess>]
type OutputPart =
    | Folder of string

    /// The word that writes this line.
    member part.Word =
        match part with
        | Folder _ -> "folder"

[<RequireQualifiedAccess>]
module internal Prompt =
    let private format (text: FormattableString) (say: Subject -> string) =
        let arguments =
            text.GetArguments()
            |> Array.map (fun argument ->
                match argument with
                | :? Subject as subject -> box (say subject)
                | other -> other)

        String.Format(Globalization.CultureInfo.InvariantCulture, text.Format, arguments)

    /// A prompt from an interpolated string, whose arguments remember their subjects.
    let ofText (text: FormattableString) = {
        Text = format text string
        Plain = format text _.Noun
        Mentions =
            text.GetArguments()
            |> Seq.choose tryUnbox<Subject>
            |> Seq.distinct
            |> List.ofSeq
    }
