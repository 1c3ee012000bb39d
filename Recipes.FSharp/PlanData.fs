namespace Recipes

/// The base model of a plan.
type BaseModel = {
    Name: string
    /// SD1, SD2 or SDXL.
    Family: string
    /// The full path of its folder, or of its one file.
    Folder: string
    /// Where it was downloaded from.
    Origin: ModelOrigin option
    /// What its UNet predicts: epsilon, v_prediction or sample.
    Prediction: string
    NativeSize: int<px>
    /// Sides of pictures are multiples of this.
    Multiple: int<px>
    Parameters: int64
    /// Of its weight files, in hexadecimal.
    Sha256: string
}

/// A subject or a theme of a plan.
type PlannedSubject = {
    /// Empty of a theme.
    Token: string
    Noun: string
    /// The caption of the subject's pictures, where it is one for all.
    InstancePrompt: string
    Captions: CaptionSource
    /// Whether the pictures' mirror images are learned from, too.
    Flipped: bool
    /// Whether small pictures may be enlarged.
    Upscaled: bool
    /// The caption of the class pictures.
    ClassPrompt: string
    /// The full path of the folder of pictures.
    Folder: string
    Images: Picture list
    /// Not learned from: the loss on them is measured meanwhile.
    HeldOut: Picture list
    /// How often each of the pictures is visited.
    Visits: int64 list
    /// A mask of each picture; none where there are none.
    Masks: Picture list
    /// What collages set it beside, drawn by the base model.
    Beside: string list
    /// The shapes that the pictures are trained at, with how many have each.
    Shapes: (string * int) list
    /// Class pictures to draw with the base model; 0 for none.
    PriorCount: int<img>
    /// How many of them the training reaches.
    ClassVisited: int<img>
} with

    /// As prompts say it, or a theme's name.
    member subject.Called =
        if subject.Token = "" then
            subject.Noun
        else
            $"{subject.Token} {subject.Noun}"

/// A low-rank adapter of a plan.
type PlannedLora = {
    Kind: LowRank
    Rank: int<rank>
    /// As written; nothing where each layer's alpha is its rank.
    Alpha: float option
    Dropout: float
    Initial: Initialisation
    /// The share of the common basis that the first factors are; nothing where they are trained.
    Share: int option
    /// The words that chose the layers.
    Targets: Layer list
    /// Every layer that the adapter changes, in the order of the weight files.
    Layers: AdaptedLayer list
} with

    /// Numbers that are trained.
    member lora.Parameters =
        match lora.Share with
        | None -> lora.Layers |> List.sumBy _.Parameters
        | Some _ -> lora.Layers |> List.sumBy _.Second

/// A new token of a plan.
type PlannedVectors = {
    Token: string
    Count: int<vec>
    /// The word whose vector they start from.
    StartFrom: string
    Templates: Templates
    Width: int
} with

    /// Numbers that are trained.
    member vectors.Parameters = int64 vectors.Count * int64 vectors.Width

/// A subject's token that a plan makes, of one vector.
type PlannedToken = {
    Token: string
    /// The word whose vector it starts from.
    StartFrom: string
    Width: int
}

/// Weights of the base model's UNet that a plan trains.
type PlannedWeights = {
    /// The words that chose the layers; none for the whole UNet.
    Targets: Layer list
    /// The layers in the order of the weight files; nothing for the whole UNet.
    Layers: BaseLayer list option
    /// Numbers that are trained.
    Parameters: int64
}

/// Keys and values that a plan trains, and its subjects' tokens.
type PlannedKeys = {
    Weights: PlannedWeights
    /// None of a theme.
    Tokens: PlannedToken list
} with

    /// Numbers that are trained.
    member keys.Parameters =
        keys.Weights.Parameters
        + (keys.Tokens |> List.sumBy (fun token -> int64 token.Width))

/// A ControlNet that a plan trains.
type PlannedControlNet = {
    Kind: HintKind
    /// Numbers that are trained.
    Parameters: int64
}

/// A control of a plan's samples.
type PlannedControl = {
    Kind: HintKind
    /// Nothing where it is the ControlNet that is trained.
    Net: NetFiles option
    /// One for all samples, or one each.
    Hints: HintFile list
    Strength: float
    /// The share of the denoising steps at which it sets in, and at which it stops.
    First: float
    Last: float
}

/// What a plan puts together.
type PlannedMerge = {
    Way: MergeWay
    /// Another way, to compare with.
    Against: MergeWay option
    /// Whether keys and values are the result, rather than a low-rank adapter.
    IsKeys: bool
    /// New tokens of the parts.
    Tokens: PlannedToken list
}

/// What a plan trains.
[<RequireQualifiedAccess>]
type PlannedMethod =
    | LowRank of PlannedLora
    | Vectors of PlannedVectors
    | KeysAndValues of PlannedKeys
    | Weights of PlannedWeights
    | Control of PlannedControlNet
    /// Nothing: it puts together what its parts train.
    | Merge of PlannedMerge

    /// Numbers that are trained.
    member way.Parameters =
        match way with
        | LowRank lora -> lora.Parameters
        | Vectors vectors -> vectors.Parameters
        | Control net -> net.Parameters
        | Merge _ -> 0L
        | KeysAndValues keys -> keys.Parameters
        | Weights weights -> weights.Parameters

/// A prompt to draw before and after.
type PlannedSample = {
    /// For the tuned model: each subject as token and noun.
    Text: string
    /// For the base model: each subject as its noun.
    Plain: string
    /// The tokens of the subjects that it mentions.
    Mentions: string list
}

/// What a plan for an upscaler says beside its training.
type PlannedUpscaling = {
    /// How many times it enlarges along each side.
    Factor: int
    /// Sides of small pictures are multiples of this.
    Multiple: int<px>
    /// The highest noise level of small pictures in training.
    NoiseUpTo: int
    /// The noise level of small pictures that are enlarged.
    NoiseLevel: int
    /// Pictures to measure by; none where only drawn ones are enlarged.
    HeldOut: Picture list
}

/// All that a plan holds. Only `Plan.check` makes a plan of it.
type internal PlanData = {
    Name: string
    Script: string option
    Model: BaseModel
    Subjects: PlannedSubject list
    Method: PlannedMethod
    Budget: Budget
    Drawing: Drawing
    Samples: PlannedSample list
    Controls: PlannedControl list
    /// Of a plan for an upscaler.
    Upscaling: PlannedUpscaling option
    /// The plan for an upscaler of what is drawn.
    Enlarge: PlanData option
    /// The plans whose results are merged.
    Parts: PlanData list
    Outputs: string
    LeastMemory: int64
    Warnings: Problem list
}
