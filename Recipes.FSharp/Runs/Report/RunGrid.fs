namespace Recipes.Runs

open Recipes
open Recipes.Core.Imaging
open Recipes.Eval.Grids

/// What was drawn without and with what was done, in one PNG. Equal runs give equal bytes.
[<RequireQualifiedAccess>]
module internal RunGrid =
    let private title (plan: Plan) =
        match plan.Method with
        | PlannedMethod.Merge merge -> $"{plan.Name}: {plan.Model.Name} before and after the {merge.Way}"
        | PlannedMethod.Nothing -> $"{plan.Name}: {plan.Model.Name} without controls and with them"
        | _ -> $"{plan.Name}: {plan.Model.Name} before and after {plan.Budget.Steps} steps"

    /// `compared` are columns between before and after: their names, and an image a shot.
    let write
        path
        (plan: Plan)
        (shots: Shot list)
        (hints: Image list list)
        (before: Image list)
        (compared: (string * Image list) list)
        (after: Image list)
        =
        let details =
            if hints.IsEmpty then
                [ for shot in shots -> $"seed {shot.Seed}" ]
            else
                let values = SideBySide.agreements plan hints

                [
                    for shot, one, two in List.zip3 shots (values before) (values after) ->
                        $"seed {shot.Seed}, F1 {one} to {two}"
                ]

        let rows = SideBySide.rows hints before (List.map snd compared) after

        Grid.Write(
            path,
            GridModel(
                Title = title plan,
                Columns = SideBySide.columns plan (List.map fst compared),
                Rows = [|
                    for shot, detail, images in List.zip3 shots details rows -> GridRow(shot.Prompt, detail, images)
                |],
                ReferencesLabel = OwnPictures.gridLabel plan,
                References = [| for path in OwnPictures.shown plan -> ImageFile.Decode path |]
            )
        )
