namespace Recipes.Runs

open System
open System.Globalization
open System.Text.Json.Nodes
open Recipes
open Recipes.Core.Imaging
open Recipes.Eval
open Recipes.Eval.Grids
open Recipes.Eval.Reports

/// What a stage of enlarging adds to a run's results and to its page.
[<RequireQualifiedAccess>]
module internal EnlargingReport =
    let private columns (made: Enlarging.Made) =
        let name = made.Plan.Model.Name
        [ "bicubic"; name; $"{name}, tuned" ]

    let private decibels (score: Score) =
        score.Value.ToString("0.00", CultureInfo.InvariantCulture) + " dB"

    let private pictures (each: Enlargement) = [ each.Bicubic; each.Before; each.After ]

    /// PSNR and SSIM, where originals are known.
    let private likenesses (made: Enlarging.Made) =
        [ Likeness.psnr made.HeldOut; Likeness.ssim made.HeldOut ] |> List.choose id

    /// Tuned against bicubic, then against the upscaler as it was: PSNR, then SSIM.
    let comparisons (made: Enlarging.Made) : Comparison list = [
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

    let figures (made: Enlarging.Made) : ReportFigure list = [
        for c in comparisons made do
            let isPsnr = c.After.Name = "PSNR"

            ReportFigure(
                Name = c.Label,
                Definition = $"{c.After.Definition}; before is the rival, after the upscaler tuned",
                Before = ReportNumber.Of c.Before,
                After = ReportNumber.Of c.After,
                Difference = ReportNumber.Of(c.After.Minus c.Before),
                Decimals = (if isPsnr then 2 else 3),
                Unit = (if isPsnr then " dB" else "")
            )
    ]

    /// What the figures rest on.
    let note =
        "Held-out pictures are made small by means over squares, in 8 bits, and every way of enlarging starts from these."

    /// One sentence; empty where nothing was measured.
    let summary (made: Enlarging.Made) =
        match Likeness.psnr made.HeldOut with
        | None -> ""
        | Some psnr ->
            let over (rival: Score) =
                (psnr.After.Value - rival.Value).ToString("+0.00;-0.00", CultureInfo.InvariantCulture)

            $"{made.Plan.Model.Name} enlarges held-out pictures {(Lowering.Upscaler.upscaling made.Plan).Factor} times with {decibels psnr.After}: {over psnr.Bicubic} over bicubic, {over psnr.Before} over itself untuned."

    /// Numbers under the pictures: one line a picture, in the order of the columns.
    let private notes (made: Enlarging.Made) =
        match Likeness.psnr made.HeldOut, Likeness.ssim made.HeldOut with
        | Some psnr, Some ssim -> [
            for index in 0 .. made.HeldOut.Length - 1 ->
                [ psnr.Bicubic, ssim.Bicubic; psnr.Before, ssim.Before; psnr.After, ssim.After ]
                |> List.map (fun (psnr, ssim) ->
                    String.Format(
                        CultureInfo.InvariantCulture,
                        "{0:0.00} dB, {1:0.000}",
                        psnr.Values[index],
                        ssim.Values[index]
                    ))
          ]
        | _ -> []

    /// The sections of a page: held-out pictures beside their originals, then what was drawn.
    let sections (made: Enlarging.Made) : ReportComparison list = [
        let cell (image: Image) (note: string | null) = ReportCell(ReportImage.Of image, note)

        if not made.HeldOut.IsEmpty then
            ReportComparison(
                List.toArray (columns made @ [ "original" ]),
                [|
                    for each, notes in List.zip made.HeldOut (notes made) do
                        ReportRow(
                            each.Picture.Title,
                            uint64 each.Picture.Seed,
                            [|
                                for image, note in List.zip (pictures each) notes do
                                    cell image note
                                match each.Picture.Original with
                                | Some original -> cell original null
                                | None -> ()
                            |]
                        )
                |],
                "Held out, enlarged"
            )

        if not made.Drawn.IsEmpty then
            ReportComparison(
                List.toArray ("drawn" :: columns made),
                [|
                    for each in made.Drawn ->
                        ReportRow(
                            each.Picture.Title,
                            uint64 each.Picture.Seed,
                            [|
                                cell each.Picture.Small null
                                for image in pictures each do
                                    cell image null
                            |]
                        )
                |],
                "Drawn, enlarged"
            )
    ]

    /// The held-out pictures in one PNG.
    let grid path (made: Enlarging.Made) =
        Grid.Write(
            path,
            GridModel(
                Title = $"{made.Plan.Name}: held out and enlarged, before and after {made.Plan.Budget.Steps} steps",
                Columns = List.toArray (columns made @ [ "original" ]),
                Rows = [|
                    for each in made.HeldOut do
                        GridRow(
                            each.Picture.Title,
                            $"seed {each.Picture.Seed}",
                            [| yield! pictures each; yield! Option.toList each.Picture.Original |]
                        )
                |]
            )
        )

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
