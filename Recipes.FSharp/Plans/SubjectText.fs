/// A subject or a theme of a plan, as it is read.
module internal Recipes.Plans.SubjectText

open Recipes
open Recipes.Plans.Rows

let private sizes (subject: PlannedSubject) =
    let sides =
        subject.Images
        |> List.collect (fun picture -> [ picture.Width; picture.Height ])

    if List.min sides = List.max sides then
        $"{List.min sides} px"
    else
        $"{List.min sides} to {List.max sides} px"

let rows (subject: PlannedSubject) = [
    if subject.Token = "" then
        "data", $"{subject.Noun}, {pictures subject.Images.Length} of {sizes subject}"
    else
        "learn", $"{subject.Called}, from {pictures subject.Images.Length} of {sizes subject}"

    if subject.Flipped then
        "", "and their mirror images"

    match subject.Shapes with
    | []
    | [ _ ] -> ()
    | shapes ->
        let shown = shapes |> List.map (fun (shape, count) -> $"{count} at {shape}")
        "", $"trained in {shapes.Length} shapes: {listed shown}"

    if not subject.HeldOut.IsEmpty then
        "", $"{pictures subject.HeldOut.Length} held out"

    if not subject.Masks.IsEmpty then
        "", $"""with {counted (int64 subject.Masks.Length) "mask"}"""

    for thing in subject.Beside do
        "", $"in collages also beside {thing}"

    match subject.Captions with
    | Same text -> "", $"captioned \"{text}\""
    | source -> "", $"captioned by {source}"

    if subject.PriorCount > 0<img> then
        "",
        $"""beside {counted (int64 subject.PriorCount) "class picture"} of "{subject.ClassPrompt}", drawn by the base model"""
]
