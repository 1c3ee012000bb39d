module Recipes.Tests.AnnotatorTests

open System
open System.IO
open Expecto
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Imaging.Annotators

let private draw width height (pixel: int -> int -> byte * byte * byte) =
    let image = Image(width, height)

    for y in 0 .. height - 1 do
        for x in 0 .. width - 1 do
            let red, green, blue = pixel x y
            image.Row(y).[x * 3] <- red
            image.Row(y).[x * 3 + 1] <- green
            image.Row(y).[x * 3 + 2] <- blue

    image

let private grey value = byte value, byte value, byte value

let private flat width height value =
    draw width height (fun _ _ -> grey value)

let private at (image: Image) x y =
    let i = (y * image.Width + x) * 3
    image.Pixels[i], image.Pixels[i + 1], image.Pixels[i + 2]

let private bright (image: Image) =
    set [
        for y in 0 .. image.Height - 1 do
            for x in 0 .. image.Width - 1 do
                let value, _, _ = at image x y

                if value > 127uy then
                    x, y
    ]

let private disc =
    draw 128 96 (fun x y ->
        if (x - 60) * (x - 60) + (y - 48) * (y - 48) < 900 then
            grey 220
        else
            grey 30)

let private fromRim (x, y) =
    abs (sqrt (float ((x - 60) * (x - 60) + (y - 48) * (y - 48))) - 30.0)

let private refused (part: string) (action: unit -> unit) =
    Expect.throwsC action (fun error ->
        match error with
        | :? RecipesException -> Expect.stringContains error.Message part "what is wrong"
        | other -> failtest $"{other}")

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

let private areas =
    testList "areas" [
        test "flat areas are segments, the largest in the first colour" {
            let picture =
                draw 90 60 (fun x y ->
                    if x < 50 then 200uy, 40uy, 30uy
                    elif y < 40 then 30uy, 180uy, 60uy
                    else 20uy, 40uy, 220uy)

            let drawn = ColourSegmentation(Areas = 3, Compactness = 0.0).Annotate picture

            for x, y, place in [ 20, 30, 0; 70, 15, 1; 70, 52, 2 ] do
                let struct (red, green, blue) = SegmentationPalette.Colours[place]
                Expect.equal (at drawn x y) (red, green, blue) $"area {place}"

            let colours =
                set [
                    for y in 0..59 do
                        for x in 0..89 -> at drawn x y
                ]

            Expect.equal colours.Count 3 "three areas"

            Expect.equal
                (ColourSegmentation(Areas = 3, Compactness = 0.0).Annotate(picture).Pixels)
                drawn.Pixels
                "twice"
        }

        test "a flat picture is one area" {
            let drawn = ColourSegmentation(Compactness = 0.0).Annotate(flat 30 20 77)
            Expect.equal (Array.distinct (Array.chunkBySize 3 drawn.Pixels)).Length 1 "one colour"
        }

        test "small islands sink" {
            let values = Array.zeroCreate 100
            values[55] <- 7
            Array.fill values 0 30 3
            Islands.Sink(values, 10, 5)
            Expect.equal values (Array.init 100 (fun i -> if i < 30 then 3 else 0)) "the single pixel"
        }

        test "colours of the palette are told apart" {
            for i, struct (r1, g1, b1) in Seq.indexed SegmentationPalette.Colours do
                for j, struct (r2, g2, b2) in Seq.indexed SegmentationPalette.Colours do
                    if i < j then
                        let distance = abs (int r1 - int r2) + abs (int g1 - int g2) + abs (int b1 - int b2)
                        Expect.isGreaterThan distance 60 $"{i} and {j}"
        }

        test "masks are painted over each other" {
            let left = draw 4 2 (fun x _ -> if x < 2 then grey 255 else grey 0)
            let upper = draw 4 2 (fun _ y -> if y = 0 then grey 128 else grey 127)

            let segments = [
                Segment(left, struct (1uy, 2uy, 3uy))
                Segment(upper, struct (9uy, 8uy, 7uy))
            ]

            let drawn = MaskSegmentation(segments).Annotate(flat 4 2 50)

            let expected =
                draw 4 2 (fun x y ->
                    if y = 0 then 9uy, 8uy, 7uy
                    elif x < 2 then 1uy, 2uy, 3uy
                    else grey 0)

            Expect.equal drawn.Pixels expected.Pixels "pixels"

            refused "a mask of 4x2 for a picture of 5x2" (fun () ->
                MaskSegmentation(segments).Annotate(flat 5 2 0) |> ignore)

            refused "there is no mask" (fun () -> MaskSegmentation [] |> ignore)
        }

        test "settings out of range are refused" {
            refused "1 areas" (fun () -> ColourSegmentation(Areas = 1).Annotate disc |> ignore)
            refused "17 areas" (fun () -> ColourSegmentation(Areas = 17).Annotate disc |> ignore)
            refused "compactness -1" (fun () -> ColourSegmentation(Compactness = -1.0).Annotate disc |> ignore)
        }

        test "depth is inverse distance between the nearest layer and the background" {
            let mask (value: int -> int) = draw 4 1 (fun x _ -> grey (value x))

            let layers = [
                DepthLayer(mask (fun x -> if x < 2 then 255 else 0), 2.0)
                DepthLayer(mask (fun x -> if x > 0 && x < 3 then 255 else 0), 4.0)
                DepthLayer(mask (fun x -> if x = 3 then 51 else 0), 4.0)
            ]

            let values background =
                let depth = LayeredDepth(layers, background).Annotate(flat 4 1 0)
                [ for x in 0..3 -> let value, _, _ = at depth x 0 in int value ]

            // Infinitely far: 2 / distance; the last is a fifth covered.
            Expect.equal (values (Nullable())) [ 255; 255; 128; 26 ] "no background"
            // 1/2 - 1/8 = 3/8 is white, 1/4 - 1/8 a third of it.
            Expect.equal (values (Nullable 8.0)) [ 255; 255; 85; 17 ] "a background at 8"
            refused "no layer is given, and depth is not estimated" (fun () -> LayeredDepth [] |> ignore)
            refused "a layer at 0" (fun () -> LayeredDepth [ DepthLayer(flat 1 1 0, 0.0) ] |> ignore)

            refused "a layer at 9 with the background at 8" (fun () ->
                LayeredDepth([ DepthLayer(flat 1 1 0, 9.0) ], Nullable 8.0) |> ignore)

            refused "a mask of 4x1 for a picture of 4x2" (fun () -> LayeredDepth(layers).Annotate(flat 4 2 0) |> ignore)
        }

        test "transparency is a mask" {
            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "alpha.png")

                use bitmap =
                    new SkiaSharp.SKBitmap(
                        SkiaSharp.SKImageInfo(2, 1, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Unpremul)
                    )

                bitmap.SetPixel(0, 0, SkiaSharp.SKColor(200uy, 10uy, 10uy, 77uy))
                bitmap.SetPixel(1, 0, SkiaSharp.SKColor(0uy, 0uy, 0uy, 255uy))
                use data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100)
                File.WriteAllBytes(path, data.ToArray())
                Expect.equal (ImageFile.DecodeAlpha path).Pixels [| 77uy; 77uy; 77uy; 255uy; 255uy; 255uy |] "alpha"
                ImageFile.WritePng(path, disc)
                Expect.isTrue ((ImageFile.DecodeAlpha path).Pixels |> Array.forall ((=) 255uy)) "opaque")
        }
    ]

let private poses =
    let file (json: string) (test: string -> unit) =
        Support.withFolder (fun folder ->
            let path = Path.Combine(folder, "pose.json")
            File.WriteAllText(path, json)
            test path)

    let person (joints: (float * float * float) list) =
        joints
        |> List.map (fun (x, y, c) -> FormattableString.Invariant $"{x},{y},{c}")
        |> String.concat ","
        |> sprintf """{"pose_keypoints_2d":[%s]}"""

    let coco = [ for i in 0..17 -> float (20 + 10 * i), float (30 + 5 * i), 0.9 ]

    let json people =
        $"""{{"people":[{String.concat "," people}]}}"""

    testList "poses" [
        test "joints and limbs have OpenPose's colours" {
            // A nose above a neck, and a right shoulder beside it: two limbs.
            let joints =
                [ 100.0, 40.0, 1.0; 100.0, 100.0, 1.0; 40.0, 100.0, 1.0 ]
                @ [ for _ in 3..17 -> 0.0, 0.0, 0.0 ]

            file (json [ person joints ]) (fun path ->
                let drawn = PoseAnnotator(Pose.Read(path, 200, 200)).Draw(200, 200)
                Expect.equal (at drawn 100 40) (255uy, 0uy, 0uy) "nose"
                Expect.equal (at drawn 100 100) (255uy, 85uy, 0uy) "neck"
                Expect.equal (at drawn 40 100) (255uy, 170uy, 0uy) "right shoulder"
                Expect.equal (at drawn 70 100) (153uy, 0uy, 0uy) "neck to right shoulder, six tenths of red"
                Expect.equal (at drawn 100 70) (0uy, 0uy, 153uy) "neck to nose, six tenths of blue"
                Expect.equal (at drawn 150 150) (0uy, 0uy, 0uy) "nothing"
                Expect.equal (at drawn 0 0) (0uy, 0uy, 0uy) "joints that are not seen")
        }

        test "pixels, parts of the picture and both orders give one pose" {
            let draw (path: string) =
                PoseAnnotator(Pose.Read(path, 300, 200)).Draw(300, 200).Pixels

            let mutable wanted = [||]
            file (json [ person coco ]) (fun path -> wanted <- draw path)
            let parts = coco |> List.map (fun (x, y, c) -> x / 300.0, y / 200.0, c)

            // BODY_25 has the middle of the hips at 8, and feet from 19 on.
            let body25 =
                [ for i in 0..7 -> coco[i] ]
                @ [ 5.0, 5.0, 1.0 ]
                @ [ for i in 8..17 -> coco[i] ]
                @ [ for _ in 19..24 -> 9.0, 9.0, 1.0 ]

            for what, people in [ "parts", parts; "BODY_25", body25 ] do
                file (json [ person people ]) (fun path -> Expect.equal (draw path) wanted what)

            let sized =
                (json [ person coco ])
                    .Replace("{\"people\"", """{"canvas_width":300,"canvas_height":200,"people" """.TrimEnd())

            file $"[{sized}]" (fun path ->
                Expect.equal (PoseAnnotator(Pose.Read path).Draw(300, 200).Pixels) wanted "a canvas, in a list of one")
        }

        test "poses grow with the picture" {
            file (json [ person (coco |> List.map (fun (x, y, c) -> x / 300.0, y / 200.0, c)) ]) (fun path ->
                let pose = PoseAnnotator(Pose.Read path)
                let small, large = pose.Draw(300, 200), pose.Annotate(flat 600 400 0)
                Expect.equal (at small 20 30) (at large 40 60) "the nose"
                Expect.equal (large.Width, large.Height) (600, 400) "size")
        }

        test "what is no pose is refused" {
            let fails part text =
                file text (fun path -> refused part (fun () -> Pose.Read(path, 9, 9) |> ignore))

            fails "it is no JSON" "{"
            fails "no list \"people\"" "{}"
            fails "no list \"people\"" """{"people":3}"""
            fails "person 1 has no list" (json [ "{}" ])
            fails "person 2 has 3 numbers" (json [ person coco; person [ 1.0, 2.0, 3.0 ] ])
            fails "a keypoint of person 1 is no number" (json [ """{"pose_keypoints_2d":["a"]}""" ])

            file (json [ person coco ]) (fun path ->
                refused "whose size it does not state" (fun () -> Pose.Read path |> ignore))

            refused "it cannot be read" (fun () -> Pose.Read "no/such.json" |> ignore)
            file (json []) (fun path -> refused "nobody to draw" (fun () -> PoseAnnotator(Pose.Read path) |> ignore))
            Expect.throwsT<ArgumentException> (fun () -> Pose [] |> ignore) "no joints"
        }
    ]

let private kinds =
    testList "kinds" [
        test "annotators are found by their kinds" {
            for kind in [ "canny"; "lineart"; "scribble"; "segmentation" ] do
                Expect.equal (AnnotatorKinds.Of kind).Kind kind kind
                let drawn = (AnnotatorKinds.Of kind).Annotate disc
                Expect.equal (drawn.Width, drawn.Height) (disc.Width, disc.Height) "size"
        }

        test "kinds that need more than a picture say so" {
            refused "no network that estimates depth" (fun () -> AnnotatorKinds.Of "depth" |> ignore)
            refused "no network that finds people" (fun () -> AnnotatorKinds.Of "openpose" |> ignore)
            refused "Take one of canny, lineart" (fun () -> AnnotatorKinds.Of "hed" |> ignore)
        }
    ]

[<Tests>]
let tests = testList "annotators" [ lines; areas; poses; kinds ]
