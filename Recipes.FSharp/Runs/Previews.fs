namespace Recipes.Runs

open System
open System.IO
open System.Threading
open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Pipelines

/// Pictures that are drawn while a model is trained, in `previews/step-000100/`.
[<RequireQualifiedAccess>]
module internal Previews =
    /// Each prompt with the first of the seeds.
    let shots (plan: Plan) =
        Painter.shots plan |> List.filter (fun shot -> shot.Seed = plan.Draw.Seeds.Head)

    let private path (folder: RunFolder) (steps: int64) (shot: Shot) =
        folder.File("previews", $"step-{steps:D6}", $"{shot.Number:D2}-seed{shot.Seed}.png")

    /// Draws the previews of so many steps, where they are not all there: a run that goes on after it was killed finds
    /// those that it drew before. A step and its previews are done together or not at all, so nothing stops it.
    let save (folder: RunFolder) (plan: Plan) (steps: int64) (draw: Shot list -> Image list) =
        let shots = shots plan

        if shots |> List.exists (fun shot -> not (File.Exists(path folder steps shot))) then
            let images = draw shots

            for shot, image in List.zip shots images do
                let png = ImageFile.EncodePng(image, PictureText.ofShot plan $"step {steps}" shot)
                Disk.write (path folder steps shot) (fun stream -> stream.Write(ReadOnlySpan png))

    /// The steps after which a plan looks, the last step among them.
    let steps (plan: Plan) : int64 list =
        match plan.Budget.Preview with
        | None -> []
        | Some every ->
            [
                for steps in int64 every .. int64 every .. int64 plan.Budget.Steps do
                    steps

                int64 plan.Budget.Steps
            ]
            |> List.distinct

    /// At most so many of them, evenly chosen, the last one among them: with each the files of its shots. Those whose
    /// files were deleted are left out.
    let chosen (folder: RunFolder) (plan: Plan) most : (int64 * string list) list =
        let all =
            steps plan
            |> List.map (fun steps -> steps, shots plan |> List.map (path folder steps))
            |> List.filter (fun (_, files) -> files |> List.forall File.Exists)

        let count = min most all.Length
        [ for place in 1..count -> all[place * all.Length / count - 1] ]
