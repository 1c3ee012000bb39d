/// D27: what is kept for other runs must not change.
module internal Recipes.Checks.Caches

open Recipes

/// Whether the method changes what text encoders make of captions.
let private changesTexts (draft: Draft) (tuning: Tuning) (model: BaseFacts) =
    match tuning.Method with
    | NewVectors _ -> true
    | Adapter(_, rank) ->
        Targets.adapted rank tuning model.Layers
        |> List.exists (fun adapted -> adapted.Layer.Component <> "unet")
    | KeysAndValues -> not draft.Subjects.IsEmpty
    | Everything -> Targets.trainsText tuning
    | ControlNetwork _ -> false

let findings (draft: Draft) (facts: Facts) = [
    if draft.Budget.CacheLatents && draft.Budget.RandomCrop then
        error
            "D27"
            "train.cacheLatents"
            "`randomCrop` gives other latents at each visit, and kept ones exclude that"
            "Leave one of the two lines out."

    match facts.Base, draft.Tunings with
    | Some model, [ tuning ] when draft.Budget.CacheTexts && changesTexts draft tuning model ->
        error
            "D27"
            "train.cacheTexts"
            "captions give other states at each step, since the text encoder or a token is trained"
            "Leave the line out, or do not adapt the text encoder."
    | _ -> ()
]
