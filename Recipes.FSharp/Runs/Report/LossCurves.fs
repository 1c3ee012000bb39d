namespace Recipes.Runs

open System.IO
open System.Text.Json
open Recipes
open Recipes.Eval.Reports

/// The losses that a training logged, over its steps.
[<RequireQualifiedAccess>]
module internal LossCurves =
    /// What the loss is.
    let name (budget: Budget) =
        match budget.Loss with
        | Squared -> "mean squared error"
        | Huber width -> $"Huber, width {Numbers.shortest width}"
        | SmoothL1 width -> $"smooth L1, width {Numbers.shortest width}"

    /// Every line of a log: its step and its other values by name, those that JSON cannot hold as NaN.
    let private read (log: string) = [|
        for line in File.ReadLines log do
            use document = JsonDocument.Parse line

            let values =
                Map [
                    for property in document.RootElement.EnumerateObject() do
                        property.Name,
                        if property.Value.ValueKind = JsonValueKind.Number then
                            property.Value.GetDouble()
                        else
                            nan
                ]

            document.RootElement.GetProperty("step").GetInt64(), values
    |]

    let private series (lines: (int64 * Map<string, float>) array) (name: string) (title: string) = [
        let points = [|
            for step, values in lines do
                match values.TryFind name with
                | Some value -> ReportPoint(step, value)
                | None -> ()
        |]

        if points.Length > 0 then
            ReportSeries(title, points)
    ]

    let private heldOut = "validation_loss"

    /// Of pictures held out: over all times, then at each.
    let private heldOutSeries lines = [|
        yield! series lines heldOut "all times"

        let times =
            lines
            |> Seq.collect (fun (_, values) -> values.Keys)
            |> Seq.filter _.StartsWith(heldOut + "_")
            |> Seq.distinct
            |> Seq.sortBy (fun name -> int name[heldOut.Length + 1 ..])

        for name in times do
            yield! series lines name $"at time {name[heldOut.Length + 1 ..]}"
    |]

    /// The training's own losses under `heading`, then those of pictures held out, where there are some.
    let ofLog (budget: Budget) (heading: string) (log: string) = [|
        let label = $"loss ({name budget})"
        let lines = read log

        ReportCurve(
            Title = heading,
            YLabel = label,
            Series = [|
                yield! series lines "instance_loss" "subject"
                yield! series lines "prior_loss" "class"
            |]
        )

        match heldOutSeries lines with
        | [||] -> ()
        | some -> ReportCurve(Title = "Loss on pictures held out", YLabel = label, Series = some, Smoothing = 1)
    |]
