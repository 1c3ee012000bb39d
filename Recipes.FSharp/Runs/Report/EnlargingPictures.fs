namespace Recipes.Runs

open Recipes.Core.Imaging
open Recipes.Eval.Grids
open Recipes.Eval.Reports

/// The pictures of a stage of enlarging, side by side on a page and in one PNG.
[<RequireQualifiedAccess>]
module internal EnlargingPictures =
    let private ways (made: Enlarging.Made) =
        let name = made.Plan.Model.Name
        [ "bicubic"; name; $"{name}, tuned" ]

    let private heldOutColumns made =
        List.toArray (ways made @ [ "original" ])

    let private pictures (each: Enlargement) = [ each.Bicubic; each.Before; each.After ]

    /// Numbers under the held-out pictures, in the order of the ways.
    let private notes (made: Enlarging.Made) =
        match Likeness.psnr made.HeldOut, Likeness.ssim made.HeldOut with
        | Some psnr, Some ssim -> [
            for index in 0 .. made.HeldOut.Length - 1 ->
                [ psnr.Bicubic, ssim.Bicubic; psnr.Before, ssim.Before; psnr.After, ssim.After ]
                |> List.map (fun (psnr, ssim) ->
                    $"{Numbers.decimals 2 psnr.Values[index]} dB, {Numbers.decimals 3 ssim.Values[index]}")
          ]
        | _ -> []

    let private row (each: Enlargement) cells =
        ReportRow(each.Picture.Title, uint64 each.Picture.Seed, List.toArray cells)

    /// The sections of a page: held-out pictures beside their originals, then what was drawn.
    let sections (made: Enlarging.Made) : ReportComparison list = [
        let noted (image: Image) (note: string) = ReportCell(ReportImage.Of image, note)
        let plain (image: Image) = ReportCell(ReportImage.Of image)

        if not made.HeldOut.IsEmpty then
            ReportComparison(
                heldOutColumns made,
                [|
                    for each, notes in List.zip made.HeldOut (notes made) ->
                        row each [
                            yield! List.map2 noted (pictures each) notes
                            yield! each.Picture.Original |> Option.toList |> List.map plain
                        ]
                |],
                "Held out, enlarged"
            )

        if not made.Drawn.IsEmpty then
            ReportComparison(
                List.toArray ("drawn" :: ways made),
                [|
                    for each in made.Drawn -> row each (each.Picture.Small :: pictures each |> List.map plain)
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
                Columns = heldOutColumns made,
                Rows = [|
                    for each in made.HeldOut ->
                        GridRow(
                            each.Picture.Title,
                            $"seed {each.Picture.Seed}",
                            [| yield! pictures each; yield! Option.toList each.Picture.Original |]
                        )
                |]
            )
        )
