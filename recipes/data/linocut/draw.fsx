// Draws the hundred linocuts that lie beside this script, and their captions. After a build:
//
//     dotnet fsi recipes/data/linocut/draw.fsx [folder]
//
// The same bytes every time: what is cut by chance is drawn from the picture's number.
#load "../robot/zig.fsx"
#load "motifs.fsx"

open System
open System.IO
open System.Text.Json
open SkiaSharp
open Recipes.Core.Imaging
open Motifs

let side = 128
let paper = SKColor.Parse "#F3E9D2"

/// Inks, as captions call them.
let inks = [ "black", "#1C1A20"; "blue", "#1F3B73"; "red", "#A32D22"; "green", "#1D5A3C" ]

/// How the gouge goes through the ground.
type Ground =
    | Rays
    | Rows
    | Slant
    | Ripples

let grounds = [ Rays; Rows; Slant; Ripples ]

let brush style width shade =
    new SKPaint(
        IsAntialias = true,
        Style = style,
        StrokeWidth = float32 width,
        StrokeCap = SKStrokeCap.Round,
        StrokeJoin = SKStrokeJoin.Round,
        Color = shade
    )

let between (random: Random) low high =
    low + (high - low) * random.NextDouble()

/// The printed block: a square whose edges were cut by hand.
let block (random: Random) =
    let edge = 6.0
    let far = float side - edge
    let corners = [ edge, edge; far, edge; far, far; edge, far ]
    let path = new SKPath()

    for (x0, y0), (x1, y1) in List.zip corners (corners.Tail @ [ corners.Head ]) do
        for step in 0..7 do
            let t = float step / 8.0
            let jitter () = between random -1.1 1.1
            let x, y = x0 + (x1 - x0) * t + jitter (), y0 + (y1 - y0) * t + jitter ()

            if path.IsEmpty then
                path.MoveTo(float32 x, float32 y)
            else
                path.LineTo(float32 x, float32 y)

    path.Close()
    path

/// One cut of the gouge: thin where it enters, broad where it leaves.
let cut (canvas: SKCanvas) (paint: SKPaint) (x, y) angle length broad =
    use path = new SKPath()
    let along = cos angle, sin angle
    let across = -sin angle, cos angle

    let at forward aside =
        SKPoint(
            float32 (x + fst along * forward + fst across * aside),
            float32 (y + snd along * forward + snd across * aside)
        )

    path.MoveTo(at (-length / 2.0) 0.0)
    path.QuadTo(at 0.0 broad, at (length / 2.0) 0.0)
    path.QuadTo(at 0.0 (-broad), at (-length / 2.0) 0.0)
    canvas.DrawPath(path, paint)

/// The ground's cuts, on a loose grid.
let cuts (canvas: SKCanvas) (random: Random) ground =
    use paint = brush SKPaintStyle.Fill 0.0 paper
    let middle = float side / 2.0

    for row in 0..11 do
        for column in 0..11 do
            let x = 12.0 + 9.6 * float column + between random -2.5 2.5
            let y = 12.0 + 9.6 * float row + between random -2.5 2.5
            let outward = atan2 (y - middle) (x - middle)

            let angle =
                match ground with
                | Rays -> outward
                | Rows -> 0.0
                | Slant -> Math.PI / 4.0
                | Ripples -> outward + Math.PI / 2.0

            if random.NextDouble() < 0.62 then
                cut
                    canvas
                    paint
                    (x, y)
                    (angle + between random -0.15 0.15)
                    (between random 5.0 10.0)
                    (between random 0.7 1.5)

let paths (texts: string list) =
    texts |> List.map SKPath.ParseSvgPathData

/// A motif in one ink. Its number decides all that is done by chance.
let print (number: int) (motif: Motif) (ink: SKColor) ground =
    let random = Random(7919 * (number + 1))
    let info = SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque)
    use surface = SKSurface.Create info
    let canvas = surface.Canvas
    canvas.Clear paper
    use inked = brush SKPaintStyle.Fill 0.0 ink
    use square = block random
    canvas.DrawPath(square, inked)
    canvas.Save() |> ignore
    canvas.ClipPath(square, SKClipOperation.Intersect, true)
    cuts canvas random ground
    let turn, size = between random -8.0 8.0, between random 0.82 0.98
    let mirror = if motif.Turns && random.Next 2 = 0 then -1.0 else 1.0

    canvas.Translate(
        float32 side / 2f + float32 (between random -4.0 4.0),
        float32 side / 2f + float32 (between random -4.0 4.0)
    )

    canvas.RotateDegrees(float32 turn)
    canvas.Scale(float32 (size * mirror), float32 size)
    // A rim of ink parts the motif from the ground.
    use rim = brush SKPaintStyle.Stroke 8.0 ink
    use carved = brush SKPaintStyle.Fill 0.0 paper
    use line = brush SKPaintStyle.Stroke 2.6 ink

    for body in paths motif.Carved do
        canvas.DrawPath(body, rim)

    for body in paths motif.Carved do
        canvas.DrawPath(body, carved)

    for stroke in paths motif.Lines do
        canvas.DrawPath(stroke, line)

    for spot in paths motif.Inked do
        canvas.DrawPath(spot, inked)

    canvas.Restore()
    use drawn = surface.Snapshot()
    use pixmap = drawn.PeekPixels()
    let bytes = pixmap.GetPixelSpan().ToArray()
    Image(side, side, Array.init (side * side * 3) (fun i -> bytes[i / 3 * 4 + i % 3]))

let folder =
    match List.ofArray fsi.CommandLineArgs with
    | [ _; folder ] -> folder
    | _ -> __SOURCE_DIRECTORY__

Directory.CreateDirectory folder |> ignore

let lines = [
    for index, motif in List.indexed motifs do
        for shade, (colour, hex) in List.indexed inks do
            let number = index * inks.Length + shade
            let name = $"{motif.Name.Replace(' ', '-')}-{colour}.png"
            let ground = grounds[(index + shade) % grounds.Length]
            ImageFile.WritePng(Path.Combine(folder, name), print number motif (SKColor.Parse hex) ground)

            JsonSerializer.Serialize {|
                file_name = name
                text = $"a linocut {motif.Name} on a {colour} background"
            |}
]

File.WriteAllText(Path.Combine(folder, "metadata.jsonl"), String.concat "\n" lines + "\n")
printfn $"{lines.Length} pictures in {folder}"
