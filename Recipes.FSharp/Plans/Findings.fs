/// Every check of a recipe, and of the recipes inside it.
module internal Recipes.Plans.Findings

open Recipes

/// What the recipe's own lines and files say, whether it is `nested` in another one or not.
let own nested (draft: Draft) (facts: Facts) : Problem list = [
    yield! Checks.Lines.findings draft
    yield! facts.Problems
    yield! Checks.Merging.findings draft

    if draft.Upscales then
        yield! Checks.Enlarging.findings draft facts

        if not nested then
            yield! Checks.Enlarging.alone draft
    else
        yield! Checks.Tokens.findings draft facts
        yield! Checks.Enlarging.stages draft

    yield! Checks.Data.findings draft facts
    yield! Checks.Shapes.findings draft facts
    yield! Checks.Subjects.findings draft facts
    yield! Checks.Compatibility.findings draft facts
    yield! Checks.Optimisation.findings draft facts
    yield! Checks.Controls.findings draft facts
    yield! Checks.Caches.findings draft facts
    yield! Checks.Resources.findings draft facts
]

/// What is wrong with a recipe inside another, or doubtful, with its place in that one.
let private under (place: string) (outcome: Result<PlanData, Problem list>) =
    match outcome with
    | Error problems -> problems
    | Ok plan -> plan.Warnings
    |> List.map (fun problem -> {
        problem with
            At = $"{place}.{problem.At}"
    })

/// The problems of an upscaler inside a recipe, and of how the two fit.
let ofStage (draft: Draft) (stage: Recipe) (outcome: Result<PlanData, Problem list>) : Problem list = [
    yield! under "enlarge" outcome

    match outcome with
    | Ok { Upscaling = Some upscaling } -> yield! Checks.Enlarging.fit draft stage.Model upscaling.Multiple
    | Ok _
    | Error _ -> ()
]

/// The problems of recipes that are merged, and of how they fit.
let ofParts (draft: Draft) facts (outcomes: (string * Result<PlanData, Problem list>) list) : Problem list = [
    for name, outcome in outcomes do
        yield! under $"merge.{name}" outcome

    match outcomes |> List.map (snd >> Result.toOption) with
    | plans when plans |> List.forall Option.isSome -> yield! Checks.Merging.fit draft facts (List.choose id plans)
    | _ -> ()
]
