// Nook the house: how it is built, wherever it stands.
#load "../drawing.fsx"

open SkiaSharp
open Drawing

type View = {
    Name: string
    /// The background, lighter above than below.
    Sky: string * string
    /// Picture pixels to a house unit, the house's centre in pixels, and the tilt in degrees clockwise.
    Scale: float
    Centre: float * float
    Tilt: float
    /// How far the roof's top leans sideways, and how high it is above the walls.
    Lean: float
    Height: float
    /// How wide the door stands open, from 0 to 1.
    Open: float
    /// Smoke rings above the chimney.
    Rings: int
}

let private outline = colour "#3A1E5C"

/// The walls: mint, in planks, 100 wide and 74 high.
let private walls (canvas: SKCanvas) =
    let box = SKRect(-50f, -8f, 50f, 66f)
    canvas.DrawRect(box, fill (linear (-50.0, 0.0) (50.0, 66.0) [ "#B9F6DC"; "#6FDDB4"; "#45BC92" ]))
    use plank = pen 2.0 (SKColor.Parse "#3FAE88")

    for y in [ 10.0; 28.0; 46.0 ] do
        canvas.DrawLine(point (-48.0, y), point (48.0, y), plank)

    canvas.DrawRect(box, pen 4.0 outline)

/// The chimney: orange with white rings, and its smoke.
let private chimney (canvas: SKCanvas) view rings =
    let x = 34.0 + view.Lean * 0.3
    let box = SKRect(float32 (x - 9.0), -64f, float32 (x + 9.0), -14f)
    canvas.DrawRect(box, flat (colour "#FF8A1F"))
    canvas.DrawRect(SKRect(float32 (x - 9.0), -52f, float32 (x + 9.0), -45f), flat SKColors.White)
    canvas.DrawRect(SKRect(float32 (x - 9.0), -38f, float32 (x + 9.0), -31f), flat SKColors.White)
    canvas.DrawRect(box, pen 3.5 outline)

    for ring in 0 .. rings - 1 do
        let radius = 6.0 + 2.5 * float ring
        let centre = x + 6.0 * float ring, -76.0 - 15.0 * float ring
        canvas.DrawCircle(point centre, float32 radius, pen 5.5 outline)
        canvas.DrawCircle(point centre, float32 radius, pen 3.0 SKColors.White)

/// The roof: steep, violet with white dots, and crooked at the top.
let private roof (canvas: SKCanvas) view =
    let top = view.Lean, -8.0 - view.Height

    use shape =
        path (fun p ->
            p.MoveTo(point (-66.0, -4.0))
            p.QuadTo(point (-26.0, -18.0), point top)
            p.QuadTo(point (26.0, -18.0), point (66.0, -4.0))
            p.Close())

    canvas.DrawPath(shape, fill (linear (-50.0, -60.0) (50.0, 0.0) [ "#B06BFF"; "#8A3FE0"; "#6A25B8" ]))
    canvas.Save() |> ignore
    canvas.ClipPath(shape, SKClipOperation.Intersect, true)

    for row, y in List.indexed [ -14.0; -32.0; -50.0; -68.0 ] do
        for i in -3 .. 3 do
            let x =
                22.0 * float i
                + (if row % 2 = 0 then 0.0 else 11.0)
                + view.Lean * float row / 5.0

            canvas.DrawCircle(point (x, y), 5.0f, flat SKColors.White)

    canvas.Restore()
    canvas.DrawPath(shape, pen 4.0 outline)

/// The round window: sun-yellow behind a cross, under the eaves on the left.
let private window (canvas: SKCanvas) =
    let centre = -22.0, 24.0
    canvas.DrawCircle(point centre, 17f, flat outline)
    canvas.DrawCircle(point centre, 13.5f, fill (radial (-26.0, 19.0) 20.0 [ "#FFF7B0"; "#FFE03A"; "#FFC400" ]))
    canvas.DrawLine(point (-22.0, 10.0), point (-22.0, 38.0), pen 3.0 outline)
    canvas.DrawLine(point (-36.0, 24.0), point (-8.0, 24.0), pen 3.0 outline)

/// The door: arched and crimson on the right, with a white knob; behind it it is dark.
let private door (canvas: SKCanvas) view =
    let arch width =
        path (fun p ->
            p.MoveTo(point (10.0, 66.0))
            p.LineTo(point (10.0, 32.0))
            p.CubicTo(point (10.0, 14.0), point (10.0 + width, 14.0), point (10.0 + width, 32.0))
            p.LineTo(point (10.0 + width, 66.0))
            p.Close())

    use frame = arch 28.0
    canvas.DrawPath(frame, flat (colour "#2A123F"))
    use leaf = arch (28.0 * (1.0 - 0.6 * view.Open))
    canvas.DrawPath(leaf, fill (linear (10.0, 20.0) (38.0, 66.0) [ "#FF6B9D"; "#E0245E"; "#A8123F" ]))
    canvas.DrawPath(leaf, pen 3.0 outline)
    canvas.DrawPath(frame, pen 3.5 outline)
    canvas.DrawCircle(point (10.0 + 22.0 * (1.0 - 0.6 * view.Open), 46.0), 3.0f, flat SKColors.White)

let private stand (canvas: SKCanvas) view =
    canvas.Translate(point view.Centre)
    canvas.Scale(float32 view.Scale)

let private building (canvas: SKCanvas) view rings =
    canvas.RotateDegrees(float32 view.Tilt)
    chimney canvas view rings
    walls canvas
    roof canvas view
    window canvas
    door canvas view

let draw (view: View) =
    picture view.Sky (fun canvas ->
        stand canvas view
        shadow canvas (4.0, 70.0) 62.0
        building canvas view view.Rings)

/// The house's place in its picture, without the shadow and the smoke, which comes and goes.
let cutOut (view: View) =
    mask (fun canvas ->
        stand canvas view
        building canvas view 0)
