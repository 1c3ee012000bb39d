/// B: the pictures.
module internal Recipes.Checks.Data

open Recipes

/// B9: size and transparency. That each picture decodes is found when the files are read.
let private sizes (draft: Draft) (facts: Facts) at (subject: SourceDraft) (folder: PictureFolder) = [
    // Where pictures keep their shapes, a small one gets a smaller shape, down to the least that the model takes.
    let side, what =
        match facts.Base with
        | Some model when draft.Budget.Buckets -> model.Multiple, "the least side"
        | _ -> draft.Budget.Size, "the training size"

    let small =
        folder.Pictures
        |> List.filter (fun picture -> min picture.Width picture.Height < side)

    if not small.IsEmpty then
        let shown =
            small
            |> List.map (fun picture -> $"{picture.Name} ({picture.Width}x{picture.Height})")
            |> first 3

        if not subject.Upscaled then
            error
                "B9"
                at
                $"{shown} below {what} of {side} px"
                "Replace what is too small, lower `size`, or add the line `upscaled`."

    if not folder.Transparent.IsEmpty then
        warning
            "B9"
            at
            $"{first 3 folder.Transparent} with an alpha channel; transparent pixels are laid on white"
            "Lay the subject on a background of your own if white is wrong."
]

/// B10: captions. They come from the subject's prompts; files that say otherwise are not read.
let private captions at (subject: SourceDraft) (folder: PictureFolder) = [
    let reads =
        match subject.Captions with
        | Metadata
        | TextFiles -> true
        | FileNames
        | Same _ -> false

    if not folder.Captions.IsEmpty && not reads then
        warning
            "B10"
            $"{at}.images"
            $"{first 3 folder.Captions} lie among the pictures and are not read"
            $"Say what they hold in `instancePrompt` (now \"{subject.InstancePrompt}\"), or move them away."
]

let private empty (draft: Draft) = [
    for subject in draft.Subjects do
        if subject.InstancePrompt.Trim() = "" then
            error
                "B10"
                $"{subject.At}.instancePrompt"
                "every caption is empty"
                "Write what the pictures show, such as `a photo of {token} {noun}`."

        if subject.Prior > 0<img> && subject.ClassPrompt.Trim() = "" then
            error
                "B10"
                $"{subject.At}.classPrompt"
                "every class caption is empty"
                "Write what the class is, such as `a photo of a {noun}`."
]

/// B11: the same bytes twice.
let private duplicates (draft: Draft) (facts: Facts) = [
    let all = [
        for subject, folder in List.zip draft.Sources facts.Folders do
            for picture in folder |> Option.map _.Pictures |> Option.defaultValue [] do
                picture.Sha256, (subject, picture)
    ]

    for _, same in all |> List.groupBy fst do
        match same |> List.map snd with
        | (subject, _) :: _ :: _ as same ->
            let names = same |> List.map (fun (_, picture) -> picture.Name) |> List.distinct
            let owners = same |> List.map (fun (subject, _) -> subject.Noun) |> List.distinct

            if owners.Length > 1 then
                warning
                    "B11"
                    $"{subject.At}.images"
                    $"{first 3 names} belong to {listed owners}, with the same bytes"
                    "Keep the picture with the subject that it shows."
            else
                warning
                    "B11"
                    $"{subject.At}.images"
                    $"{first 4 names} are the same picture"
                    "Remove all but one, or its details will be learned by heart."
        | _ -> ()
]

/// B11: pictures that are held out and learned from.
let private both (draft: Draft) (facts: Facts) = [
    let pictures (folder: PictureFolder option) =
        folder |> Option.map _.Pictures |> Option.defaultValue []

    let learned = facts.Folders |> List.collect pictures

    for source, folder in List.zip draft.Sources facts.HeldOut do
        let same = [
            for picture in pictures folder do
                if learned |> List.exists (fun other -> other.Sha256 = picture.Sha256) then
                    picture.Name
        ]

        if not same.IsEmpty then
            error
                "B11"
                $"{source.At}.heldOut"
                $"{first 3 same} learned from too, with the same bytes"
                "Remove it from one of the two folders."
]

/// B12 and B14: how often each picture is seen.
let private visits (draft: Draft) (facts: Facts) = [
    let seen =
        int64 draft.Budget.Steps
        * int64 draft.Budget.Batch
        * int64 draft.Budget.Accumulate

    for subject, folder in List.zip draft.Sources facts.Folders do
        // Subjects take turns in a batch.
        let share = float seen / float (draft.Budget.Turns draft.Sources.Length)

        if float subject.Prior > share && seen > 0L then
            warning
                "B12"
                $"{subject.At}.prior"
                $"{int64 share} of {subject.Prior} class pictures will be seen"
                $"Raise `steps`, or write `prior {max 1L (int64 share)}<img>`."

        match folder with
        | Some folder when not folder.Pictures.IsEmpty && seen > 0L ->
            let times = share / float folder.Pictures.Length

            // A subject is learned from few pictures, each seen often; a theme from many.
            let least, usual, aim, most =
                if subject.IsTheme then
                    2.0, "5 to 50", 10.0, 200.0
                else
                    20.0, "50 to 200", 100.0, 500.0

            let right =
                aim
                * float folder.Pictures.Length
                * float (draft.Budget.Turns draft.Sources.Length)

            let steps = right / float (int draft.Budget.Batch * draft.Budget.Accumulate)

            if times < least || times > most then
                warning
                    "B14"
                    "train.steps"
                    $"each picture of the {subject.Noun} is seen {System.Math.Round(times, 1)} times (usual: {usual})"
                    $"Write about `steps {int (max 1.0 steps)}<step>` for {aim} times each."
        | _ -> ()
]

let findings (draft: Draft) (facts: Facts) = [
    for subject, folder in List.zip draft.Sources facts.Folders do
        let at = subject.At

        match folder with
        | Some folder ->
            yield! sizes draft facts $"{at}.images" subject folder
            yield! captions at subject folder
        | None -> ()

    for subject, folder in List.zip draft.Sources facts.HeldOut do
        match folder with
        | Some folder -> yield! sizes draft facts $"{subject.At}.heldOut" subject folder
        | None -> ()

    yield! empty draft
    yield! duplicates draft facts
    yield! both draft facts
    yield! visits draft facts
]
