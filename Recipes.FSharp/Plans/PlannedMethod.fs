namespace Recipes

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
    /// Numbers of the text encoders that are trained beside them; 0 where those stay as they are.
    Text: int64
    /// Numbers that are trained, those included.
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
    /// The base model draws as it is, and controls lead it.
    | Nothing
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
        | Nothing -> 0L
        | Weights weights -> weights.Parameters
