/// Controls: lines, hints and what is trained to follow them.
module internal Recipes.Checks.Controls

open Recipes

let private needsHints (kind: HintKind) =
    match kind with
    | HintKind.DepthMap
    | HintKind.Pose -> true
    | HintKind.Canny
    | HintKind.Lineart
    | HintKind.Scribble
    | HintKind.Segmentation
    | HintKind.Lines -> false

/// L7: what trains a ControlNet.
let private training (draft: Draft) (facts: Facts) = [
    let trained =
        draft.Tunings
        |> List.tryPick (fun tuning ->
            match tuning.Method with
            | ControlNetwork kind -> Some kind
            | _ -> None)

    match trained with
    | None ->
        for source in draft.Sources do
            if source.Hints.IsSome then
                error
                    "L7"
                    $"{source.At}.hints"
                    "nothing here learns from hints"
                    "Write `adapt (controlNet Canny)`, or leave the line out."
    | Some kind ->
        for source, folder in List.zip draft.Sources facts.Folders do
            if not source.IsTheme then
                error
                    "L7"
                    source.At
                    "a ControlNet learns to follow hints, and no subject"
                    "Write a `theme` whose pictures have captions, and `data` for `learn`."

            if source.Flipped then
                error "L7" $"{source.At}.flipped" "hints are not mirrored with their pictures" "Leave the line out."

            match folder with
            | Some folder when
                needsHints kind
                && folder.Pictures |> List.forall (fun picture -> picture.Hint.IsNone)
                ->
                error
                    "B16"
                    $"{source.At}.hints"
                    $"nothing here makes {kind} hints from pictures"
                    "Name a folder of hints by the line `hints \"data/...\"`."
            | _ -> ()

        if
            draft.Controls
            |> List.forall (fun control -> control.Net <> ControlNetSource.Learned)
        then
            error
                "L7"
                "control"
                "no sample follows the ControlNet that is trained"
                $"Add a line `control (ControlNets.learned ...) ... {{ strength 1.0 }}`."

    for control in draft.Controls do
        match control.Net, trained with
        | ControlNetSource.Learned, None ->
            error
                "L7"
                "control"
                "`ControlNets.learned` is the ControlNet that a recipe trains, and this one trains none"
                "Write `ControlNets.at ...`, or `adapt (controlNet ...)`."
        | ControlNetSource.Learned, Some kind when kind <> control.Kind ->
            error
                "C24"
                "control"
                $"the ControlNet is trained for {kind}, the hint is {control.Kind}"
                "Make both of one kind."
        | _ -> ()
]

let private line (draft: Draft) (control: Steering) = [
    let words = control.Parts |> List.map _.Word

    for word, times in words |> List.countBy id do
        if times > 1 then
            error "L1" $"control.{word}" $"given {times} times" $"Keep one `{word}` line."

    if not (System.Double.IsFinite control.Strength) then
        error "L3" "control.strength" $"{control.Strength} is out of range" "Write a number, such as 1.0."

    let start, finish = control.Between

    if not (start >= 0.0 && start < finish && finish <= 1.0) then
        error
            "L3"
            "control.between"
            $"{start} to {finish} is no part of the steps"
            "Write a start and a larger end from 0 to 1, such as `between 0.0 0.8`."

    match control.Hints.Length with
    | 1 -> ()
    | count when count = draft.Samples.Length && count > 0 -> ()
    | count ->
        error
            "L3"
            "control"
            $"""{counted (int64 count) "hint"} for {counted (int64 draft.Samples.Length) "sample"}"""
            "Give one hint for all samples, or one each."
]

/// B16: hints lie over the pictures that are drawn.
let private sizes (draft: Draft) (control: ControlFacts) = [
    let side = draft.Budget.Size

    for hint in control.Hints do
        match hint.Source with
        | HintSource.Ready _ when hint.Width <> side || hint.Height <> side ->
            error
                "B16"
                "control"
                $"{System.IO.Path.GetFileName hint.Path} is {hint.Width}x{hint.Height}, the pictures drawn {side}x{side}"
                $"Make the hint {side}x{side}."
        | HintSource.Annotated _ when min hint.Width hint.Height < side ->
            error
                "B16"
                "control"
                $"{System.IO.Path.GetFileName hint.Path} is {hint.Width}x{hint.Height}, below the {side} px that are drawn"
                "Choose a larger picture."
        | HintSource.Ready _
        | HintSource.Annotated _
        | HintSource.Keypoints _ -> ()
]

let findings (draft: Draft) (facts: Facts) = [
    yield! training draft facts
    yield! draft.Controls |> List.collect (line draft)
    yield! facts.Controls |> List.choose id |> List.collect (sizes draft)
]
