/// Pictures for annotators to read, and what is read off those that they draw.
module Recipes.Tests.AnnotatedPictures

open Expecto
open Recipes.Core
open Recipes.Core.Imaging

let draw width height (pixel: int -> int -> byte * byte * byte) =
    let image = Image(width, height)

    for y in 0 .. height - 1 do
        for x in 0 .. width - 1 do
            let red, green, blue = pixel x y
            image.Row(y).[x * 3] <- red
            image.Row(y).[x * 3 + 1] <- green
            image.Row(y).[x * 3 + 2] <- blue

    image

let grey value = byte value, byte value, byte value

let flat width height value =
    draw width height (fun _ _ -> grey value)

let at (image: Image) x y =
    let i = (y * image.Width + x) * 3
    image.Pixels[i], image.Pixels[i + 1], image.Pixels[i + 2]

let bright (image: Image) =
    set [
        for y in 0 .. image.Height - 1 do
            for x in 0 .. image.Width - 1 do
                let value, _, _ = at image x y

                if value > 127uy then
                    x, y
    ]

let disc =
    draw 128 96 (fun x y ->
        if (x - 60) * (x - 60) + (y - 48) * (y - 48) < 900 then
            grey 220
        else
            grey 30)

let fromRim (x, y) =
    abs (sqrt (float ((x - 60) * (x - 60) + (y - 48) * (y - 48))) - 30.0)

let refused (part: string) (action: unit -> unit) =
    Expect.throwsC action (fun error ->
        match error with
        | :? RecipesException -> Expect.stringContains error.Message part "what is wrong"
        | other -> failtest $"{other}")
