namespace Recipes

/// The words for how it is learned: the methods that `adapt` takes, and their lines.
[<AutoOpen>]
module MethodWords =
    let private tuning way = { Method = way; Parts = [] }

    /// A low-rank adapter of a kind: `adapter DoRA 16<rank>`.
    let adapter kind rank =
        TuningBlock<ByLowRank>(tuning (Adapter(kind, rank)))

    /// A low-rank adapter (LoRA): `lora 16<rank>` or `lora 16<rank> { alpha 8.0; only CrossAttention }`.
    let lora rank = adapter LoRA rank

    /// A low-rank adapter with magnitudes of its own (DoRA).
    let dora rank = adapter DoRA rank

    /// A new token of so many vectors: `textualInversion 4<vec> { startFrom "toy" }`.
    let textualInversion vectors =
        TuningBlock<ByVectors>(tuning (NewVectors vectors))

    /// Keys and values of the attention to the prompt, with a new token for each subject (Custom Diffusion, arXiv
    /// 2212.04488): `customDiffusion` or `customDiffusion { startFrom "toy" }`.
    let customDiffusion = TuningBlock<ByKeysAndValues>(tuning KeysAndValues)

    /// The UNet's own weights, all of them: `everything`, or a part: `everything { only CrossAttention }`; with the line
    /// `textEncoder` the text encoder's as well.
    let everything = TuningBlock<ByWeights>(tuning Everything)

    /// A ControlNet of one's own for a kind of hints: `controlNet Canny`.
    let controlNet (kind: #IHintKind) =
        TuningBlock<ByControl>(tuning (ControlNetwork kind.Kind))

    /// Change these layers and no others; several lines add up. Default: `only Attention` of an adapter, and all of
    /// `everything`.
    let only<'way when 'way :> ByLayers> layer : TuneLine<'way> = TuneLine(TunePart.Only layer)

    /// These layers in some parts of the UNet only: `only (Attention |> within [ Middle; Up 1 ])`.
    let within depths layer = Within(layer, depths)

    /// Another rank for some of the layers; of two that fit, the later line counts. Alpha stays as it is.
    let rankAt layer rank : TuneLine<ByLowRank> = TuneLine(TunePart.RankAt(layer, rank))

    /// The change of each layer is scaled by alpha over that layer's rank. Default: each layer's rank, hence no scaling.
    let alpha value : TuneLine<ByLowRank> = TuneLine(TunePart.Alpha value)

    /// Train the text encoder's own weights too, all of them (`--train_text_encoder` of other programs): a closer likeness, more
    /// memory, and captions are encoded at each step. Default: the text encoder stays as it is.
    let textEncoder: TuneLine<ByWeights> = TuneLine TunePart.TextEncoderToo

    /// The share of the adapter's inputs that is dropped in training, from 0 to below 1. Default: 0.
    let dropout share : TuneLine<ByLowRank> = TuneLine(TunePart.Dropout share)

    /// What the adapter's first factor is drawn from. Default: Kaiming.
    let initial kind : TuneLine<ByLowRank> = TuneLine(TunePart.Initial kind)

    /// The adapter's first factor is this share, from 1, of a basis that is the same for all, and stays so: adapters of
    /// different shares add up without disturbing each other (Orthogonal Adaptation, arXiv 2312.02432).
    let orthogonal share : TuneLine<ByLowRank> = TuneLine(TunePart.Orthogonal share)

    /// The word whose vector the new ones start from. Default: the subject's class noun.
    let startFrom<'way when 'way :> ByTokens> word : TuneLine<'way> = TuneLine(TunePart.StartFrom word)

    /// The captions that new vectors are learned with. Default: Things.
    let templates kind : TuneLine<ByVectors> = TuneLine(TunePart.Templates kind)
