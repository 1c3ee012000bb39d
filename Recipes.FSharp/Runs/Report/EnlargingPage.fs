namespace Recipes.Runs

open Recipes
open Recipes.Eval.Reports

/// The page of an upscaler's own recipe.
[<RequireQualifiedAccess>]
module internal EnlargingPage =
    let write path (plan: Plan) (made: Enlarging.Made) threads =
        Report.Write(
            path,
            ReportModel(
                Title = plan.Name,
                Summary = (EnlargingFigures.sentence made |> Option.defaultValue ""),
                PlanHash = plan.Hash,
                AdapterSha256 = Product.sha256 made.Folder plan,
                References = OwnPictures.images (OwnPictures.all plan),
                Figures = List.toArray (EnlargingFigures.rows made),
                FigureNotes = [| EnlargingFigures.note |],
                Further = List.toArray (EnlargingPictures.sections made),
                Curves = LossCurves.ofLog plan.Budget "Training loss" (Enlarging.metrics made.Folder),
                Settings = PlanTables.settings plan [],
                Environment = PlanTables.environment plan threads,
                Provenance = [| ReportEntry("upscaler sha256", plan.Model.Sha256) |],
                PlanText = plan.Text,
                PlanJson = plan.Json
            )
        )
