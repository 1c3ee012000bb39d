/// The subjects and themes of a plan.
module internal Recipes.Plans.Subjects

open Recipes

let private subject
    (shapes: Core.Data.BucketOptions)
    (source: SourceDraft)
    (folder: PictureFolder)
    (heldOut: PictureFolder option)
    (masks: PictureFolder option)
    (visits: int64 list)
    = {
    Token = source.Token
    Noun = source.Noun
    InstancePrompt = source.InstancePrompt
    Captions = source.Captions
    Flipped = source.Flipped
    Upscaled = source.Upscaled
    ClassPrompt = source.ClassPrompt
    Folder = folder.Folder
    Images = folder.Pictures
    HeldOut = heldOut |> Option.map _.Pictures |> Option.defaultValue []
    Masks = folder.Pictures |> List.choose (Checks.Subjects.maskOf masks)
    Beside = source.Beside
    Visits = visits
    Shapes = [
        for shape, count in Checks.Shapes.counts shapes folder.Pictures do
            string shape, count
    ]
    PriorCount = source.Prior
    // As many class pictures come as pictures of the subject.
    ClassVisited =
        min (int64 source.Prior) (List.sum visits)
        |> int
        |> LanguagePrimitives.Int32WithMeasure
}

/// Those of a recipe whose folders of pictures could all be read.
let planned (draft: Draft) (facts: Facts) (model: BaseFacts) : PlannedSubject list =
    let folders = facts.Folders |> List.choose id

    let shapes =
        Checks.Shapes.options draft.Budget model.Multiple (draft.Sources |> List.map _.Upscaled)

    let visits =
        Checks.Shapes.visits draft.Budget shapes (folders |> List.map _.Pictures)

    [
        for source, (folder, visits), (heldOut, masks) in
            List.zip3 draft.Sources (List.zip folders visits) (List.zip facts.HeldOut facts.Masks) do
            subject shapes source folder heldOut masks visits
    ]
