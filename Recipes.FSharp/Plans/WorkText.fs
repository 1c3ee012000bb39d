/// What follows from a plan's settings: pictures seen, work, memory and disk.
module internal Recipes.Plans.WorkText

open System
open Recipes
open Recipes.Checks.Resources

/// To one digit after the point.
let private rounded (value: float) = decimal (Math.Round(value, 1))

/// How often a subject's pictures are seen.
let private seen (subject: PlannedSubject) = [
    let seen = List.sum subject.Visits
    let epochs = float seen / float subject.Images.Length

    "sees", $"""{counted seen "picture"} of the {subject.Noun}: {rounded epochs} epochs of {subject.Images.Length}"""

    match List.min subject.Visits, List.max subject.Visits with
    | least, most when most - least > 1L -> "", $"each of them {least} to {most} times"
    | _ -> ()

    if subject.PriorCount > 0<img> then
        let again = rounded (float seen / float (max 1 (int subject.PriorCount)))
        "", $"{subject.ClassVisited} of {subject.PriorCount} class pictures, {again} times each"
]

/// Forward passes to draw class pictures and samples; `enlarged` pictures are drawn by another model.
let private drawing (enlarged: int) (plan: PlanData) =
    let perPicture =
        int64 plan.Drawing.Denoise * (if plan.Drawing.Guidance > 1.0 then 2L else 1L)

    let classes = plan.Subjects |> List.sumBy (fun subject -> int64 subject.PriorCount)

    let drawn =
        match plan.Upscaling with
        | None -> plan.Samples.Length
        | Some upscaling -> upscaling.HeldOut.Length

    let samples = 2L * (int64 drawn * int64 plan.Drawing.Seeds.Length + int64 enlarged)
    counted ((classes + samples) * perPicture) "pass"

/// Pictures that go forward and back; each comes with a class picture where there are some.
let private training (plan: PlanData) =
    let budget = plan.Budget

    let beside =
        if plan.Subjects |> List.exists (fun subject -> subject.PriorCount > 0<img>) then
            2L
        else
            1L

    counted (int64 budget.Steps * int64 budget.Accumulate * int64 budget.Batch * beside) "picture"

let rows (enlarged: int) (plan: PlanData) = [
    for subject in plan.Subjects do
        yield! seen subject

    let drawing = drawing enlarged plan

    match plan.Method with
    | PlannedMethod.Nothing ->
        "work", $"{drawing} forward to draw"
        "needs", $"about {bytes plan.Memory} of memory"
    | way ->
        let result = resultBytes way.Parameters

        let checkpoint =
            checkpointBytes plan.Budget.Optimiser way.Parameters
            + averageBytes plan.Budget way.Parameters

        "work", $"{training plan} forward and back through the UNet, {drawing} forward to draw"

        "needs",
        $"about {bytes plan.Memory} of memory; on disk {bytes result} for the result, {bytes checkpoint} for a checkpoint"
]
