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

    if model.Channels <> 4 then
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
    elif 4 * int size < 3 * int native || 2 * int size > 3 * int native then
        warning
            "C19"
            "train.size"
            $"{size} px is far from the {native} px that {draft.Recipe.Model} was made for"
            $"Write `size {native}<px>`, or leave the line out."
]

/// C20: every target is a layer.
let private targets (tuning: Tuning) (model: BaseFacts) =
    let lines = [
        for target in Targets.chosen tuning do
            "lora.only", target

        for part in tuning.Parts do
            match part with
            | LoraPart.RankAt(target, _) -> "lora.rankAt", target
            | LoraPart.Only _
            | LoraPart.Alpha _
            | LoraPart.Dropout _ -> ()
    ]

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
                    | TextEncoder -> "Choose other layers with `only`, such as `only Attention`."

                error "C20" place $"{target} matches 0 of {model.Layers.Length} layers" cure
            elif place = "lora.rankAt" then
                let adapted = Targets.adapted tuning model.Layers |> List.map _.Layer

                if not (matched |> List.exists (fun layer -> List.contains layer adapted)) then
                    error
                        "C20"
                        place
                        $"{target} is none of the layers that the adapter changes"
                        $"Add the line `only {target.Word}`, or remove this one."
    ]

/// C20: the UNet is what learns the subject; the text encoder may learn beside it.
let private unet (tuning: Tuning) (model: BaseFacts) =
    match Targets.adapted tuning model.Layers with
    | [] -> []
    | adapted when adapted |> List.exists (fun layer -> layer.Layer.Component = "unet") -> []
    | adapted -> [
        error
            "C20"
            "lora.only"
            $"none of the {adapted.Length} chosen layers is in the UNet"
            "Add the line `only Attention`."
      ]

/// C21: ranks that fit their layers, and a scale that does something.
let private ranks (tuning: Tuning) (model: BaseFacts) = [
    let adapted = Targets.adapted tuning model.Layers

    let limit (layer: AdaptedLayer) =
        min (layer.Layer.In * layer.Layer.Kernel * layer.Layer.Kernel) layer.Layer.Out

    let (LoRA rank) = tuning.Method

    let written =
        rank
        :: (tuning.Parts
            |> List.choose (fun part ->
                match part with
                | LoraPart.RankAt(_, rank) -> Some rank
                | _ -> None))

    for rank in written |> List.filter (fun rank -> rank < 1<rank>) |> List.distinct do
        error "C21" "lora" $"rank {rank} is no rank" "Write 1<rank> or more."

    let tooHigh = adapted |> List.filter (fun layer -> int layer.Rank > limit layer)

    if not tooHigh.IsEmpty then
        let narrowest = tooHigh |> List.minBy limit

        error
            "C21"
            "lora"
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
            "lora.alpha"
            $"alpha {layer.Alpha} over rank {layer.Rank} scales the change by {layer.Alpha / float layer.Rank:G3} (usual: 1/16 to 2)"
            $"Write `alpha {float layer.Rank:F1}`, or leave the line out."
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
            yield! ranks tuning model
]
