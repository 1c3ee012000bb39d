namespace Recipes.Runs

open Recipes
open Recipes.Eval.Reports

/// The subjects' own pictures beside what was drawn of them.
[<RequireQualifiedAccess>]
module internal OwnPictures =
    let all (plan: Plan) = [
        for subject in plan.Subjects do
            for picture in subject.Images do
                picture.Path
    ]

    /// Of a large set, the first: they show what was learned from, and no more.
    let shown (plan: Plan) = List.truncate 12 (all plan)

    let private hasTheme (plan: Plan) =
        plan.Subjects |> List.exists (fun subject -> subject.Token = "")

    /// What a grid calls them.
    let gridLabel (plan: Plan) =
        if hasTheme plan then "learned from" else "the subject"

    /// What a page calls them, where its usual words do not fit.
    let pageLabel (plan: Plan) =
        let all, count = (all plan).Length, (shown plan).Length

        let part = if count < all then $"{count} of {all}" else string count

        if hasTheme plan then
            Some $"{part} pictures it learned from"
        elif plan.Subjects.Length > 1 then
            Some $"the subjects’ {part} pictures"
        else
            None

    /// Files as a page holds them.
    let images (files: string list) = [| for file in files -> ReportImage.Read file |]
