namespace Recipes.Runs

open System.Globalization
open System.Text.Json.Nodes
open Recipes
open Recipes.Eval
open Recipes.Eval.Reports

/// How near an upscaler's pictures come to originals that it never saw: as rows of figures, as a sentence and as JSON.
[<RequireQualifiedAccess>]
module internal EnlargingFigures =
    let private decibels (score: Score) = Numbers.decimals 2 score.Value + " dB"

    /// PSNR and SSIM, where originals are known.
    let private likenesses (made: Enlarging.Made) =
        [ Likeness.psnr made.HeldOut; Likeness.ssim made.HeldOut ] |> List.choose id

    /// Tuned against bicubic, then against the upscaler as it was: PSNR, then SSIM.
    let private comparisons (made: Enlarging.Made) : Comparison list = [
        for likeness in likenesses made do
            for rival, score in [ "bicubic", likeness.Bicubic; made.Plan.Model.Name, likeness.Before ] do
                {
                    Label = $"{score.Name} over {rival}"
                    Before = score
                    After = likeness.After
                    Ceiling = None
                    Proportional = false
                    Way = None
                }
    ]

    let rows (made: Enlarging.Made) : ReportFigure list = [
        for c in comparisons made do
            let isPsnr = c.After.Name = "PSNR"

            ReportFigure(
                Name = c.Label,
                Definition = $"{c.After.Definition}; before is the rival, after the upscaler tuned",
                Before = ReportNumber.Of c.Before,
                After = ReportNumber.Of c.After,
                Difference = ReportNumber.Of(c.After.Minus c.Before),
                Better = c.After.Better,
                Decimals = (if isPsnr then 2 else 3),
                Unit = (if isPsnr then " dB" else "")
            )
    ]

    /// What the figures rest on.
    let note =
        "Held-out pictures are made small by means over squares, in 8 bits, and every way of enlarging starts from these."

    /// Nothing where nothing was measured.
    let sentence (made: Enlarging.Made) =
        Likeness.psnr made.HeldOut
        |> Option.map (fun psnr ->
            let over (rival: Score) =
                (psnr.After.Value - rival.Value).ToString("+0.00;−0.00", CultureInfo.InvariantCulture)

            $"{made.Plan.Model.Name} enlarges held-out pictures {(Lowering.Upscaler.upscaling made.Plan).Factor} times with {decibels psnr.After}: {over psnr.Bicubic} over bicubic, {over psnr.Before} over itself untuned.")

    let private values (likeness: Likeness) index =
        let json = JsonObject()
        json["bicubic"] <- JsonValue.Create likeness.Bicubic.Values[index]
        json["before"] <- JsonValue.Create likeness.Before.Values[index]
        json["after"] <- JsonValue.Create likeness.After.Values[index]
        json

    /// Each held-out picture's own figures.
    let private heldOut (made: Enlarging.Made) =
        let list = JsonArray()

        for index, each in List.indexed made.HeldOut do
            let json = JsonObject()
            json["picture"] <- JsonValue.Create each.Picture.Title
            json["seed"] <- JsonValue.Create each.Picture.Seed

            for likeness in likenesses made do
                json[likeness.After.Name.ToLowerInvariant()] <- values likeness index

            list.Add json

        list

    /// Adds the stage's figures to those of a run, and each held-out picture's own.
    let add (results: JsonObject) (made: Enlarging.Made) =
        let figures = results["figures"] |> nonNull |> _.AsArray()

        for figure in Scores.json (comparisons made) do
            figures.Add(figure |> nonNull |> _.DeepClone())

        results["held_out"] <- heldOut made
