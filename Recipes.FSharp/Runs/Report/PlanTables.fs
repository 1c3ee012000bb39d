namespace Recipes.Runs

open Recipes
open Recipes.Core.Training
open Recipes.Eval.Reports

/// A plan's settings and what it ran on, as the tables of a page.
[<RequireQualifiedAccess>]
module internal PlanTables =
    /// What is trained, and from where or how much of it.
    let private trained (plan: Plan) =
        let beside (weights: PlannedWeights) =
            if weights.Text > 0L then " and of the text encoder" else ""

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

    /// `visits` are empty where nothing was trained.
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

        let what, extent = trained plan

        for part in plan.Parts do
            ReportEntry("part", part.Name, $"{part.Budget.Steps} steps, plan {part.Hash}")

        if plan.Method.IsMerge then
            ReportEntry("trained", what)

        if plan.Trains then
            ReportEntry("trained", what, $"{extent}{plan.Method.Parameters} numbers")
            ReportEntry("steps", string budget.Steps, $"batch {budget.Batch}, accumulate {budget.Accumulate}")

            ReportEntry(
                "learning rate",
                Numbers.shortest budget.Rate,
                $"{budget.Schedule}, warm-up {budget.Warmup} steps"
            )

            ReportEntry("optimiser", string budget.Optimiser, $"weight decay {Numbers.shortest budget.WeightDecay}")
            ReportEntry("loss", LossCurves.name budget)
            ReportEntry("prior weight", Numbers.shortest budget.PriorWeight)
            ReportEntry("seed", budget.Seed)

        for control in plan.Controls do
            let net =
                match control.Net with
                | None -> "the trained ControlNet"
                | Some files -> $"ControlNet {files.Sha256[..11]}"

            ReportEntry(
                "control",
                $"{control.Kind}, {net}",
                $"strength {Numbers.shortest control.Strength}, steps {Numbers.shortest control.First} to {Numbers.shortest control.Last}"
            )

        ReportEntry("size", $"{budget.Size} px")
        ReportEntry("precision", string budget.Precision)
        ReportEntry("drawing", $"{draw.Sampler}, {draw.Denoise} steps", $"guidance {Numbers.shortest draw.Guidance}")
    |]

    /// Versions, hardware and seeds.
    let environment (plan: Plan) threads = [|
        for name, value in RunEnvironment.entries plan threads -> ReportEntry(name, value)
    |]
