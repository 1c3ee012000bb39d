namespace Recipes.Runs

open System.Collections.Generic
open System.Text.Json.Nodes
open Recipes
open Recipes.Core.Imaging
open Recipes.Eval

/// A metric before and after training, over the same prompts and seeds.
type Comparison = {
    /// `CLIP-I` or `CLIP-T`, with the subject where there are several.
    Label: string
    Before: Score
    After: Score
    /// What the metric could reach at most, where that is known.
    Ceiling: Score option
} with

    member c.Difference = c.After.Value - c.Before.Value

[<RequireQualifiedAccess>]
module internal Scores =
    /// Over the prompts that mention several subjects: the likeness of each one's part of the pictures, and the share of
    /// them that are more like it than like any other.
    let private together (scorer: ClipScorer) (plan: Plan) (shots: Shot list) before after = [
        let subjects = plan.Subjects |> List.filter (fun subject -> subject.Token <> "")

        let pictures (images: Image list) = [|
            for shot, image in List.zip shots images do
                let shown = [|
                    for number, subject in List.indexed subjects do
                        if List.contains subject.Token shot.Mentions then
                            number
                |]

                if shown.Length > 1 then
                    struct (image, shot.Plain, shown :> IReadOnlyList<int>)
        |]

        let taken = pictures after

        if taken.Length > 0 then
            let measured = [|
                for subject in subjects ->
                    MeasuredSubject(
                        subject.Called,
                        subject.Noun,
                        [| for picture in subject.Images -> ImageFile.Decode picture.Path |]
                    )
            |]

            let first = SubjectScores.Measure(scorer, measured, pictures before)
            let last = SubjectScores.Measure(scorer, measured, taken)

            for number, subject in List.indexed subjects do
                let row label (scores: SubjectScores -> IReadOnlyList<Score | null>) =
                    match Option.ofObj (scores first).[number], Option.ofObj (scores last).[number] with
                    | Some before, Some after -> [
                        {
                            Label = $"{label} {subject.Called} in company"
                            Before = before
                            After = after
                            Ceiling = None
                        }
                      ]
                    | _ -> []

                yield! row "CLIP-I" _.Likeness
                yield! row "recognised" _.Recognised
    ]

    /// CLIP-I against each subject's own pictures, over the prompts that mention it, and against a theme's over all; CLIP-T against each prompt with the
    /// subjects' tokens left out.
    let compare (scorer: ClipScorer) (plan: Plan) (shots: Shot list) (before: Image list) (after: Image list) = [
        for subject in plan.Subjects do
            let mine =
                List.zip3 shots before after
                |> List.filter (fun (shot, _, _) -> subject.Token = "" || List.contains subject.Token shot.Mentions)

            if not mine.IsEmpty then
                let real = [| for picture in subject.Images -> ImageFile.Decode picture.Path |]

                let prompts = [| for shot, _, _ in mine -> shot.Plain |]

                {
                    Label =
                        if plan.Subjects.Length = 1 then
                            "CLIP-I"
                        else
                            $"CLIP-I {subject.Called}"
                    Before = scorer.ClipI([| for _, image, _ in mine -> image |], real, prompts)
                    After = scorer.ClipI([| for _, _, image in mine -> image |], real, prompts)
                    Ceiling =
                        if real.Length > 1 then
                            Some(scorer.ClipICeiling real)
                        else
                            None
                }

        yield! together scorer plan shots before after

        let texts = [| for shot in shots -> shot.Plain |]
        let wording = "texts are the prompts with the subjects’ tokens left out"

        {
            Label = "CLIP-T"
            Before = scorer.ClipT(List.toArray before, texts, wording)
            After = scorer.ClipT(List.toArray after, texts, wording)
            Ceiling = None
        }
    ]

    let json (comparisons: Comparison list) =
        let figures = JsonArray()

        for c in comparisons do
            let figure = JsonObject()
            figure["name"] <- JsonValue.Create c.Label
            figure["metric"] <- JsonValue.Create c.After.Name
            figure["before"] <- JsonValue.Create c.Before.Value
            figure["after"] <- JsonValue.Create c.After.Value
            figure["difference"] <- JsonValue.Create c.Difference
            figure["pictures"] <- JsonValue.Create c.After.Count
            figures.Add figure

        figures
