namespace Recipes.Runs

open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Training
open Recipes.Eval
open Recipes.Eval.Reports

/// The page of a run that draws before and after. Equal runs give equal bytes.
[<RequireQualifiedAccess>]
module internal RunPage =
    type Inputs = {
        Shots: Shot list
        /// By control, an image a shot.
        Hints: Image list list
        /// PNG files, a shot each.
        Before: string list
        /// Columns between before and after: their names, and a PNG file a shot.
        Compared: (string * string list) list
        After: string list
        /// Steps with the PNG files that were drawn after them.
        Previews: (int64 * string list) list
        Visits: ConceptVisits list
        Comparisons: Comparison list
        /// Figures of what was made, beside the pictures'.
        Others: Score list
        /// Logs of trainings, each with a heading for its losses.
        Metrics: (string * string) list
        /// Of what was made.
        WeightsSha256: string option
        /// What an upscaler made of the pictures after.
        Enlarged: Enlarging.Made option
        Threads: int
    }

    let private row (shot: Shot) cells =
        ReportRow(shot.Prompt, uint64 shot.Seed, cells)

    let private comparison (plan: Plan) (inputs: Inputs) =
        let cells (files: string list) =
            if inputs.Hints.IsEmpty then
                files |> List.map (fun file -> ReportCell(ReportImage.Read file))
            else
                files
                |> List.map ImageFile.Decode
                |> SideBySide.remarks plan inputs.Hints
                |> List.map2 (fun file remark -> ReportCell(ReportImage.Read file, remark)) files

        let hint image =
            ReportCell(ReportImage.Of(image, "hint"))

        let rows =
            SideBySide.rows
                (inputs.Hints |> List.map (List.map hint))
                (cells inputs.Before)
                (inputs.Compared |> List.map (snd >> cells))
                (cells inputs.After)

        ReportComparison(
            SideBySide.columns plan (List.map fst inputs.Compared),
            List.map2 row inputs.Shots rows |> List.toArray
        )

    let private previews (plan: Plan) (inputs: Inputs) =
        if inputs.Previews.IsEmpty then
            null
        else
            let columns =
                inputs.Previews
                |> List.map (fun (_, files) -> files |> List.map (fun file -> ReportCell(ReportImage.Read file)))

            ReportComparison(
                [| for steps, _ in inputs.Previews -> $"step {steps}" |],
                columns
                |> List.transpose
                |> List.map2 (fun shot cells -> row shot (List.toArray cells)) (Previews.shots plan)
                |> List.toArray,
                Heading = "While training"
            )

    let private note (plan: Plan) =
        if plan.Controls.IsEmpty then
            "Before is the base model, after the same model with what was trained: the same prompts and seeds."
        else
            "Before is the base model without controls, after the same model with them: the same prompts and seeds."

    let write path (plan: Plan) (inputs: Inputs) =
        let enlarged = Option.toList inputs.Enlarged

        Report.Write(
            path,
            ReportModel(
                Title = plan.Name,
                Summary =
                    String.concat " " [
                        RunFigures.sentence plan inputs.Comparisons
                        for made in enlarged do
                            yield! EnlargingFigures.sentence made |> Option.toList
                    ],
                PlanHash = plan.Hash,
                AdapterSha256 = Option.toObj inputs.WeightsSha256,
                References = OwnPictures.images (OwnPictures.shown plan),
                ReferencesLabel = Option.toObj (OwnPictures.pageLabel plan),
                Figures = [|
                    for c in inputs.Comparisons do
                        yield! RunFigures.rows c
                    for score in inputs.Others do
                        ReportFigure.Of score
                    for made in enlarged do
                        yield! EnlargingFigures.rows made
                |],
                FigureNotes = [|
                    note plan
                    for _ in enlarged do
                        EnlargingFigures.note
                |],
                Comparison = comparison plan inputs,
                Further = [|
                    for made in enlarged do
                        yield! EnlargingPictures.sections made
                |],
                Previews = previews plan inputs,
                Curves = [|
                    for heading, log in inputs.Metrics do
                        yield! LossCurves.ofLog plan.Budget heading log
                    for made in enlarged do
                        yield!
                            LossCurves.ofLog
                                made.Plan.Budget
                                "The upscaler's training loss"
                                (Enlarging.metrics made.Folder)
                |],
                Settings = PlanTables.settings plan inputs.Visits,
                Environment = PlanTables.environment plan inputs.Threads,
                Provenance = [| ReportEntry("base model sha256", plan.Model.Sha256) |],
                PlanText = plan.Text,
                PlanJson = plan.Json
            )
        )
