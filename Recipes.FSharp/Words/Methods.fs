namespace Recipes

/// A part of the UNet, counted from its input.
type Depth =
    | Down of int
    | Middle
    | Up of int

    /// As the weight files name it.
    member depth.Path =
        match depth with
        | Down index -> $"down_blocks.{index}"
        | Middle -> "mid_block"
        | Up index -> $"up_blocks.{index}"

    override depth.ToString() =
        match depth with
        | Down index -> $"Down {index}"
        | Middle -> "Middle"
        | Up index -> $"Up {index}"

/// Which layers are changed.
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
    /// Some layers, in these parts of the UNet only.
    | Within of Layer * Depth list
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
        | Within(layer, depths) -> $"""({layer.Word} |> within [ {depths |> List.map string |> String.concat "; "} ])"""
        | Named pattern -> $"(Named \"{pattern}\")"

    override layer.ToString() =
        match layer with
        | Attention -> "attention"
        | CrossAttention -> "cross-attention"
        | FeedForward -> "feed-forward"
        | Convolution -> "convolution"
        | TextEncoder -> "text encoder"
        | Within(layer, depths) -> $"""{layer} of {depths |> List.map _.Path |> String.concat ", "}"""
        | Named pattern -> $"`{pattern}`"

/// How a low-rank adapter changes a layer.
type LowRank =
    /// By the product of two narrow factors (arXiv 2106.09685).
    | LoRA
    /// The same, with a magnitude of its own for each output (arXiv 2402.09353).
    | DoRA

    override kind.ToString() =
        match kind with
        | LoRA -> "LoRA"
        | DoRA -> "DoRA"

/// What is trained.
type Method =
    /// A low-rank change of some layers.
    | Adapter of LowRank * int<rank>
    /// Vectors of a new token, and nothing else (textual inversion, arXiv 2208.01618).
    | NewVectors of int<vec>
    /// The keys and values of the attention to the prompt, and a vector for each subject's token (Custom Diffusion,
    /// arXiv 2212.04488).
    | KeysAndValues
    /// The UNet's own weights.
    | Everything
    /// A ControlNet beside the UNet, which follows hints of a kind (arXiv 2302.05543).
    | ControlNetwork of HintKind

    override way.ToString() =
        match way with
        | Adapter(kind, rank) -> $"{kind} rank {rank}"
        | NewVectors count -> $"{count} new vectors"
        | KeysAndValues -> "cross-attention keys and values"
        | Everything -> "every weight"
        | ControlNetwork kind -> $"a ControlNet for {kind}"

/// The captions that new vectors are learned with.
type Templates =
    /// `a photo of a {}` and the like.
    | Things
    /// `a painting in the style of {}` and the like.
    | Styles

    override templates.ToString() =
        match templates with
        | Things -> "things"
        | Styles -> "styles"

/// What the first factor of a low-rank adapter is drawn from; the second is zero, so that nothing is changed yet.
type Initialisation =
    /// Uniform, by the number of inputs.
    | Kaiming
    /// Normal, by the rank.
    | Gaussian
    /// Rows at right angles.
    | RightAngles

    override kind.ToString() =
        match kind with
        | Kaiming -> "kaiming"
        | Gaussian -> "gaussian"
        | RightAngles -> "right-angles"

/// How models that learned subjects apart become one that knows them all.
type MergeWay =
    /// Keys and values that answer each subject's words just as its own training taught, and ordinary captions as nearly
    /// as can be as before (Custom Diffusion, arXiv 2212.04488, equations 4 and 5).
    | ClosedForm
    /// Keys and values that answer each subject's prompts as nearly as can be as its own training taught, and ordinary
    /// captions as before (Mix-of-Show, arXiv 2305.18292, equation 5).
    | LeastSquares
    /// The sum of adapters that read inputs at right angles (Orthogonal Adaptation, arXiv 2312.02432).
    | Sum
    /// The sum of any changes, each as if it were alone: what the others are to be better than.
    | PlainSum

    override way.ToString() =
        match way with
        | ClosedForm -> "closed form"
        | LeastSquares -> "least squares"
        | Sum -> "sum"
        | PlainSum -> "plain sum"

/// A line of a method.
[<RequireQualifiedAccess>]
type TunePart =
    | Only of Layer
    | RankAt of Layer * int<rank>
    | Alpha of float
    | Dropout of float
    | Initial of Initialisation
    | Orthogonal of share: int
    | StartFrom of word: string
    | Templates of Templates

    /// The word that writes this line.
    member part.Word =
        match part with
        | Only _ -> "only"
        | RankAt _ -> "rankAt"
        | Alpha _ -> "alpha"
        | Dropout _ -> "dropout"
        | Initial _ -> "initial"
        | Orthogonal _ -> "orthogonal"
        | StartFrom _ -> "startFrom"
        | Templates _ -> "templates"

/// A mark for the type checker: a method whose layers can be chosen.
type ByLayers = interface end

/// A mark for the type checker: a low-rank adapter.
type ByLowRank =
    inherit ByLayers

/// A mark for the type checker: training of the model's own weights.
type ByWeights =
    inherit ByLayers

/// A mark for the type checker: a method that makes new tokens.
type ByTokens = interface end

/// A mark for the type checker: training of a new token's vectors.
type ByVectors =
    inherit ByTokens

/// A mark for the type checker: training of keys and values, and of a token of each subject.
type ByKeysAndValues =
    inherit ByTokens

/// A mark for the type checker: training of a ControlNet.
type ByControl = interface end

/// One line of a method; the mark says of which.
[<Struct>]
type TuneLine<'way> = TuneLine of TunePart

/// A method with its lines.
type Tuning = {
    Method: Method
    Parts: TunePart list
} with

    override tuning.ToString() = string tuning.Method
