namespace Recipes.Runs

open System
open System.Diagnostics
open System.Text.Json.Nodes
open System.Threading
open Recipes

/// A run of an upscaler's own recipe, from its held-out pictures to the report.
[<RequireQualifiedAccess>]
module internal EnlargingRun =
    /// The work of a run in its folder.
    let work (folder: RunFolder) (plan: Plan) (state: RunState) (tell: RunProgress -> unit) (stop: CancellationToken) =
        let clock = Stopwatch.StartNew()
        Machine.prepare plan.Budget.Device state.Threads
        Disk.writeText (folder.File "environment.json") (RunEnvironment.json plan state.Threads)
        let made = Enlarging.run folder.Path plan plan.Hash [] tell stop
        EnlargingPictures.grid (folder.File "grid.png") made
        EnlargingPage.write (folder.File "report.html") plan made state.Threads
        let json = JsonObject()
        json["weights"] <- JsonValue.Create(Product.name plan)
        json["weights_sha256"] <- JsonValue.Create(Product.sha256 folder.Path plan)
        json["grid"] <- JsonValue.Create "grid.png"
        json["report"] <- JsonValue.Create "report.html"
        json["samples"] <- JsonValue.Create "held-out"
        json["steps"] <- JsonValue.Create(int plan.Budget.Steps)
        json["figures"] <- JsonArray()
        EnlargingFigures.add json made
        json["seconds"] <- JsonValue.Create(Math.Round(clock.Elapsed.TotalSeconds, 1))
        Enlarging.finish made
        json
