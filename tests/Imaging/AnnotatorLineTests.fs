module Recipes.Tests.AnnotatorLineTests

open System
open Expecto
open Recipes.Core.Imaging
open Recipes.Core.Imaging.Annotators
open Recipes.Tests.AnnotatedPictures

let private lines =
    testList "lines" [
        test "canny draws Canny's edges" {
            let drawn = CannyAnnotator(Low = 50.0, High = 90.0).Annotate disc
            Expect.equal drawn.Pixels (Canny.Detect(disc, 50.0, 90.0).ToImage().Pixels) "pixels"
        }

        test "line art finds dark lines, and nothing in flat pictures and dark areas" {
            let line = draw 64 64 (fun x _ -> if x = 30 || x = 31 then grey 20 else grey 230)
            let drawn = bright (LineArtAnnotator().Annotate line)
            Expect.isTrue (Set.contains (30, 32) drawn && Set.contains (31, 32) drawn) "the line"
            Expect.isTrue (drawn |> Set.forall (fun (x, _) -> x >= 28 && x <= 33)) "nothing else"

            for value in [ 0; 90; 255 ] do
                Expect.isEmpty (bright (LineArtAnnotator().Annotate(flat 40 40 value))) $"flat {value}"
        }

        test "line art leaves specks out" {
            let speck =
                draw 300 300 (fun x y ->
                    if abs (x - 150) < 2 && abs (y - 150) < 2 then
                        grey 0
                    else
                        grey 255)

            Expect.isEmpty (bright (LineArtAnnotator(Speck = 0.05).Annotate speck)) "fewer than 225 pixels"
            Expect.isNonEmpty (bright (LineArtAnnotator(Speck = 0.0).Annotate speck)) "every pixel"
        }

        test "scribbles follow outlines with a broad pen" {
            let drawn = ScribbleAnnotator(Pen = 0.04).Annotate disc
            let pixels = bright drawn
            let thickness = 0.04 * 96.0
            Expect.isTrue (pixels |> Set.forall (fun pixel -> fromRim pixel < 1.5 * thickness)) "near the rim"
            // A whole circle of that thickness, give or take a quarter.
            let area = 2.0 * Math.PI * 30.0 * thickness
            let share = float pixels.Count / area
            Expect.isTrue (share > 0.75 && share < 1.25) $"the whole rim: {share:f2}"
            Expect.isEmpty (bright (ScribbleAnnotator().Annotate(flat 64 64 128))) "flat"
        }

        test "scribbles stop when the ink is used up, the longest first" {
            let two =
                draw 160 160 (fun x y ->
                    if
                        (x > 20 && x < 140 && y > 20 && y < 80)
                        || (x > 60 && x < 90 && y > 110 && y < 140)
                    then
                        grey 240
                    else
                        grey 10)

            let lower ink =
                bright (ScribbleAnnotator(Ink = ink).Annotate two)
                |> Set.exists (fun (_, y) -> y > 100)

            Expect.isTrue (lower 16.0) "both"
            Expect.isFalse (lower 0.5) "the longer alone"
        }

        test "tracing meets every edge once, in steps of one pixel" {
            let edges = Canny.Detect(disc, 50.0, 90.0)
            let chains = List.ofSeq (EdgeTracer.Trace edges)

            let pixels = [
                for chain in chains do
                    for struct (x, y) in chain -> x, y
            ]

            Expect.equal pixels.Length edges.Count "as many"
            Expect.equal (List.distinct pixels).Length edges.Count "each once"
            Expect.isTrue (pixels |> List.forall (fun (x, y) -> edges[x, y])) "edges"

            for chain in chains do
                for struct (x, y), struct (nextX, nextY) in Seq.pairwise chain do
                    Expect.equal (max (abs (x - nextX)) (abs (y - nextY))) 1 "neighbours"
        }

        test "simplified lines stay within the tolerance and keep corners" {
            let corner =
                [ for x in 0..10 -> struct (x, 0) ] @ [ for y in 1..10 -> struct (10, y) ]

            Expect.sequenceEqual
                (Polyline.Simplify(ResizeArray corner, 0.5))
                [ struct (0, 0); struct (10, 0); struct (10, 10) ]
                "corner"

            let wave = [ for x in 0..60 -> struct (x, int (round (6.0 * sin (float x / 8.0)))) ]
            let simple = Polyline.Simplify(ResizeArray wave, 1.0)
            Expect.isLessThan simple.Count 20 "fewer points"

            for struct (x, y) in wave do
                let nearest =
                    Seq.pairwise simple
                    |> Seq.map (fun (struct (x1, y1), struct (x2, y2)) ->
                        let share = max 0.0 (min 1.0 (float (x - x1) / float (x2 - x1)))

                        abs (float y - (float y1 + share * float (y2 - y1)))
                        + (if x < x1 || x > x2 then 99.0 else 0.0))
                    |> Seq.min

                Expect.isLessThan nearest 1.5 $"({x}, {y})"
        }

        test "settings out of range are refused" {
            refused "sigma 0, gain 20" (fun () -> LineArtAnnotator(Sigma = 0.0).Annotate disc |> ignore)
            refused "threshold NaN" (fun () -> LineArtAnnotator(Threshold = nan).Annotate disc |> ignore)
            refused "a pen of 0.5" (fun () -> ScribbleAnnotator(Pen = 0.5).Annotate disc |> ignore)
            refused "thresholds of 9 and 3" (fun () -> CannyAnnotator(Low = 9.0, High = 3.0).Annotate disc |> ignore)
        }
    ]

[<Tests>]
let tests = testList "annotators" [ lines ]
