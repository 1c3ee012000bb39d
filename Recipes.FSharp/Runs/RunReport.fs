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

    let private decimals (places: int) (value: float) =
        value.ToString($"F{places}", CultureInfo.InvariantCulture)

    /// How far each picture agrees with its hints: with each, and with all where there are several.
    let private remarks (plan: Plan) (hints: Image list list) (images: Image list) =
        let values = Controlling.agreements plan hints images
        let together = Controlling.together plan hints images

        [
            for index in 0 .. images.Length - 1 ->
                match plan.Controls with
                | [ _ ] -> $"F1 {decimals 2 together[index]}"
                | controls ->
                    [
                        for control, values in List.zip controls values do
                            $"{control.Kind} {decimals 2 values[index]}"

                        $"F1 of all {decimals 2 together[index]}"
                    ]
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

    let private references (plan: Plan) =
        let all = own plan
        let count = (shown all).Length

        let part =
            if count < all.Length then
                $"{count} of {all.Length}"
            else
                string count

        if plan.Subjects |> List.exists (fun subject -> subject.Token = "") then
            Some $"{part} pictures it learned from"
        elif plan.Subjects.Length > 1 then
            Some $"the subjects’ {part} pictures"
        else
            None

    let private title (plan: Plan) =
        match plan.Method with
        | PlannedMethod.Merge merge -> $"{plan.Name}: {plan.Model.Name} before and after the {merge.Way}"
        | PlannedMethod.Nothing -> $"{plan.Name}: {plan.Model.Name} without controls and with them"
        | _ -> $"{plan.Name}: {plan.Model.Name} before and after {plan.Budget.Steps} steps"

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
                    let values images =
                        Controlling.together plan hints images |> List.map (decimals 2)

                    for shot, one, two in List.zip3 shots (values before) (values after) ->
                        $"seed {shot.Seed}, F1 {one} to {two}"
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
                Title = title plan,
                Columns = columns plan (List.map fst compared),
                Rows = rows,
                ReferencesLabel =
                    (if plan.Subjects |> List.exists (fun subject -> subject.Token = "") then
                         "learned from"
                     else
                         "the subject"),
                References = [| for path in own plan |> shown -> ImageFile.Decode path |]
            )

        Grid.Write(path, model)

    /// Where several subjects or ways are compared, a row says whose it is.
    let private figure (c: Comparison) =
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

    let private lossName (budget: Budget) =
        match budget.Loss with
        | Squared -> "mean squared error"
        | Huber width -> $"Huber, width {number width}"
        | SmoothL1 width -> $"smooth L1, width {number width}"

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

        let beside (weights: PlannedWeights) =
            if weights.Text > 0L then " and of the text encoder" else ""

        let what, extent =
            match plan.Method with
            | PlannedMethod.LowRank lora -> $"{lora.Kind} rank {lora.Rank}", $"{lora.Layers.Length} layers, "
            | PlannedMethod.Control net -> $"a ControlNet for {net.Kind} hints", ""
            | PlannedMethod.Nothing -> "nothing", ""
            | PlannedMethod.Vectors vectors -> $"{vectors.Count} new vectors", $"starting from {vectors.StartFrom}, "
            | PlannedMethod.KeysAndValues keys ->
                let tokens =
                    keys.Tokens
                    |> List.map (fun token -> $"{token.Token} starting from {token.StartFrom}, ")

                "cross-attention keys and values", String.concat "" tokens
            | PlannedMethod.Merge merge -> $"nothing; {plan.Parts.Length} parts are merged by {merge.Way}", ""
            | PlannedMethod.Weights({ Layers = None } as weights) -> $"every weight of the UNet{beside weights}", ""
            | PlannedMethod.Weights({ Layers = Some layers } as weights) ->
                $"weights of the UNet{beside weights}", $"{layers.Length} layers, "

        for part in plan.Parts do
            ReportEntry("part", part.Name, $"{part.Budget.Steps} steps, plan {part.Hash}")

        if plan.Method.IsMerge then
            ReportEntry("trained", what)

        if plan.Trains then
            ReportEntry("trained", what, $"{extent}{plan.Method.Parameters} numbers")
            ReportEntry("steps", string budget.Steps, $"batch {budget.Batch}, accumulate {budget.Accumulate}")
            ReportEntry("learning rate", number budget.Rate, $"{budget.Schedule}, warm-up {budget.Warmup} steps")
            ReportEntry("optimiser", string budget.Optimiser, $"weight decay {number budget.WeightDecay}")
            ReportEntry("loss", lossName budget)
            ReportEntry("prior weight", number budget.PriorWeight)
            ReportEntry("seed", budget.Seed)

        for control in plan.Controls do
            let net =
                match control.Net with
                | None -> "the trained ControlNet"
                | Some files -> $"ControlNet {files.Sha256[..11]}"

            ReportEntry(
                "control",
                $"{control.Kind}, {net}",
                $"strength {number control.Strength}, steps {number control.First} to {number control.Last}"
            )

        ReportEntry("size", $"{budget.Size} px")
        ReportEntry("precision", string budget.Precision)
        ReportEntry("drawing", $"{draw.Sampler}, {draw.Denoise} steps", $"guidance {number draw.Guidance}")
    |]

    /// The losses that the run logged.
    let curves (budget: Budget) (heading: string) (metrics: string) = [|
        let label = $"loss ({lossName budget})"

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
                [ ReportCurve(Title = title, YLabel = label, Series = series, Smoothing = 1) ]

        ReportCurve(
            Title = heading,
            YLabel = label,
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
        /// Of what was made.
        WeightsSha256: string option
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

        // Of several subjects in one picture, what is said of each one's part of it; another way of merging has its rows.
        let told =
            let own = inputs.Comparisons |> List.filter (fun c -> c.Stands)

            match own |> List.filter (fun c -> c.Label.EndsWith "in company") with
            | [] -> own
            | company ->
                (company |> List.filter (fun c -> c.Label.StartsWith "CLIP-I"))
                @ (own |> List.filter (fun c -> c.Label = "CLIP-T"))

        let changes =
            told
            |> List.map (fun c ->
                match c.Times with
                | Some times -> $"{c.Label} {signed c.Difference}, {decimals 1 times} times as much"
                | None -> $"{c.Label} {signed c.Difference}")
            |> String.concat "; "

        let who = plan.Subjects |> List.map _.Called |> String.concat " and "

        let did =
            if plan.Trains then
                $"learned {who} in {plan.Budget.Steps} steps"
            else
                $"""was led by {plan.Controls
                                |> List.map (fun control -> control.Kind.Name)
                                |> String.concat " and "}"""

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
                     | _ -> $"{plan.Model.Name} {did}: {changes}. {enlarged EnlargingReport.summary}")
                        .TrimEnd(),
                PlanHash = plan.Hash,
                AdapterSha256 = Option.toObj inputs.WeightsSha256,
                References = [| for path in own plan |> shown -> ReportImage.Read path |],
                ReferencesLabel = Option.toObj (references plan),
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
                            "Before is the base model without controls, after the same model with them: the same prompts and seeds."
                    yield! further (fun _ -> [ EnlargingReport.note ])
                |],
                Comparison = ReportComparison(columns plan (List.map fst inputs.Compared), rows),
                Further = List.toArray (further EnlargingReport.sections),
                Previews = previews,
                Curves = [|
                    for heading, metrics in inputs.Metrics do
                        yield! curves plan.Budget heading metrics
                    for made in Option.toList inputs.Enlarged do
                        yield! curves made.Plan.Budget "The upscaler's training loss" (Enlarging.metrics made.Folder)
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
