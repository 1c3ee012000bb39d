/// From a recipe to the data of its plan.
module internal Recipes.Plans.Checking

open System.IO
open Recipes

let private baseModel name (facts: BaseFacts) : BaseModel = {
    Name = name
    Family = facts.Family
    Folder = facts.Folder
    Origin = facts.Origin
    Prediction = facts.Prediction
    NativeSize = facts.NativeSize
    Multiple = facts.Multiple
    Parameters = facts.Parameters
    Sha256 = facts.Sha256.Value
}

let private control (steering: Steering, facts: ControlFacts) : PlannedControl = {
    Kind = steering.Kind
    Net = facts.Net
    Hints = facts.Hints
    Strength = steering.Strength
    First = fst steering.Between
    Last = snd steering.Between
}

let private sample (prompt: Prompt) : PlannedSample = {
    Text = prompt.Text
    Plain = prompt.Plain
    Mentions = prompt.Mentions |> List.choose _.Token
}

let private upscaling (draft: Draft) (facts: Facts) (model: BaseFacts) : PlannedUpscaling option =
    model.HighestNoise
    |> Option.map (fun most -> {
        Factor = model.Factor
        Multiple = model.Multiple / model.Factor
        NoiseUpTo = draft.NoiseUpTo |> List.tryLast |> Option.defaultValue most
        NoiseLevel = draft.NoiseLevel
        HeldOut = facts.Measured |> Option.map _.Pictures |> Option.defaultValue []
    })

/// The upscaler's recipe, which learns what the recipe around it learns where it names nothing of its own.
let private inside (recipe: Recipe) (stage: Recipe) =
    if (Draft.sources stage).IsEmpty then
        let learned =
            recipe.Parts
            |> List.filter (fun part ->
                match part with
                | RecipePart.Learn _
                | RecipePart.Data _ -> true
                | _ -> false)

        {
            stage with
                Parts = learned @ stage.Parts
        }
    else
        stage

/// The problems of all recipes at hand; what the merge's own prompts repeat of its parts' is left out.
let private problems (ofParts: Problem list) (others: Problem list) =
    let said (problem: Problem) = problem.Code, problem.What, problem.Try
    let known = ofParts |> List.map said |> set

    ofParts
    @ (others |> List.filter (fun problem -> not (known.Contains(said problem))))
    |> List.distinct

/// The plan's data, or every problem: errors first, then warnings. A recipe is nested where it is the upscaler of another
/// one.
let rec data nested settings (script: string option) (recipe: Recipe) : Result<PlanData, Problem list> =
    let facts = Reading.facts settings script recipe
    let native = facts.Base |> Option.map _.NativeSize |> Option.defaultValue 0<px>
    let draft = Draft.ofRecipe native recipe

    let stage =
        match draft.Enlarge with
        | [ stage ] when stage.Family = nameof X4 && not draft.Upscales ->
            let stage = inside recipe stage
            Some(stage, data true settings script stage)
        | _ -> None

    let outcomes =
        draft.Merges
        |> List.collect snd
        |> List.map (fun part -> part.Name, data false settings script part)

    let errors, warnings =
        [
            yield! Findings.own nested draft facts

            match stage with
            | Some(stage, outcome) -> yield! Findings.ofStage draft stage outcome
            | None -> ()
        ]
        |> problems (Findings.ofParts draft facts outcomes)
        |> List.partition isError

    match errors, facts.Base with
    | [], Some model ->
        let parts = outcomes |> List.choose (snd >> Result.toOption)

        Ok {
            Name = recipe.Name
            Script = script
            Model = baseModel recipe.Model model
            Subjects = Subjects.planned draft facts model
            Method = Methods.planned draft model parts
            Budget = draft.Budget
            Drawing = draft.Drawing
            Samples = draft.Samples |> List.map sample
            Controls = List.zip draft.Controls (List.choose id facts.Controls) |> List.map control
            Upscaling = upscaling draft facts model
            Enlarge = stage |> Option.bind (snd >> Result.toOption)
            Parts = parts
            Outputs = Path.GetFullPath draft.Outputs
            Memory = Checks.Memory.most draft draft.Budget model (List.tryHead draft.Tunings)
            Warnings = warnings
        }
    | _ -> Error(errors @ warnings)
