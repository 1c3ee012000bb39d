/// A plan as it is read: one fact a line, with its unit.
module internal Recipes.Plans.PlanText

open Recipes
open Recipes.Plans.Rows

let private model (model: BaseModel) = [
    "base", $"{model.Name}, {model.Family}, {model.NativeSize} px, {large model.Parameters} parameters"

    match model.Origin with
    | Some origin ->
        let repository = origin.Repository
        let named = Option.toList repository.Variant @ Option.toList repository.File
        let more = named |> List.map (fun name -> $", {name}") |> String.concat ""
        "", $"from {repository.Id} at {origin.Commit[..6]} ({repository.Revision}){more}"
    | None -> ()
]

let private subjects (plan: PlanData) =
    plan.Subjects |> List.collect SubjectText.rows

let private noise (plan: PlanData) = [
    match plan.Upscaling with
    | Some upscaling ->
        "noise",
        $"levels up to {upscaling.NoiseUpTo} on small pictures in training, {upscaling.NoiseLevel} in enlarging"

        if not upscaling.HeldOut.IsEmpty then
            let side = plan.Budget.Size

            "measure",
            $"{pictures upscaling.HeldOut.Length} held out, {side / upscaling.Factor} to {side} px, against bicubic and the upscaler untuned"
    | None -> ()
]

/// An upscaler inside a recipe.
let private stage (drawn: PlanData) (plan: PlanData) = [
    match plan.Upscaling with
    | None -> ()
    | Some upscaling ->
        let side, model = drawn.Budget.Size, plan.Model

        "enlarge",
        $"what is drawn, {side} to {side * upscaling.Factor} px, by {model.Name}, {large model.Parameters} parameters"

        yield! subjects plan
        yield! MethodText.rows plan.Method
        yield! TrainingText.rows plan.Budget
        yield! noise plan
        yield! WorkText.rows (drawn.Samples.Length * drawn.Drawing.Seeds.Length) plan
        yield! DrawingText.rows plan
]

/// A recipe whose result is merged.
let private part (plan: PlanData) = [
    "part", plan.Name
    yield! subjects plan
    yield! MethodText.rows plan.Method
    yield! TrainingText.rows plan.Budget
    yield! WorkText.rows 0 plan
]

/// The facts that follow from the settings, one a line.
let notes (plan: PlanData) =
    (match plan.Parts with
     | [] -> WorkText.rows 0 plan
     | parts -> parts |> List.collect (WorkText.rows 0))
    |> List.map (fun (word, line) -> if word = "" then $"      {line}" else $"{word, -5} {line}")

let render (shortHash: string) (plan: PlanData) =
    Rows.render plan.Name shortHash [
        yield! model plan.Model

        if plan.Parts.IsEmpty then
            yield! subjects plan

        yield! MethodText.rows plan.Method

        match plan.Method with
        | PlannedMethod.Nothing -> yield! TrainingText.untrained plan.Budget
        | PlannedMethod.Merge _ -> ()
        | _ -> yield! TrainingText.rows plan.Budget

        yield! plan.Parts |> List.collect part
        yield! noise plan

        if plan.Parts.IsEmpty then
            yield! WorkText.rows 0 plan

        yield! DrawingText.rows plan

        match plan.Enlarge with
        | Some upscaler -> yield! stage plan upscaler
        | None -> ()

        for warning in plan.Warnings do
            "warning", warning.Text
    ]
