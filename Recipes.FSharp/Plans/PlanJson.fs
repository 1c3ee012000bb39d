/// A plan as JSON: what is made and from what, with contents by their SHA-256 and no path, so that the same work has the
/// same text on every machine. Where results go is no part of it.
module internal Recipes.Plans.PlanJson

open Recipes

let private subject (subject: PlannedSubject) =
    Json.Object [
        "token", Json.Text subject.Token
        "noun", Json.Text subject.Noun
        "instancePrompt", Json.Text subject.InstancePrompt
        "classPrompt", Json.Text subject.ClassPrompt
        "prior", Json.whole (int subject.PriorCount)
        "flipped", Json.Bool subject.Flipped
        "upscaled", Json.Bool subject.Upscaled
        "images",
        Json.List [
            for picture in subject.Images ->
                Json.Object [
                    "name", Json.Text picture.Name
                    "sha256", Json.Text picture.Sha256
                    yield! picture.Caption |> Json.optional "caption" Json.Text
                    yield! picture.Hint |> Json.optional "hint" (snd >> Json.Text)
                ]
        ]
        "heldOut", Json.List [ for picture in subject.HeldOut -> Json.Text picture.Sha256 ]
        if not subject.Masks.IsEmpty then
            "masks", Json.List [ for mask in subject.Masks -> Json.Text mask.Sha256 ]
        if not subject.Beside.IsEmpty then
            "beside", Json.List [ for thing in subject.Beside -> Json.Text thing ]
    ]

let private origin (origin: ModelOrigin) =
    Json.Object [
        "repository", Json.Text origin.Repository.Id
        "commit", Json.Text origin.Commit
        yield! origin.Repository.Variant |> Json.optional "variant" Json.Text
        yield! origin.Repository.File |> Json.optional "file" Json.Text
    ]

let private model (model: BaseModel) =
    Json.Object [
        "name", Json.Text model.Name
        "family", Json.Text model.Family
        "sha256", Json.Text model.Sha256
        yield! model.Origin |> Json.optional "origin" origin
    ]

let private hint (hint: HintFile) =
    Json.Object [
        "source",
        Json.Text(
            match hint.Source with
            | HintSource.Annotated _ -> "annotated"
            | HintSource.Ready _ -> "ready"
            | HintSource.Keypoints _ -> "keypoints"
        )
        "sha256", Json.Text hint.Sha256
    ]

let private control (control: PlannedControl) =
    Json.Object [
        "hints", Json.List(control.Hints |> List.map hint)
        "kind", Json.Text control.Kind.Name
        "net", control.Net |> Json.orNull (fun files -> Json.Text files.Sha256)
        "strength", Json.Number control.Strength
        "from", Json.Number control.First
        "to", Json.Number control.Last
    ]

let private draw (drawing: Drawing) =
    Json.Object [
        "denoise", Json.whole (int drawing.Denoise)
        "guidance", Json.Number drawing.Guidance
        "avoid", Json.Text drawing.Avoid
        "seeds", Json.List [ for seed in drawing.Seeds -> Json.Text(string seed) ]
        "sampler", Json.Text(string drawing.Sampler)
        "rescale", Json.Number drawing.Rescale
        "clipSkip", Json.whole drawing.ClipSkip
    ]

let private upscaling (upscaling: PlannedUpscaling) =
    Json.Object [
        "factor", Json.whole upscaling.Factor
        "noiseUpTo", Json.whole upscaling.NoiseUpTo
        "noiseLevel", Json.whole upscaling.NoiseLevel
        "heldOut",
        Json.List [
            for picture in upscaling.HeldOut ->
                Json.Object [ "name", Json.Text picture.Name; "sha256", Json.Text picture.Sha256 ]
        ]
    ]

let rec json (plan: PlanData) =
    Json.Object [
        "version", Json.whole 2
        "name", Json.Text plan.Name
        "model", model plan.Model
        "subjects", Json.List(plan.Subjects |> List.map subject)
        "method", MethodJson.json plan.Method
        "train", TrainingJson.json plan.Budget
        "draw", draw plan.Drawing
        "samples",
        Json.List [
            for sample in plan.Samples -> Json.Object [ "text", Json.Text sample.Text; "plain", Json.Text sample.Plain ]
        ]
        if not plan.Controls.IsEmpty then
            "controls", Json.List(plan.Controls |> List.map control)
        yield! plan.Upscaling |> Json.optional "upscaling" upscaling
        yield! plan.Enlarge |> Json.optional "enlarge" json
        if not plan.Parts.IsEmpty then
            "parts", Json.List(plan.Parts |> List.map json)
    ]
