namespace Recipes.Runs

open System.Globalization
open System.IO
open System.Text.Json
open Recipes
open Recipes.Core.Imaging
open Recipes.Eval
open Recipes.Eval.Grids
open Recipes.Eval.Reports

/// What a finished run shows to people: the grid and the page. Equal runs give equal bytes.
[<RequireQualifiedAccess>]
module internal RunReport =
    let private columns = [| "before"; "after" |]

    let private number (value: float) =
        value.ToString(CultureInfo.InvariantCulture)

    let private signed (value: float) =
        value.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture)

    /// The subjects' own pictures.
    let own (plan: Plan) = [
        for subject in plan.Subjects do
            for picture in subject.Images do
                picture.Path
    ]

    let grid path (plan: Plan) (shots: Shot list) (before: Image list) (after: Image list) =
        let rows = [|
            for shot, one, two in List.zip3 shots before after ->
                GridRow(shot.Prompt, $"seed {shot.Seed}", [| one; two |])
        |]

        let model =
            GridModel(
                Title = $"{plan.Name}: {plan.Model.Name} before and after {plan.Budget.Steps} steps",
                Columns = columns,
                Rows = rows,
                References = [| for path in own plan -> ImageFile.Decode path |]
            )

        Grid.Write(path, model)

    let private figure (c: Comparison) = [
        ReportFigure.Of(c.Before, c.After)
        match c.Ceiling with
        | Some ceiling -> ReportFigure.Of ceiling
        | None -> ()
    ]

    let settings (plan: Plan) = [|
        let budget, draw = plan.Budget, plan.Draw
        ReportEntry("model", plan.Model.Name, $"{plan.Model.Family}, sha256 {plan.Model.Sha256[..11]}")

        for subject in plan.Subjects do
            ReportEntry(
                (if subject.Token = "" then "theme" else "subject"),
                subject.Called,
                $"{subject.Images.Length} pictures, {subject.PriorCount} class pictures"
            )

        let what, extent =
            match plan.Method with
            | PlannedMethod.LowRank lora -> $"{lora.Kind} rank {lora.Rank}", $"{lora.Layers.Length} layers, "
            | PlannedMethod.Vectors vectors -> $"{vectors.Count} new vectors", $"starting from {vectors.StartFrom}, "
            | PlannedMethod.KeysAndValues _ -> "cross-attention keys and values", ""
            | PlannedMethod.Weights { Layers = None } -> "every weight of the UNet", ""
            | PlannedMethod.Weights { Layers = Some layers } -> "weights of the UNet", $"{layers.Length} layers, "

        ReportEntry("trained", what, $"{extent}{plan.Method.Parameters} numbers")
        ReportEntry("steps", string budget.Steps, $"batch {budget.Batch}, accumulate {budget.Accumulate}")
        ReportEntry("learning rate", number budget.Rate, $"{budget.Schedule}, warm-up {budget.Warmup} steps")
        ReportEntry("prior weight", number budget.PriorWeight)
        ReportEntry("size", $"{budget.Size} px")
        ReportEntry("seed", budget.Seed)
        ReportEntry("precision", string budget.Precision)
        ReportEntry("drawing", $"{draw.Sampler}, {draw.Denoise} steps", $"guidance {number draw.Guidance}")
    |]

    /// The losses that a training logged.
    let curve (heading: string) (metrics: string) =
        let lines = [|
            for line in File.ReadLines metrics do
                use document = JsonDocument.Parse line
                let root = document.RootElement.Clone()

                let value (name: string) =
                    match root.TryGetProperty name with
                    | true, value when value.ValueKind = JsonValueKind.Number -> Some(value.GetDouble())
                    | true, _ -> Some nan
                    | false, _ -> None

                root.GetProperty("step").GetInt64(), value
        |]

        let series (name: string) (title: string) =
            let points = [|
                for step, value in lines do
                    match value name with
                    | Some value -> ReportPoint(step, value)
                    | None -> ()
            |]

            if points.Length = 0 then
                []
            else
                [ ReportSeries(title, points) ]

        ReportCurve(
            Title = heading,
            YLabel = "loss (mean squared error)",
            Series = [|
                yield! series "instance_loss" "subject"
                yield! series "prior_loss" "class"
            |]
        )

    type Inputs = {
        Shots: Shot list
        /// PNG files, a shot each.
        Before: string list
        After: string list
        Comparisons: Comparison list
        Metrics: string
        WeightsSha256: string
        /// What an upscaler made of the pictures after.
        Enlarged: Enlarging.Made option
        Threads: int
    }

    let page path (plan: Plan) (inputs: Inputs) =
        let rows = [|
            for shot, before, after in List.zip3 inputs.Shots inputs.Before inputs.After ->
                ReportRow(
                    shot.Prompt,
                    uint64 shot.Seed,
                    [| ReportCell(ReportImage.Read before); ReportCell(ReportImage.Read after) |]
                )
        |]

        let changes =
            inputs.Comparisons
            |> List.map (fun c -> $"{c.Label} {signed c.Difference}")
            |> String.concat ", "

        let who = plan.Subjects |> List.map _.Called |> String.concat " and "

        let enlarged say =
            inputs.Enlarged |> Option.map say |> Option.defaultValue ""

        let further (list: Enlarging.Made -> 'item list) =
            inputs.Enlarged |> Option.map list |> Option.defaultValue []

        Report.Write(
            path,
            ReportModel(
                Title = plan.Name,
                Summary =
                    $"{plan.Model.Name} learned {who} in {plan.Budget.Steps} steps: {changes}. {enlarged EnlargingReport.summary}"
                        .TrimEnd(),
                PlanHash = plan.Hash,
                AdapterSha256 = inputs.WeightsSha256,
                References = [| for path in own plan -> ReportImage.Read path |],
                Figures = [|
                    for c in inputs.Comparisons do
                        yield! figure c
                    yield! further EnlargingReport.figures
                |],
                FigureNotes = [|
                    "Before is the base model, after the same model with what was trained: the same prompts and seeds."
                    yield! further (fun _ -> [ EnlargingReport.note ])
                |],
                Comparison = ReportComparison(columns, rows),
                Further = List.toArray (further EnlargingReport.sections),
                Curves = [|
                    curve "Training loss" inputs.Metrics
                    yield!
                        further (fun made -> [ curve "The upscaler's training loss" (Enlarging.metrics made.Folder) ])
                |],
                Settings = settings plan,
                Environment = [|
                    for name, value in RunEnvironment.entries plan inputs.Threads -> ReportEntry(name, value)
                |],
                Provenance = [| ReportEntry("base model sha256", plan.Model.Sha256) |],
                PlanText = plan.Text,
                PlanJson = plan.Json
            )
        )
