/// Masks and collages: what several subjects are learned with.
module internal Recipes.Checks.Subjects

open System.IO
open Recipes

/// The mask of each picture: the one of its name.
let maskOf (folder: PictureFolder option) (picture: Picture) =
    let stem (name: string) = Path.GetFileNameWithoutExtension name

    folder
    |> Option.bind (fun folder -> folder.Pictures |> List.tryFind (fun mask -> stem mask.Name = stem picture.Name))

/// B15: a mask for each picture, of its size, neither empty nor full.
let private fits (draft: Draft) (facts: Facts) = [
    for source, folder, masks in List.zip3 draft.Sources facts.Folders facts.Masks do
        match folder, masks with
        | Some folder, Some _ ->
            let at = $"{source.At}.masks"

            let found =
                folder.Pictures |> List.map (fun picture -> picture, maskOf masks picture)

            let missing = [
                for picture, mask in found do
                    if mask.IsNone then
                        picture.Name
            ]

            if not missing.IsEmpty then
                error
                    "B15"
                    at
                    $"{missing.Length} of {found.Length} pictures have no mask ({first 3 missing})"
                    "Add masks with the pictures' names, white where the subject is."

            for picture, mask in found do
                match mask with
                | Some mask when (mask.Width, mask.Height) <> (picture.Width, picture.Height) ->
                    error
                        "B15"
                        at
                        $"{mask.Name} is {mask.Width}x{mask.Height} px, its picture {picture.Width}x{picture.Height}"
                        "Make both of the same size."
                | Some mask when mask.Light = 0.0 ->
                    error "B15" at $"{mask.Name} is empty" "Draw the subject white, or remove the picture."
                | Some mask when mask.Light = 1.0 ->
                    error "B15" at $"{mask.Name} is full and leaves nothing out" "Draw what is not the subject black."
                | _ -> ()
        | _ -> ()
]

/// D29: masks and what reads them belong together.
let private read (draft: Draft) = [
    let budget = draft.Budget
    let masked = draft.Sources |> List.filter (fun source -> source.Masks <> "")
    let bare = draft.Subjects |> List.filter (fun source -> source.Masks = "")

    if budget.MaskedLoss.IsSome && masked.IsEmpty then
        error
            "D29"
            "train.maskedLoss"
            "counts pixels by masks, and there are none"
            "Add a line `masks \"data/...\"` to the subject, or leave `maskedLoss` out."

    if budget.AttendMasks.IsSome && not bare.IsEmpty then
        error
            "D29"
            "train.attendMasks"
            $"draws attention to masks, and {listed (bare |> List.map _.Noun)} has none"
            "Add a line `masks \"data/...\"` to each subject, or leave `attendMasks` out."

    if
        budget.MaskedLoss.IsNone
        && budget.AttendMasks.IsNone
        && budget.Collages = 0<img>
    then
        for source in masked do
            warning
                "D29"
                $"{source.At}.masks"
                "masks are read by nothing"
                "Add `maskedLoss PerArea`, `attendMasks 0.01` or a `collage` line to `train`, or leave the masks out."
]

/// What collages are made of.
let private collages (draft: Draft) = [
    let budget = draft.Budget
    let beside = draft.Subjects |> List.filter (fun source -> not source.Beside.IsEmpty)

    if budget.Collages > 0<img> then
        if draft.Subjects.Length < 2 && beside.IsEmpty then
            error
                "D48"
                "train.collage"
                "sets two things side by side, and there is one"
                "Learn a second subject, or add a line such as `beside \"a cat\"` to this one."

        if draft.Tunings |> List.exists _.Method.IsNewVectors then
            error
                "D48"
                "train.collage"
                "new vectors are learned in captions about one thing"
                "Leave `collage` out, or write `adapt (lora 16<rank>)`."

        if int budget.Size % 2 <> 0 then
            error "D48" "train.collage" $"{budget.Size} px has no two halves" "Write an even `size`."
    else
        for source in beside do
            error
                "D48"
                $"{source.At}.beside"
                "sets it beside something in collages, and there are none"
                "Add a line such as `collage 24<img>` to `train`, or leave `beside` out."

        if budget.Unmix.IsSome then
            error
                "D48"
                "train.unmix"
                "looks at the halves of collages, and there are none"
                "Add a line such as `collage 24<img>`, or leave `unmix` out."
]

let findings (draft: Draft) (facts: Facts) = [ yield! fits draft facts; yield! read draft; yield! collages draft ]
