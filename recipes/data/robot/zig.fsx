// Zig the robot: how it is built, whatever its pose.
#load "../drawing.fsx"

open System
open SkiaSharp
open Drawing

/// Where a hand or a foot goes: the joint and the end, in robot units (the body is 104 wide and 96 high, y down).
type Limb = {
    Joint: float * float
    End: float * float
}

let limb joint tip = { Joint = joint; End = tip }

type Mouth =
    | Smile
    | Open
    | Surprised

type Pose = {
    Name: string
    /// The background, lighter above than below.
    Sky: string * string
    /// Picture pixels to a robot unit, the body's centre in pixels, and the tilt in degrees clockwise.
    Scale: float
    Centre: float * float
    Tilt: float
    /// The pupils' shift from the eyes' centres, as part of the eye's radius.
    Gaze: float * float
    Mouth: Mouth
    /// The antenna's red ball leans by this much sideways; the spring is this long.
    Lean: float
    Spring: float
    LeftArm: Limb
    RightArm: Limb
    LeftLeg: Limb
    RightLeg: Limb
    /// The shadow's centre and half width in robot units, upright whatever the tilt.
    Shadow: float * float * float
}

let outline = colour "#0B3B45"

/// A ball lit from the upper left, with an outline.
let ball (canvas: SKCanvas) (x, y) radius shades =
    canvas.DrawCircle(
        point (x, y),
        float32 radius,
        fill (radial (x - radius * 0.35, y - radius * 0.4) (radius * 1.5) shades)
    )

    canvas.DrawCircle(point (x, y), float32 radius, pen 3.0 outline)

let curve start (limb: Limb) =
    path (fun p ->
        p.MoveTo(point start)
        p.QuadTo(point limb.Joint, point limb.End))

/// A grey bent tube that ends in a red mitten with a thumb.
let arm (canvas: SKCanvas) shoulder (limb: Limb) inward =
    use line = curve shoulder limb
    canvas.DrawPath(line, pen 14.0 outline)
    canvas.DrawPath(line, pen 8.5 (colour "#9FB4BD"))
    let x, y = limb.End
    let thumb = x + 8.0 * inward, y - 6.0
    canvas.DrawCircle(point thumb, 6.5f, flat outline)
    ball canvas limb.End 11.0 [ "#FF9C8F"; "#F0362E"; "#B8121B" ]
    canvas.DrawCircle(point thumb, 4.0f, flat (colour "#F0362E"))

/// A leg ringed in purple and white, and a boot that points outward.
let leg (canvas: SKCanvas) hip (limb: Limb) outward =
    use line = curve hip limb

    let tube width shade =
        new SKPaint(IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = width, Color = shade)

    canvas.DrawPath(line, tube 22f outline)
    canvas.DrawPath(line, tube 16f (colour "#FFFFFF"))
    use rings = tube 16f (colour "#7B3FB5")
    rings.PathEffect <- SKPathEffect.CreateDash([| 7f; 6f |], 2f)
    canvas.DrawPath(line, rings)
    let x, y = limb.End
    let toe = x + 5.0 * outward

    let boot =
        path (fun p ->
            p.MoveTo(point (toe - 19.0, y + 11.0))
            p.CubicTo(point (toe - 20.0, y - 10.0), point (toe + 20.0, y - 10.0), point (toe + 19.0, y + 11.0))
            p.Close())

    canvas.DrawPath(boot, fill (linear (x, y - 8.0) (x, y + 12.0) [ "#8796A5"; "#566473" ]))
    canvas.DrawPath(boot, pen 3.0 outline)

/// A coil spring with a red ball on top.
let antenna (canvas: SKCanvas) pose =
    let turns = 3.5
    let steps = 90

    use coil =
        path (fun p ->
            for i in 0..steps do
                let t = float i / float steps
                let swing = 10.0 * sin (t * turns * 2.0 * Math.PI)
                let x = pose.Lean * t * t + swing
                let y = -48.0 - pose.Spring * t + 2.5 * cos (t * turns * 2.0 * Math.PI)

                if i = 0 then
                    p.MoveTo(point (x, y))
                else
                    p.LineTo(point (x, y)))

    canvas.DrawPath(coil, pen 6.0 outline)
    canvas.DrawPath(coil, pen 2.4 (colour "#C3D3DA"))
    ball canvas (pose.Lean, -58.0 - pose.Spring) 12.0 [ "#FF9C8F"; "#F0362E"; "#B8121B" ]
    canvas.DrawCircle(point (pose.Lean - 4.0, -62.5 - pose.Spring), 3.0f, flat (SKColor(255uy, 255uy, 255uy, 200uy)))

let eye (canvas: SKCanvas) pose (x, y) radius =
    canvas.DrawCircle(point (x, y), float32 (radius + 3.5), flat outline)

    canvas.DrawCircle(
        point (x, y),
        float32 radius,
        fill (radial (x - radius * 0.3, y - radius * 0.3) (radius * 1.5) [ "#E6FFFF"; "#5FD8FF"; "#1B9BE0" ])
    )

    let gx, gy = pose.Gaze
    let px, py = x + gx * radius, y + gy * radius
    canvas.DrawCircle(point (px, py), float32 (radius * 0.5), flat (colour "#1B2430"))
    canvas.DrawCircle(point (px - radius * 0.17, py - radius * 0.2), float32 (radius * 0.18), flat SKColors.White)

let mouth (canvas: SKCanvas) kind =
    match kind with
    | Smile ->
        use line =
            path (fun p ->
                p.MoveTo(point (-2.0, 11.0))
                p.QuadTo(point (11.0, 22.0), point (24.0, 9.0)))

        canvas.DrawPath(line, pen 4.0 outline)
    | Open ->
        use line =
            path (fun p ->
                p.MoveTo(point (-1.0, 9.0))
                p.LineTo(point (25.0, 9.0))
                p.CubicTo(point (24.0, 24.0), point (0.0, 24.0), point (-1.0, 9.0))
                p.Close())

        canvas.DrawPath(line, flat (colour "#6B1730"))
        canvas.DrawPath(line, pen 3.5 outline)
    | Surprised ->
        canvas.DrawOval(point (12.0, 13.0), SKSize(5.5f, 6.5f), flat (colour "#6B1730"))
        canvas.DrawOval(point (12.0, 13.0), SKSize(5.5f, 6.5f), pen 3.5 outline)

let body (canvas: SKCanvas) =
    let box = SKRect(-52f, -48f, 52f, 48f)
    use shape = new SKRoundRect(box, 22f)
    canvas.DrawRoundRect(shape, fill (linear (-40.0, -48.0) (30.0, 50.0) [ "#F2F6FA"; "#C9D4DF"; "#98A8B8" ]))
    canvas.Save() |> ignore
    canvas.ClipRoundRect(shape, SKClipOperation.Intersect, true)

    // The stripe: three and a half teeth of a zig-zag, edge to edge.
    use stripe =
        path (fun p ->
            let teeth = [ for i in -4 .. 4 -> float i * 14.0, (if i % 2 = 0 then 36.0 else 25.0) ]
            p.MoveTo(point teeth.Head)

            for tooth in teeth.Tail do
                p.LineTo(point tooth))

    use sharp = pen 14.5 outline
    sharp.StrokeJoin <- SKStrokeJoin.Miter
    canvas.DrawPath(stripe, sharp)
    use red = pen 9.0 (colour "#E8453C")
    red.StrokeJoin <- SKStrokeJoin.Miter
    canvas.DrawPath(stripe, red)

    // Light along the upper left edge, shade along the lower right one.
    use edge = new SKRoundRect(SKRect(-47f, -43f, 47f, 43f), 18f)
    use light = pen 4.0 SKColors.White

    light.Shader <- linear (-48.0, -48.0) (0.0, 6.0) [ "#C0FFFFFF"; "#00FFFFFF" ]

    canvas.DrawRoundRect(edge, light)
    canvas.Restore()
    canvas.DrawRoundRect(shape, pen 4.0 outline)

let private stand (canvas: SKCanvas) pose =
    canvas.Translate(point pose.Centre)
    canvas.Scale(float32 pose.Scale)

let private figure (canvas: SKCanvas) pose =
    canvas.RotateDegrees(float32 pose.Tilt)
    antenna canvas pose
    leg canvas (-25.0, 44.0) pose.LeftLeg -1.0
    leg canvas (25.0, 44.0) pose.RightLeg 1.0
    arm canvas (-50.0, 8.0) pose.LeftArm 1.0
    arm canvas (50.0, 8.0) pose.RightArm -1.0
    body canvas
    eye canvas pose (-18.0, -14.0) 22.0
    eye canvas pose (27.0, -20.0) 10.5
    mouth canvas pose.Mouth

let draw (pose: Pose) =
    picture pose.Sky (fun canvas ->
        stand canvas pose
        let x, y, width = pose.Shadow
        shadow canvas (x, y) width
        figure canvas pose)

/// The robot's place in its picture, without the shadow.
let cutOut (pose: Pose) =
    mask (fun canvas ->
        stand canvas pose
        figure canvas pose)
