module Recipes.Tests.GridTests

open System.IO
open Expecto
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Eval.Grids

let private plain (width: int) (height: int) (red, green, blue) =
    Image(width, height, Array.init (width * height * 3) (fun i -> [| red; green; blue |][i % 3]))

let private red, green, blue =
    (200uy, 10uy, 20uy), (10uy, 180uy, 40uy), (20uy, 30uy, 220uy)

let private pixel (image: Image) x y =
    let at = (y * image.Width + x) * 3
    image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]

/// The rectangle that a colour fills, as left, top, right and bottom, ends included.
let private extent image colour =
    let found = [
        for y in 0 .. (image: Image).Height - 1 do
            for x in 0 .. image.Width - 1 do
                if pixel image x y = colour then
                    x, y
    ]

    let xs, ys = List.map fst found, List.map snd found
    (List.min xs, List.min ys, List.max xs, List.max ys), found.Length

let private row (label: string) (pictures: Image list) =
    GridRow(label, "seed 7", Array.ofList pictures)

let private model () =
    GridModel(
        Columns = [| "before"; "after" |],
        Rows = [| row "a red dog" [ plain 200 200 red; plain 200 200 green ] |]
    )

[<Tests>]
let tests =
    testList "grid" [
        test "pictures keep their bytes and stand in one row, before at the left" {
            let sheet = Grid.Draw(model ())
            let (left, top, right, bottom), count = extent sheet red
            let (left', top', right', bottom'), count' = extent sheet green
            Expect.equal (right - left + 1, bottom - top + 1, count) (200, 200, 40000) "the first cell, whole"
            Expect.equal (right' - left' + 1, bottom' - top' + 1, count') (200, 200, 40000) "the second cell, whole"
            Expect.equal top' top "one row"
            Expect.isGreaterThan left' right "after stands right of before"
            Expect.isLessThan right' sheet.Width "inside the sheet"
            Expect.isLessThan bottom' sheet.Height "inside the sheet"
        }

        test "small pictures are doubled, oblong ones fitted whole" {
            let rows = [| row "dog" [ plain 100 50 red ] |]
            let sheet = Grid.Draw(GridModel(Columns = [| "picture" |], Rows = rows))
            let (left, top, right, bottom), _ = extent sheet red
            Expect.equal (right - left + 1, bottom - top + 1) (200, 100) "100 x 50 in a cell of 200"
        }

        test "every cell of many rows is where its row and column say" {
            let colour r c =
                byte (40 * r + 20), byte (90 * c + 30), 60uy

            let rows = [|
                for r in 0..3 -> row $"prompt {r}" [ for c in 0..1 -> plain 192 192 (colour r c) ]
            |]

            let sheet = Grid.Draw(GridModel(Columns = [| "a"; "b" |], Rows = rows))

            let place = [ for r in 0..3 -> [ for c in 0..1 -> fst (extent sheet (colour r c)) ] ]
            let lefts = [ for line in place -> [ for left, _, _, _ in line -> left ] ]
            let tops = [ for line in place -> [ for _, top, _, _ in line -> top ] ]
            Expect.equal (List.distinct lefts).Length 1 "columns are straight"
            Expect.allEqual [ for line in tops -> line[0] = line[1] ] true "rows are straight"
            let heads = List.map List.head tops
            Expect.equal (List.pairwise heads |> List.map (fun (a, b) -> b - a) |> List.distinct).Length 1 "even rows"
        }

        test "labels leave ink at the left, headings above, and no pixel on a picture" {
            let sheet = Grid.Draw(model ())
            let (left, top, _, bottom), count = extent sheet red
            let paper = pixel sheet 0 0

            let inked xs ys =
                Seq.exists (fun (x, y) -> pixel sheet x y <> paper) (Seq.allPairs xs ys)

            Expect.isTrue (inked [ 0 .. left - 1 ] [ top..bottom ]) "the prompt"
            Expect.isTrue (inked [ left .. left + 199 ] [ 0 .. top - 1 ]) "the heading"
            Expect.equal count 40000 "the picture is untouched"
        }

        test "references stand above the columns" {
            let sheet =
                Grid.Draw(
                    GridModel(
                        Columns = [| "after" |],
                        Rows = [| row "dog" [ plain 200 200 red ] |],
                        References = [| for _ in 1..7 -> plain 64 64 blue |]
                    )
                )

            let (_, top, _, _), _ = extent sheet red
            let (_, _, right, bottom), _ = extent sheet blue
            Expect.isLessThan bottom top "above"
            Expect.isLessThan right sheet.Width "inside"
        }

        test "equal models make equal bytes" {
            Expect.equal (ImageFile.EncodePng(Grid.Draw(model ()))) (ImageFile.EncodePng(Grid.Draw(model ()))) "PNG"
        }

        test "a contact sheet holds every picture in reading order" {
            let colour i = byte (30 * i + 20), 200uy, 90uy

            let pictures = [|
                for i in 0..6 -> Captioned(plain 192 192 (colour i), $"thing {i}", "seed 1")
            |]

            let sheet = Grid.Contact(pictures, 3, "Seven things")
            let places = [ for i in 0..6 -> extent sheet (colour i) ]
            Expect.allEqual (List.map snd places) (192 * 192) "whole"
            let order = places |> List.map (fun ((left, top, _, _), _) -> top, left)
            Expect.equal order (List.sort order) "reading order"
            Expect.equal (order |> List.map fst |> List.distinct).Length 3 "three rows"
        }

        test "captions of any characters and any length are drawn" {
            let caption =
                "Ein sehr langer Prompt über Straßen, “naïve” façades, 漢字, \U0001F916 and a"
                + String.replicate 40 "Donaudampfschiff"

            let sheet = Grid.Contact([| Captioned(plain 192 192 red, caption) |], 1)
            Expect.equal (snd (extent sheet red)) (192 * 192) "the picture is untouched"
        }

        test "impossible sheets are refused" {
            let refuses what (make: unit -> Image) =
                Expect.throwsT<RecipesException> (fun () -> make () |> ignore) what

            refuses "no rows" (fun () -> Grid.Draw(GridModel(Columns = [| "a" |], Rows = [||])))
            refuses "no columns" (fun () -> Grid.Draw(GridModel(Columns = [||], Rows = [| row "x" [] |])))
            refuses "no pictures" (fun () -> Grid.Contact([||], 3))

            refuses "a ragged row" (fun () ->
                Grid.Draw(GridModel(Columns = [| "a"; "b" |], Rows = [| row "x" [ plain 8 8 red ] |])))

            refuses "a tiny cell" (fun () ->
                Grid.Draw(GridModel(Columns = [| "a" |], Rows = [| row "x" [ plain 8 8 red ] |], Cell = 3)))

            refuses "a sheet of gigapixels" (fun () ->
                let rows = [| for i in 1..200 -> row $"{i}" [ plain 8 8 red ] |]
                Grid.Draw(GridModel(Columns = [| "a" |], Rows = rows, Cell = 2048)))
        }

        test "the file is a picture with its texts" {
            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "grid.png")
                Grid.Write(path, model (), dict [ "plan", "abc" ] |> System.Collections.Generic.Dictionary)
                let read = ImageFile.Decode path
                Expect.equal read.Pixels (Grid.Draw(model ())).Pixels "the same pixels")
        }
    ]
