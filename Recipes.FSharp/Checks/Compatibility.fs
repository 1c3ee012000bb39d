/// C: whether the recipe and the base model fit.
module internal Recipes.Checks.Compatibility

open Recipes

/// C17: the family that the recipe was typed for is the family of the files.
let private family (draft: Draft) (model: BaseFacts) = [
    if draft.Recipe.Family <> model.Family then
        error
            "C17"
            "recipe"
            $"written for {draft.Recipe.Family}, but {draft.Recipe.Model} is an {model.Family} model"
            $"Write `Models.folder<{model.Family}> ...`, or choose an {draft.Recipe.Family} model."

    if model.Channels <> 4 && not draft.Upscales && model.Family <> nameof X4 then
        error
            "C17"
            "recipe"
            $"the UNet of {draft.Recipe.Model} takes {model.Channels} channels, one that draws from a prompt alone takes 4"
            "Choose a model that is not made for inpainting or editing."
]

/// C19: the size of the pictures.
let private size (draft: Draft) (model: BaseFacts) = [
    let size, native, multiple = draft.Budget.Size, model.NativeSize, model.Multiple
    let below = size / multiple * multiple

    if size % multiple <> 0<px> then
        let choice =
            if below = 0<px> then
                $"`size {multiple}<px>`"
            else
                $"`size {below}<px>` or `size {below + multiple}<px>`"

        error "C19" "train.size" $"{size} px is not a multiple of {multiple} px" $"Write {choice}."
    elif
        not draft.Upscales
        && (4 * int size < 3 * int native || 2 * int size > 3 * int native)
    then
        warning
            "C19"
            "train.size"
            $"{size} px is far from the {native} px that {draft.Recipe.Model} was made for"
            $"Write `size {native}<px>`, or leave the line out."
]

/// C20: every target is a layer.
let private targets (tuning: Tuning) (model: BaseFacts) =
    let lines = [
        match tuning.Method with
        | Adapter _ ->
            for target in Targets.chosen tuning do
                "adapt.only", target

            for part in tuning.Parts do
                match part with
                | TunePart.RankAt(target, _) -> "adapt.rankAt", target
                | TunePart.Only _
                | TunePart.Alpha _
                | TunePart.Dropout _
                | TunePart.Initial _
                | TunePart.Orthogonal _
                | TunePart.StartFrom _
                | TunePart.TextEncoderToo
                | TunePart.Templates _ -> ()
        | Everything ->
            for target in Targets.written tuning do
                "adapt.only", target
        | NewVectors _
        | ControlNetwork _
        | KeysAndValues -> ()
    ]

    let changed =
        match tuning.Method with
        | Adapter(_, rank) -> Targets.adapted rank tuning model.Layers |> List.map _.Layer
        | NewVectors _
        | KeysAndValues
        | ControlNetwork _
        | Everything -> []

    [
        for place, target in lines do
            let matched = model.Layers |> List.filter (Targets.matches target)

            if matched.IsEmpty then
                let cure =
                    match target with
                    | Named pattern ->
                        let near =
                            Targets.similar pattern model.Layers |> List.map (fun name -> $"`{name}`")

                        $"Nearest: {listed near}."
                    | Attention
                    | CrossAttention
                    | FeedForward
                    | Convolution
                    | Within _
                    | TextEncoder -> "Choose other layers with `only`, such as `only Attention`."

                error "C20" place $"{target} matches 0 of {model.Layers.Length} layers" cure
            elif place = "adapt.rankAt" then
                if not (matched |> List.exists (fun layer -> List.contains layer changed)) then
                    error
                        "C20"
                        place
                        $"{target} is none of the layers that the adapter changes"
                        $"Add the line `only {target.Word}`, or remove this one."
    ]

/// C20: the UNet is what learns the subject; the text encoder may learn beside an adapter of it.
let private unet (tuning: Tuning) (model: BaseFacts) =
    let changed =
        match tuning.Method with
        | Adapter(_, rank) -> Targets.adapted rank tuning model.Layers |> List.map _.Layer
        | Everything -> Targets.trained tuning model.Layers |> Option.defaultValue []
        | NewVectors _
        | ControlNetwork _
        | KeysAndValues -> []

    let inside, outside =
        changed |> List.partition (fun layer -> layer.Component = "unet")

    match inside, outside, tuning.Method with
    | _, [], _ -> []
    | _, layer :: _, Everything -> [
        error
            "C20"
            "adapt.only"
            $"{layer.FullName} is not in the UNet, whose weights `everything` trains"
            "Choose layers of the UNet, and train the text encoder with the line `textEncoder`."
      ]
    | [], _, _ -> [
        error
            "C20"
            "adapt.only"
            $"none of the {outside.Length} chosen layers is in the UNet"
            "Add the line `only Attention`."
      ]
    | _ -> []

/// C17: new vectors are learned by one text encoder.
let private encoders (draft: Draft) (tuning: Tuning) (model: BaseFacts) = [
    let makes =
        tuning.Method.IsNewVectors
        || (tuning.Method.IsKeysAndValues && not draft.Subjects.IsEmpty)

    if makes && model.TextEncoders > 1 then
        error
            "C17"
            "adapt"
            $"new vectors are learned by one text encoder, and {model.Family} has {model.TextEncoders}"
            "Write `adapt (lora 16<rank>)`, or choose an SD1 or SD2 model."
]

/// C21: ranks that fit their layers, and a scale that does something.
let private ranks rank (tuning: Tuning) (model: BaseFacts) = [
    let adapted = Targets.adapted rank tuning model.Layers

    let limit (layer: AdaptedLayer) =
        min (layer.Layer.In * layer.Layer.Kernel * layer.Layer.Kernel) layer.Layer.Out

    let written =
        rank
        :: (tuning.Parts
            |> List.choose (fun part ->
                match part with
                | TunePart.RankAt(_, rank) -> Some rank
                | _ -> None))

    for rank in written |> List.filter (fun rank -> rank < 1<rank>) |> List.distinct do
        error "C21" "adapt" $"rank {rank} is no rank" "Write 1<rank> or more."

    let tooHigh = adapted |> List.filter (fun layer -> int layer.Rank > limit layer)

    if not tooHigh.IsEmpty then
        let narrowest = tooHigh |> List.minBy limit

        error
            "C21"
            "adapt"
            $"rank {narrowest.Rank} is wider than {tooHigh.Length} of {adapted.Length} layers (narrowest: {narrowest.Layer.FullName}, {limit narrowest})"
            $"Write {limit narrowest}<rank> or less, or give those layers their own with `rankAt`."

    let odd =
        adapted
        |> List.filter (fun layer ->
            let scale = layer.Alpha / float layer.Rank
            layer.Rank > 0<rank> && layer.Alpha > 0.0 && (scale < 1.0 / 16.0 || scale > 2.0))

    if not odd.IsEmpty then
        let layer = odd.Head

        warning
            "C21"
            "adapt.alpha"
            $"alpha {layer.Alpha} over rank {layer.Rank} scales the change by {layer.Alpha / float layer.Rank:G3} (usual: 1/16 to 2)"
            $"Write `alpha {float layer.Rank:F1}`, or leave the line out."
]

/// C21: a share of the basis that each layer has, and nothing that would take it out of its place.
let private shares kind rank (tuning: Tuning) (model: BaseFacts) = [
    let words = tuning.Parts |> List.map _.Word

    for part in tuning.Parts do
        match part with
        | TunePart.Orthogonal share when share >= 1 && rank >= 1<rank> ->
            let inputs (layer: AdaptedLayer) =
                layer.Layer.In * layer.Layer.Kernel * layer.Layer.Kernel

            let adapted = Targets.adapted rank tuning model.Layers

            let narrow =
                adapted |> List.filter (fun layer -> inputs layer < int layer.Rank * share)

            if not narrow.IsEmpty then
                let narrowest = narrow |> List.minBy inputs

                error
                    "C21"
                    "adapt.orthogonal"
                    $"share {share} of rank {rank} is not in {narrow.Length} of {adapted.Length} layers (narrowest: {narrowest.Layer.FullName}, {inputs narrowest} inputs)"
                    $"Write {max 1 (inputs narrowest / share)}<rank> or less, or a share up to {inputs narrowest / int rank}."

            if List.contains "rankAt" words then
                error
                    "C21"
                    "adapt.rankAt"
                    "layers of other ranks would take rows of other shares"
                    "Leave one of `rankAt` and `orthogonal` out."

            if List.contains "initial" words then
                error
                    "C21"
                    "adapt.initial"
                    "`orthogonal` says already what the first factor is"
                    "Leave one of `initial` and `orthogonal` out."

            if kind = DoRA then
                error
                    "C21"
                    "adapt.orthogonal"
                    "DoRA scales whole outputs, which does not add up whatever its factors are"
                    "Write `lora`."
        | TunePart.Orthogonal _
        | TunePart.Only _
        | TunePart.RankAt _
        | TunePart.Alpha _
        | TunePart.Dropout _
        | TunePart.Initial _
        | TunePart.StartFrom _
        | TunePart.TextEncoderToo
        | TunePart.Templates _ -> ()
]

let findings (draft: Draft) (facts: Facts) = [
    match facts.Base with
    | None -> ()
    | Some model ->
        yield! family draft model
        yield! size draft model

        for tuning in draft.Tunings do
            yield! targets tuning model
            yield! unet tuning model
            yield! encoders draft tuning model

            match tuning.Method with
            | Adapter(kind, rank) ->
                yield! ranks rank tuning model
                yield! shares kind rank tuning model
            | NewVectors _
            | KeysAndValues
            | ControlNetwork _
            | Everything -> ()
]
