namespace Recipes.Runs

open Recipes
open Recipes.Eval.Reports

/// A run's comparisons as rows of figures, and as the sentence above them.
[<RequireQualifiedAccess>]
module internal RunFigures =
    /// Before and after, and what the real pictures reach. Where several subjects or ways are compared, a row says whose
    /// it is.
    let rows (c: Comparison) : ReportFigure list =
        let variant =
            match c.After.Name.LastIndexOf " (" with
            | -1 -> ""
            | at -> c.After.Name[at..]

        let several = c.Label.Contains ' ' && variant <> "" && not c.Proportional

        let named (own: string) =
            (if several then Some $"{own}{variant}" else None) |> Option.toObj

        [
            ReportFigure.Of(c.Before, c.After, null, named c.Label)

            match c.Ceiling with
            | Some ceiling -> ReportFigure.Of(ceiling, named $"{c.Label} of the real pictures")
            | None -> ()
        ]

    /// Of several subjects in one picture, what is said of each one's part of it; another way of merging has its rows.
    let private told (comparisons: Comparison list) =
        let own = comparisons |> List.filter _.Stands

        match own |> List.filter (fun c -> c.Label.EndsWith "in company") with
        | [] -> own
        | company ->
            (company |> List.filter (fun c -> c.Label.StartsWith "CLIP-I"))
            @ (own |> List.filter (fun c -> c.Label = "CLIP-T"))

    // A figure and its number stay on one line.
    let private change (c: Comparison) =
        match c.Times with
        | Some times -> $"{c.Label}\u00a0{Numbers.signed c.Difference}, {Numbers.decimals 1 times} times as much"
        | None -> $"{c.Label}\u00a0{Numbers.signed c.Difference}"

    /// What was done, and what came of it.
    let sentence (plan: Plan) (comparisons: Comparison list) =
        let both = String.concat " and "
        let who = plan.Subjects |> List.map _.Called |> both

        let did =
            match plan.Method with
            | PlannedMethod.Merge merge -> $"knows {who}, learned apart and merged by {merge.Way}"
            | _ when plan.Trains -> $"learned {who} in {plan.Budget.Steps} steps"
            | _ -> $"was led by {plan.Controls |> List.map _.Kind.Name |> both}"

        let changes = told comparisons |> List.map change |> String.concat "; "
        $"{plan.Model.Name} {did}: {changes}."
