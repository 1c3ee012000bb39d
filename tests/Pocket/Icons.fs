/// Icons for tests: plain shapes, one a thing, in the layout of the real pack.
module Recipes.Tests.SyntheticIcons

open System.IO
open System.IO.Compression
open Recipes.Core.Pocket
open SkiaSharp

let private shape (number: int) =
    use bitmap = new SKBitmap(IconSet.Side, IconSet.Side)
    use canvas = new SKCanvas(bitmap)
    canvas.Clear SKColors.Transparent

    use paint =
        new SKPaint(Color = SKColor.FromHsv(float32 (number * 37 % 360), 80f, 90f))

    canvas.DrawCircle(64f, 64f, float32 (20 + number * 5), paint)
    use pixels = bitmap.PeekPixels()

    use data =
        nonNull (pixels.Encode(SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, 20f)))

    data.ToArray()

/// Writes a pack with a picture of every thing in every style.
let write (path: string) =
    let shapes = Array.init 8 shape
    use zip = ZipFile.Open(path, ZipArchiveMode.Create)

    for style in Styles.All do
        for number, thing in Seq.indexed Things.All do
            use entry =
                zip.CreateEntry($"{style}/{thing.Hex}.webp", CompressionLevel.NoCompression).Open()

            entry.Write(shapes[number % shapes.Length], 0, shapes[number % shapes.Length].Length)

    Path.GetFullPath path
