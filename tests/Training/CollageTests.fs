module Recipes.Tests.CollageTests

open System.IO
open Expecto
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Training
open Recipes.Core.Training.Subjects
open Recipes.Tests.Support

let private painted (path: string) (shade: int -> int -> byte * byte * byte) =
    let image = Image(32, 32)

    for y in 0..31 do
        for x in 0..31 do
            let r, g, b = shade x y
            let at = (y * 32 + x) * 3
            image.Pixels[at] <- r
            image.Pixels[at + 1] <- g
            image.Pixels[at + 2] <- b

    ImageFile.WritePng(path, image)
    path

let private inside x y = x >= 8 && x < 24 && y >= 8 && y < 24
let private white = 255uy, 255uy, 255uy
let private black = 0uy, 0uy, 0uy

/// A square of one colour on another, with its mask.
let private half (folder: string) words thing ground masked =
    let picture =
        painted (Path.Combine(folder, $"{words}.png")) (fun x y -> if inside x y then thing else ground)

    let mask =
        painted (Path.Combine(folder, $"{words}-mask.png")) (fun x y -> if inside x y then white else black)

    if masked then
        CollageHalf(words, [| picture |], [| mask |])
    else
        CollageHalf(words, [| picture |])

let private compose folder pair =
    Collages.Compose([| pair |], 4, 64, RandomStreams "5", Path.Combine(folder, "collages"))

let private pixel (image: Image) x y =
    let at = (y * image.Width + x) * 3
    image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]

let private red, private blue = (220uy, 20uy, 20uy), (20uy, 20uy, 220uy)
let private green, private yellow = (20uy, 220uy, 20uy), (220uy, 220uy, 20uy)

[<Tests>]
let tests =
    testList "collages" [
        test "two things with masks are cut out and stand on one background" {
            withFolder (fun folder ->
                let made =
                    compose folder (struct (half folder "a box" red blue true, half folder "a lid" green yellow true))

                Expect.equal
                    [ for collage in made -> collage.Caption ]
                    [
                        "a photo of a box and a lid"
                        "a photo of a lid and a box"
                        "a photo of a box next to a lid"
                        "a photo of a lid next to a box"
                    ]
                    "captions, from left to right"

                for collage in made do
                    let picture = ImageFile.Decode collage.Path

                    let struct (first, leftFile), struct (second, rightFile) =
                        collage.Left, collage.Right

                    let left, right = ImageFile.Decode leftFile, ImageFile.Decode rightFile
                    let both = ImageFile.Decode(nonNull collage.Mask)
                    let colour words = if words = "a box" then red else green
                    let mutable covered = 0

                    for y in 0..63 do
                        let bare =
                            [ 0..63 ]
                            |> List.find (fun x -> pixel left x y = black && pixel right x y = black)

                        let ground = pixel picture bare y

                        for x in 0..63 do
                            let here = pixel picture x y

                            match pixel left x y, pixel right x y with
                            | one, other when one = white && other = black ->
                                Expect.equal here (colour first.Words) "the left thing"
                                covered <- covered + 1
                            | one, other when one = black && other = white ->
                                Expect.equal here (colour second.Words) "the right thing"
                                covered <- covered + 1
                            | one, other when one = black && other = black ->
                                Expect.equal here ground "one background, without a seam"
                                Expect.equal (pixel both x y) black "and in no mask"
                            | _ -> ()

                    let ground = pixel picture 0 0
                    Expect.isTrue (ground = blue || ground = yellow) "in the shades of one of the pictures"
                    // Two squares of 42 to 50 % of the side.
                    Expect.isTrue (covered > 2 * 24 * 24 && covered < 2 * 33 * 33) $"{covered} pixels")
        }

        test "a thing without a mask goes on under one that is cut out" {
            withFolder (fun folder ->
                for collage in
                    compose folder (struct (half folder "a box" red blue true, half folder "a lid" green yellow false)) do
                    let picture = ImageFile.Decode collage.Path
                    let struct (first, leftFile), struct (_, rightFile) = collage.Left, collage.Right

                    let boxMask =
                        ImageFile.Decode(if first.Words = "a box" then leftFile else rightFile)

                    let edge = if first.Words = "a box" then 0 else 63

                    for y in 0..63 do
                        Expect.equal (pixel picture edge y) yellow "the background of the one without a mask"

                    let found =
                        Seq.allPairs [ 0..63 ] [ 0..63 ]
                        |> Seq.filter (fun (x, y) -> pixel boxMask x y = white)
                        |> List.ofSeq

                    Expect.isNonEmpty found "it is there"

                    for x, y in found do
                        Expect.equal (pixel picture x y) red "cut out")
        }

        test "all of it follows from the streams" {
            withFolder (fun folder ->
                let pair =
                    struct (half folder "a box" red blue true, half folder "a lid" green yellow true)

                let bytes () = [ for collage in compose folder pair -> File.ReadAllBytes collage.Path ]
                Expect.equal (bytes ()) (bytes ()) "the same bytes")
        }

        test "an empty mask is refused" {
            withFolder (fun folder ->
                let whole = half folder "a box" red blue true
                painted (Path.Combine(folder, "a box-mask.png")) (fun _ _ -> black) |> ignore

                failsWith "the mask is empty" (fun () ->
                    compose folder (struct (whole, half folder "a lid" green yellow true)) |> ignore))
        }
    ]
