namespace Recipes.Runs

open System
open System.Diagnostics
open System.Text.Json.Nodes
open System.Threading
open Recipes
open Recipes.Eval.Reports

/// A run of an upscaler's own recipe, from its held-out pictures to the report.
[<RequireQualifiedAccess>]
module internal EnlargingPage =
    let private page path (plan: Plan) (made: Enlarging.Made) threads =
        Report.Write(
            path,
            ReportModel(
                Title = plan.Name,
                Summary = EnlargingReport.summary made,
                PlanHash = plan.Hash,
                AdapterSha256 = Product.sha256 made.Folder plan,
                References = [| for path in RunReport.own plan -> ReportImage.Read path |],
                Figures = List.toArray (EnlargingReport.figures made),
                FigureNotes = [| EnlargingReport.note |],
                Further = List.toArray (EnlargingReport.sections made),
                Curves = RunReport.curves plan.Budget "Training loss" (Enlarging.metrics made.Folder),
                Settings = RunReport.settings plan [],
                Environment = [|
                    for name, value in RunEnvironment.entries plan threads -> ReportEntry(name, value)
                |],
                Provenance = [| ReportEntry("upscaler sha256", plan.Model.Sha256) |],
                PlanText = plan.Text,
                PlanJson = plan.Json
            )
        )

    /// The work of a run in its folder.
    let work (folder: RunFolder) (plan: Plan) (state: RunState) (tell: RunProgress -> unit) (stop: CancellationToken) =
        let clock = Stopwatch.StartNew()
        Machine.prepare plan.Budget.Device state.Threads
        Disk.writeText (folder.File "environment.json") (RunEnvironment.json plan state.Threads)
        let made = Enlarging.run folder.Path plan plan.Hash [] tell stop
        EnlargingReport.grid (folder.File "grid.png") made
        page (folder.File "report.html") plan made state.Threads
        let json = JsonObject()
        json["weights"] <- JsonValue.Create(Product.name plan)
        json["weights_sha256"] <- JsonValue.Create(Product.sha256 folder.Path plan)
        json["grid"] <- JsonValue.Create "grid.png"
        json["report"] <- JsonValue.Create "report.html"
        json["samples"] <- JsonValue.Create "held-out"
        json["steps"] <- JsonValue.Create(int plan.Budget.Steps)
        json["figures"] <- JsonArray()
        EnlargingReport.add json made
        json["seconds"] <- JsonValue.Create(Math.Round(clock.Elapsed.TotalSeconds, 1))
        Enlarging.finish made
        json
