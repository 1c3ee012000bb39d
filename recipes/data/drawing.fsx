// What the scripts that draw this folder's subjects share: brushes, pens, and a canvas that becomes a picture.
#r "../../Recipes.FSharp/Cli/bin/Release/net10.0/SkiaSharp.dll"
#r "../../Recipes.FSharp/Cli/bin/Release/net10.0/Recipes.Core.dll"

open System
open System.IO
open SkiaSharp
open Recipes.Core.Imaging

// Recipes.Core knows where the native half of SkiaSharp lies, so it comes first.
Runtime.CompilerServices.RuntimeHelpers.RunModuleConstructor typeof<Image>.Module.ModuleHandle

/// Pixels along each side of a picture.
let side = 256

let colour = SKColor.Parse
let point (x: float, y: float) = SKPoint(float32 x, float32 y)

let fill (shader: SKShader) =
    new SKPaint(IsAntialias = true, Style = SKPaintStyle.Fill, Shader = shader)

let flat (shade: SKColor) =
    new SKPaint(IsAntialias = true, Style = SKPaintStyle.Fill, Color = shade)

let pen (width: float) (shade: SKColor) =
    new SKPaint(
        IsAntialias = true,
        Style = SKPaintStyle.Stroke,
        StrokeWidth = float32 width,
        StrokeCap = SKStrokeCap.Round,
        StrokeJoin = SKStrokeJoin.Round,
        Color = shade
    )

let linear from until (shades: string list) =
    SKShader.CreateLinearGradient(
        point from,
        point until,
        shades |> List.map colour |> Array.ofList,
        SKShaderTileMode.Clamp
    )

let radial centre (radius: float) (shades: string list) =
    SKShader.CreateRadialGradient(
        point centre,
        float32 radius,
        shades |> List.map colour |> Array.ofList,
        SKShaderTileMode.Clamp
    )

let path (build: SKPath -> unit) =
    let path = new SKPath()
    build path
    path

/// The bytes of a square picture of what the function draws, red, green, blue and alpha by turns.
let private drawn (draw: SKCanvas -> unit) =
    use surface =
        SKSurface.Create(SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Premul))

    draw surface.Canvas

    use pixels =
        new SKBitmap(SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Premul))

    surface.ReadPixels(pixels.Info, pixels.GetPixels(), pixels.RowBytes, 0, 0)
    |> ignore

    pixels.Bytes

/// A square picture of what the function draws on a background that is lighter above than below.
let picture (above: string, below: string) (draw: SKCanvas -> unit) =
    let rgba =
        drawn (fun canvas ->
            let whole = linear (0.0, 0.0) (0.0, float side) [ above; below ]
            canvas.DrawRect(0f, 0f, float32 side, float32 side, fill whole)
            draw canvas)

    Image(
        side,
        side,
        [|
            for i in 0 .. side * side - 1 do
                yield! rgba[4 * i .. 4 * i + 2]
        |]
    )

/// Where the function draws: white, on black.
let mask (draw: SKCanvas -> unit) =
    let rgba = drawn draw

    Image(
        side,
        side,
        [|
            for i in 0 .. side * side - 1 do
                for _ in 1..3 -> rgba[4 * i + 3]
        |]
    )

/// A blurred shadow on the ground.
let shadow (canvas: SKCanvas) centre (width: float) =
    use soft = flat (SKColor(0uy, 0uy, 0uy, 70uy))
    soft.MaskFilter <- SKMaskFilter.CreateBlur(SKBlurStyle.Normal, 4f)
    canvas.DrawOval(point centre, SKSize(float32 width, 7f), soft)

/// Writes pictures, numbered and named, into a folder.
let write (folder: string) (pictures: (string * Image) list) =
    Directory.CreateDirectory folder |> ignore

    for index, (name, image) in List.indexed pictures do
        let file = Path.Combine(folder, $"{index + 1}-{name}.png")
        ImageFile.WritePng(file, image)
        printfn $"{file}"
