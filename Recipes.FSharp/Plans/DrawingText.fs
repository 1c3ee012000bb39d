/// What a plan draws, as it is read.
module internal Recipes.Plans.DrawingText

open System.IO
open Recipes

let private control (control: PlannedControl) =
    let net =
        match control.Net with
        | None -> "the trained ControlNet"
        | Some files -> string (Path.GetFileName files.Path)

    let hints =
        control.Hints
        |> List.map (fun hint -> string (Path.GetFileName hint.Path))
        |> first 4

    "control",
    $"{net} by {control.Kind} of {hints}, strength {decimal control.Strength}, steps {decimal control.First} to {decimal control.Last}"

let rows (plan: PlanData) = [
    let drawing = plan.Drawing

    "draw", $"{drawing.Denoise} steps of {drawing.Sampler}, guidance {decimal drawing.Guidance}"

    let each, when' =
        match plan.Upscaling with
        | None when plan.Method = PlannedMethod.Nothing -> "a prompt", "without controls and with them"
        | None -> "a prompt", "before and after"
        | Some _ -> "of each small one", "before and after"

    "",
    $"""{counted (int64 drawing.Seeds.Length) "picture"} {each}, {when'}; seeds {listed (drawing.Seeds |> List.map string)}"""

    if drawing.Rescale > 0.0 then
        "", $"guidance rescaled by {decimal drawing.Rescale}"

    if drawing.ClipSkip > 0 then
        "", $"""without the text encoder's last {counted (int64 drawing.ClipSkip) "layer"}"""

    if drawing.Avoid <> "" then
        "", $"avoiding \"{drawing.Avoid}\""

    yield! plan.Controls |> List.map control

    for sample in plan.Samples do
        "sample", sample.Text
]
