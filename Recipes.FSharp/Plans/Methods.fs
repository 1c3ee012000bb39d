/// What a plan trains, with the layers and tokens that the words of the recipe mean.
module internal Recipes.Plans.Methods

open Recipes

let private lora kind rank (tuning: Tuning) (model: BaseFacts) : PlannedLora =
    let plain = {
        Kind = kind
        Rank = rank
        Alpha = None
        Dropout = 0.0
        Initial = Kaiming
        Share = None
        Targets = Targets.chosen tuning
        Layers = Targets.adapted rank tuning model.Layers
    }

    (plain, tuning.Parts)
    ||> List.fold (fun lora part ->
        match part with
        | TunePart.Alpha value -> { lora with Alpha = Some value }
        | TunePart.Dropout value -> { lora with Dropout = value }
        | TunePart.Initial kind -> { lora with Initial = kind }
        | TunePart.Orthogonal share -> { lora with Share = Some share }
        | TunePart.Only _
        | TunePart.RankAt _
        | TunePart.StartFrom _
        | TunePart.Templates _
        | TunePart.TextEncoderToo -> lora)

let private vectors count (tuning: Tuning) (source: SourceDraft) (model: BaseFacts) : PlannedVectors = {
    Token = source.Token
    Count = count
    StartFrom = Targets.startFrom tuning source.Noun
    Templates =
        tuning.Parts
        |> List.tryPick (fun part ->
            match part with
            | TunePart.Templates kind -> Some kind
            | _ -> None)
        |> Option.defaultValue Things
    Width = model.TextWidth
}

let private weights (tuning: Tuning) (model: BaseFacts) : PlannedWeights = {
    Targets = Targets.written tuning
    Layers = Targets.trained tuning model.Layers
    Text = Targets.textParameters tuning model
    Parameters = Targets.ownParameters tuning model
}

let private keys (tuning: Tuning) (draft: Draft) (model: BaseFacts) = {
    Weights = weights tuning model
    Tokens = [
        for subject in draft.Subjects do
            {
                Token = subject.Token
                StartFrom = Targets.startFrom tuning subject.Noun
                Width = model.TextWidth
            }
    ]
}

let private merged (draft: Draft) (parts: PlanData list) : PlannedMerge =
    let way = fst draft.Merges.Head

    {
        Way = way
        Against = List.tryHead draft.Against
        IsKeys =
            (match way with
             | ClosedForm
             | LeastSquares -> true
             | Sum
             | PlainSum -> parts |> List.exists _.Method.IsKeysAndValues)
        Tokens =
            parts
            |> List.collect (fun part ->
                match part.Method with
                | PlannedMethod.KeysAndValues keys -> keys.Tokens
                | _ -> [])
    }

/// The method of a recipe without errors. `parts` are the plans that it merges.
let planned (draft: Draft) (model: BaseFacts) (parts: PlanData list) : PlannedMethod =
    match draft.Tunings with
    | tuning :: _ ->
        match tuning.Method with
        | Adapter(kind, rank) -> PlannedMethod.LowRank(lora kind rank tuning model)
        | NewVectors count -> PlannedMethod.Vectors(vectors count tuning draft.Sources.Head model)
        | KeysAndValues -> PlannedMethod.KeysAndValues(keys tuning draft model)
        | Everything -> PlannedMethod.Weights(weights tuning model)
        | ControlNetwork kind ->
            PlannedMethod.Control {
                Kind = kind
                Parameters = ControlSize.parameters model.Layers
            }
    | [] when draft.IsMerge -> PlannedMethod.Merge(merged draft parts)
    | [] -> PlannedMethod.Nothing
