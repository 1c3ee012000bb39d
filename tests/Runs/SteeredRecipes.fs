/// Recipes that are steered by hints, on a tiny model.
module Recipes.Tests.SteeredRecipes

open System.IO
open Expecto
open Recipes.Core.Imaging
open Recipes
open Recipes.Tests.Support

/// The outline of a square, white on black.
let square (path: string) side =
    let image = Image(side, side)

    for i in side / 4 .. 3 * side / 4 do
        for x, y in [ i, side / 4; i, 3 * side / 4; side / 4, i; 3 * side / 4, i ] do
            for channel in 0..2 do
                image.Pixels[(y * side + x) * 3 + channel] <- 255uy

    ImageFile.WritePng(path, image)

let tiny = Models.folder<SD1>(Path.Combine(golden, "sd1"))

let recipeOf (folder: string) count (lines: Line<SD1> list) (parts: PictureLine<OfTheme> list) =
    let place = Path.Combine(folder, "data")

    if not (Directory.Exists place) then
        CookTests.pictures place
        square (Path.Combine(folder, "square.png")) 64

    let shades = theme "shades" {
        images place
        captions (Same "a shade")

        for part in parts do
            part
    }

    recipe "tiny" tiny {
        data shades

        train {
            steps count
            rate 1e-3
            size 64<px>
        }

        draw {
            denoise 2<step>
            seeds [ 3 ]
        }

        for line in lines do
            line

        sample $"a shade"
    }

let canny (folder: string) = [
    adapt (controlNet Canny)
    control (ControlNets.learned Canny) (drawn Canny (Path.Combine(folder, "square.png"))) { strength 1.0 }
]

let planOf recipe =
    recipe
    |> Plan.check
    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")
