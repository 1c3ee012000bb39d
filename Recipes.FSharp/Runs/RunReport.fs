namespace Recipes.Runs

open System.Globalization
open System.IO
open System.Text.Json
open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Training
open Recipes.Eval
open Recipes.Eval.Grids
open Recipes.Eval.Reports

/// What a finished run shows to people: the grid and the page. Equal runs give equal bytes.
[<RequireQualifiedAccess>]
module internal RunReport =
    let private columns (plan: Plan) (compared: string list) =
        match plan.Controls with
        | [] -> [| "before"; yield! compared; "after" |]
        | [ _ ] -> [| "hint"; "uncontrolled"; "controlled" |]
        | controls -> [|
            for control in controls do
                $"{control.Kind} hint"

            "uncontrolled"
            "controlled"
          |]

    /// The hints of each shot.
    let private byShot (shots: Shot list) (hints: Image list list) = [
        for index in 0 .. shots.Length - 1 -> hints |> List.map (List.item index)
    ]

    /// How far each picture agrees with its hints.
    let private remarks (plan: Plan) (hints: Image list list) (images: Image list) =
        let values = Controlling.agreements plan hints images

        [
            for index in 0 .. images.Length - 1 ->
                values
                |> List.map (fun values ->
                    let value = values[index].ToString("0.00", CultureInfo.InvariantCulture)
                    $"edges {value}")
                |> String.concat ", "
        ]

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

    /// Of a large set, the first: they show what was learned from, and no more.
    let private shown (pictures: string list) = List.truncate 12 pictures

    /// `compared` are columns between before and after: their names, and an image a shot.
    let grid
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
                [
                    for shot, one, two in List.zip3 shots (remarks plan hints before) (remarks plan hints after) ->
                        $"seed {shot.Seed}; {one}, then {two}"
                ]

        let rows = [|
            for index, ((shot, detail), lead, (one, two)) in
                List.zip3 (List.zip shots details) (byShot shots hints) (List.zip before after)
                |> List.indexed ->
                GridRow(
                    shot.Prompt,
                    detail,
                    [|
                        yield! lead
                        yield one

                        for _, images in compared do
                            yield images[index]

                        yield two
                    |]
                )
        |]

        let model =
            GridModel(
                Title =
                    (match plan.Method with
                     | PlannedMethod.Merge merge -> $"{plan.Name}: {plan.Model.Name} before and after the {merge.Way}"
                     | _ -> $"{plan.Name}: {plan.Model.Name} before and after {plan.Budget.Steps} steps"),
                Columns = columns plan (List.map fst compared),
                Rows = rows,
                ReferencesLabel =
                    (if plan.Method.IsControl then
                         "learned from"
                     else
                         "the subject"),
                References = [| for path in own plan |> shown -> ImageFile.Decode path |]
            )

        Grid.Write(path, model)

    let private figure (c: Comparison) = [
        ReportFigure.Of(c.Before, c.After)
        match c.Ceiling with
        | Some ceiling -> ReportFigure.Of ceiling
        | None -> ()
    ]

    let settings (plan: Plan) (visits: ConceptVisits list) = [|
        let budget, draw = plan.Budget, plan.Draw
        ReportEntry("model", plan.Model.Name, $"{plan.Model.Family}, sha256 {plan.Model.Sha256[..11]}")

        for subject in plan.Subjects do
            ReportEntry(
                (if subject.Token = "" then "theme" else "subject"),
                subject.Called,
                $"{subject.Images.Length} pictures, {subject.PriorCount} class pictures"
            )

        for each in visits do
            ReportEntry("visited", each.Concept, Visits.text each)

        let what, extent =
            match plan.Method with
            | PlannedMethod.LowRank lora -> $"{lora.Kind} rank {lora.Rank}", $"{lora.Layers.Length} layers, "
            | PlannedMethod.Control net -> $"a ControlNet for {net.Kind} hints", ""
            | PlannedMethod.Vectors vectors -> $"{vectors.Count} new vectors", $"starting from {vectors.StartFrom}, "
            | PlannedMethod.KeysAndValues keys ->
                let tokens =
                    keys.Tokens
                    |> List.map (fun token -> $"{token.Token} starting from {token.StartFrom}, ")

                "cross-attention keys and values", String.concat "" tokens
            | PlannedMethod.Merge merge -> $"nothing; {plan.Parts.Length} parts are merged by {merge.Way}", ""
            | PlannedMethod.Weights { Layers = None } -> "every weight of the UNet", ""
            | PlannedMethod.Weights { Layers = Some layers } -> "weights of the UNet", $"{layers.Length} layers, "

        ReportEntry("trained", what, $"{extent}{plan.Method.Parameters} numbers")

        for part in plan.Parts do
            ReportEntry("part", part.Name, $"{part.Budget.Steps} steps, plan {part.Hash}")

        if plan.Parts.IsEmpty then
            ReportEntry("steps", string budget.Steps, $"batch {budget.Batch}, accumulate {budget.Accumulate}")
            ReportEntry("learning rate", number budget.Rate, $"{budget.Schedule}, warm-up {budget.Warmup} steps")
            ReportEntry("prior weight", number budget.PriorWeight)

        ReportEntry("size", $"{budget.Size} px")
        ReportEntry("seed", budget.Seed)
        ReportEntry("precision", string budget.Precision)
        ReportEntry("drawing", $"{draw.Sampler}, {draw.Denoise} steps", $"guidance {number draw.Guidance}")
    |]

    /// The losses that the run logged.
    let curves (heading: string) (metrics: string) = [|
        let lines = [|
            for line in File.ReadLines metrics do
                use document = JsonDocument.Parse line
                let root = document.RootElement.Clone()

                let value (name: string) =
                    match root.TryGetProperty name with
                    | true, value when value.ValueKind = JsonValueKind.Number -> Some(value.GetDouble())
                    | true, _ -> Some nan
                    | false, _ -> None

                root.GetProperty("step").GetInt64(), value, [ for property in root.EnumerateObject() -> property.Name ]
        |]

        let series (name: string) (title: string) =
            let points = [|
                for step, value, _ in lines do
                    match value name with
                    | Some value -> ReportPoint(step, value)
                    | None -> ()
            |]

            if points.Length = 0 then
                []
            else
                [ ReportSeries(title, points) ]

        let curve title series =
            if Array.isEmpty series then
                []
            else
                [
                    ReportCurve(Title = title, YLabel = "loss (mean squared error)", Series = series, Smoothing = 1)
                ]

        ReportCurve(
            Title = heading,
            YLabel = "loss (mean squared error)",
            Series = [|
                yield! series "instance_loss" "subject"
                yield! series "prior_loss" "class"
            |]
        )

        let heldOut = "validation_loss"

        yield!
            curve "Loss on pictures held out" [|
                yield! series heldOut "all times"

                let times =
                    lines
                    |> Seq.collect (fun (_, _, names) -> names)
                    |> Seq.filter _.StartsWith(heldOut + "_")
                    |> Seq.distinct
                    |> Seq.sortBy (fun name -> int name[heldOut.Length + 1 ..])

                for name in times do
                    yield! series name $"at time {name[heldOut.Length + 1 ..]}"
            |]
    |]

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
        WeightsSha256: string
        /// What an upscaler made of the pictures after.
        Enlarged: Enlarging.Made option
        Threads: int
    }

    let page path (plan: Plan) (inputs: Inputs) =
        let cells (files: string list) =
            if inputs.Hints.IsEmpty then
                files |> List.map (fun file -> ReportCell(ReportImage.Read file))
            else
                List.zip files (remarks plan inputs.Hints (files |> List.map ImageFile.Decode))
                |> List.map (fun (file, remark) -> ReportCell(ReportImage.Read file, remark))

        let rows = [|
            let compared = inputs.Compared |> List.map (snd >> cells)

            for index, (shot, hints, (before, after)) in
                List.zip3
                    inputs.Shots
                    (byShot inputs.Shots inputs.Hints)
                    (List.zip (cells inputs.Before) (cells inputs.After))
                |> List.indexed ->
                ReportRow(
                    shot.Prompt,
                    uint64 shot.Seed,
                    [|
                        for hint in hints do
                            yield ReportCell(ReportImage.Of(hint, "hint"))

                        yield before

                        for column in compared do
                            yield column[index]

                        yield after
                    |]
                )
        |]

        let previews =
            if inputs.Previews.IsEmpty then
                null
            else
                ReportComparison(
                    [| for steps, _ in inputs.Previews -> $"step {steps}" |],
                    [|
                        for index, shot in List.indexed (Previews.shots plan) ->
                            ReportRow(
                                shot.Prompt,
                                uint64 shot.Seed,
                                [|
                                    for _, files in inputs.Previews -> ReportCell(ReportImage.Read files[index])
                                |]
                            )
                    |],
                    Heading = "While training"
                )

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
                    (match plan.Method with
                     | PlannedMethod.Merge merge ->
                         $"{plan.Model.Name} knows {who}, learned apart and merged by {merge.Way}: {changes}."
                     | _ ->
                         $"{plan.Model.Name} learned {who} in {plan.Budget.Steps} steps: {changes}. {enlarged EnlargingReport.summary}")
                        .TrimEnd(),
                PlanHash = plan.Hash,
                AdapterSha256 = inputs.WeightsSha256,
                References = [| for path in own plan |> shown -> ReportImage.Read path |],
                Figures = [|
                    for c in inputs.Comparisons do
                        yield! figure c
                    for score in inputs.Others do
                        ReportFigure.Of score
                    yield! further EnlargingReport.figures
                |],
                FigureNotes = [|
                    if plan.Controls.IsEmpty then
                        yield
                            "Before is the base model, after the same model with what was trained: the same prompts and seeds."
                    else
                        yield
                            "Before is the base model without hints, after what was trained with them: the same prompts and seeds."
                    yield! further (fun _ -> [ EnlargingReport.note ])
                |],
                Comparison = ReportComparison(columns plan (List.map fst inputs.Compared), rows),
                Further = List.toArray (further EnlargingReport.sections),
                Previews = previews,
                Curves = [|
                    for heading, metrics in inputs.Metrics do
                        yield! curves heading metrics
                    for made in Option.toList inputs.Enlarged do
                        yield! curves "The upscaler's training loss" (Enlarging.metrics made.Folder)
                |],
                Settings = settings plan inputs.Visits,
                Environment = [|
                    for name, value in RunEnvironment.entries plan inputs.Threads -> ReportEntry(name, value)
                |],
                Provenance = [| ReportEntry("base model sha256", plan.Model.Sha256) |],
                PlanText = plan.Text,
                PlanJson = plan.Json
            )
        )
