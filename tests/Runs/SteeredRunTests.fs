module Recipes.Tests.SteeredRunTests

open System.IO
open System.Threading
open Expecto
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes
open Recipes.Runs
open Recipes.Tests.Support

/// The outline of a square, white on black.
let square (path: string) side =
    let image = Image(side, side)

    for i in side / 4 .. 3 * side / 4 do
        for x, y in [ i, side / 4; i, 3 * side / 4; side / 4, i; 3 * side / 4, i ] do
            for channel in 0..2 do
                image.Pixels[(y * side + x) * 3 + channel] <- 255uy

    ImageFile.WritePng(path, image)

let private tiny = Models.folder<SD1>(Path.Combine(golden, "sd1"))

let private recipeOf (folder: string) count (lines: Line<SD1> list) (parts: PictureLine<OfTheme> list) =
    let place = Path.Combine(folder, "data")

    if not (Directory.Exists place) then
        CookTests.pictures place
        square (Path.Combine(folder, "square.png")) 64

    let shades = theme "shades" {
        images place
        captions (Same "a shade")

        for part in parts do
            part
    }

    recipe "tiny" tiny {
        data shades

        train {
            steps count
            rate 1e-3
            size 64<px>
        }

        draw {
            denoise 2<step>
            seeds [ 3 ]
        }

        for line in lines do
            line

        sample $"a shade"
    }

let private canny (folder: string) = [
    adapt (controlNet Canny)
    control (ControlNets.learned Canny) (drawn Canny (Path.Combine(folder, "square.png"))) { strength 1.0 }
]

let private planOf recipe =
    recipe
    |> Plan.check
    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

let private problemsOf recipe =
    match Plan.check recipe with
    | Ok _ -> failtest "it has no problem"
    | Error problems -> problems |> List.map (fun problem -> $"{problem.Code} {problem.Text}")

let private refuses (recipe: Recipe) words =
    Expect.exists (problemsOf recipe) (fun text -> text.Contains(words: string)) (sprintf "%A" (problemsOf recipe))

[<Tests>]
let tests =
    testSequenced
    <| testList "control runs" [
        test "a ControlNet is trained, kept as a folder, and followed" {
            withFolder (fun folder ->
                let plan = planOf (recipeOf folder 3<step> (canny folder) [])

                let place, _ =
                    CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

                let has (parts: string list) =
                    Expect.isTrue (File.Exists(Path.Combine(List.toArray (place :: parts)))) $"%A{parts}"

                has [ "hints"; "1"; "0.png.png" ]
                has [ "hints"; "sample-01-canny.png" ]
                has [ "controlnet"; "config.json" ]

                use net =
                    ControlNetFiles.Load(
                        Path.Combine(place, "controlnet"),
                        UNetConfig.Read(Path.Combine(golden, "sd1", "unet", "config.json"))
                    )

                let numbers = net.parameters () |> Seq.sumBy (fun parameter -> parameter.numel ())
                Expect.equal plan.Method.Parameters numbers "the plan counts what is trained"
                let page = File.ReadAllText(Path.Combine(place, "report.html"))
                Expect.stringContains page "edge agreement" "measured"
                Pages.higherIsBetter page

                let pixels stage =
                    (ImageFile.Decode(Path.Combine(place, "samples", $"01-seed3-{stage}.png"))).Pixels

                Expect.isFalse (pixels "before" = pixels "after") "it steers"

                let again =
                    Redraw.run
                        plan
                        {
                            CookTests.redrawing with
                                Run = Some(Path.Combine(folder, "out"))
                        }
                        ignore
                        CancellationToken.None

                Expect.sequenceEqual (ImageFile.Decode again.Head).Pixels (pixels "after") "drawn again"

                // A later recipe follows it from its run.
                let later =
                    recipeOf folder 3<step> [
                        yield! canny folder
                        control (ControlNets.at<SD1, Canny> place) (drawn Canny (Path.Combine(folder, "square.png"))) {
                            strength 0.5
                            between 0.0 0.8
                        }
                    ] []

                Expect.hasLength (planOf later).Controls 2 "both")
        }

        test "at a rate of almost nothing it changes nothing" {
            withFolder (fun folder ->
                let still = {
                    recipeOf folder 1<step> (canny folder) [] with
                        Name = "still"
                }

                let plan =
                    planOf {
                        still with
                            Parts =
                                still.Parts
                                |> List.map (fun part ->
                                    match part with
                                    | RecipePart.Train parts ->
                                        RecipePart.Train(
                                            parts
                                            |> List.map (fun part ->
                                                match part with
                                                | TrainPart.Rate _ -> TrainPart.Rate 1e-30
                                                | other -> other)
                                        )
                                    | other -> other)
                    }

                let place, _ =
                    CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

                let pixels stage =
                    (ImageFile.Decode(Path.Combine(place, "samples", $"01-seed3-{stage}.png"))).Pixels

                Expect.sequenceEqual (pixels "after") (pixels "before") "zero convolutions")
        }

        test "hints in a folder are partners of their pictures" {
            withFolder (fun folder ->
                let place = Path.Combine(folder, "edges")
                Directory.CreateDirectory place |> ignore

                let recipe () =
                    recipeOf folder 3<step> (canny folder) [ hints place ]

                for number in 0..1 do
                    square (Path.Combine(place, $"{number}.png")) 64

                refuses (recipe ()) "2.png without a hint"
                square (Path.Combine(place, "2.png")) 32
                refuses (recipe ()) "2.png is 32x32, its picture 2.png 64x64"
                square (Path.Combine(place, "2.png")) 64
                square (Path.Combine(place, "3.png")) 64
                refuses (recipe ()) "the hints 3.png without a picture"
                File.Delete(Path.Combine(place, "3.png"))
                let plan = planOf (recipe ())
                Expect.all plan.Subjects.Head.Images (fun picture -> picture.Hint.IsSome) "partners")
        }

        test "hints that metadata.jsonl names are taken" {
            withFolder (fun folder ->
                let recipe = recipeOf folder 3<step> (canny folder) []
                let place = Path.Combine(folder, "data")

                File.WriteAllLines(
                    Path.Combine(place, "metadata.jsonl"),
                    [
                        for number in 0..2 ->
                            $$"""{"file_name": "{{number}}.png", "text": "a shade", "conditioning_image": "../square.png"}"""
                    ]
                )

                let plan = planOf recipe
                Expect.all plan.Subjects.Head.Images (fun picture -> picture.Hint.IsSome) "partners"

                // One of them loses its hint.
                File.WriteAllLines(
                    Path.Combine(place, "metadata.jsonl"),
                    [
                        for number in 0..2 ->
                            if number = 1 then
                                """{"file_name": "1.png", "text": "a shade"}"""
                            else
                                $$"""{"file_name": "{{number}}.png", "text": "a shade", "conditioning_image": "../square.png"}"""
                    ]
                )

                refuses recipe "1.png without a hint. Give each picture one hint of its name")
        }

        test "controls that cannot steer are refused" {
            withFolder (fun folder ->
                let with' lines =
                    recipeOf folder 3<step> (adapt (controlNet Canny) :: lines) []

                let learned = ControlNets.learned Canny
                let square' = drawn Canny (Path.Combine(folder, "square.png"))
                refuses (with' []) "no sample follows the ControlNet"
                refuses (with' [ control learned square' { between 0.8 0.2 } ]) "is no part of the steps"

                refuses
                    (with' [ control learned (oneEach [ square'; square' ]) { strength 1.0 } ])
                    "2 hints for 1 sample"

                refuses
                    (with' [
                        control learned (drawn Canny (Path.Combine(folder, "none.png"))) { strength 1.0 }
                    ])
                    "no such file"

                refuses
                    (with' [
                        control (ControlNets.learned Scribble) (scribbleOf (Path.Combine(folder, "square.png"))) {
                            strength 1.0
                        }
                    ])
                    "trained for canny, the hint is scribble"

                square (Path.Combine(folder, "small.png")) 32

                refuses
                    (with' [
                        control learned (drawn Canny (Path.Combine(folder, "small.png"))) { strength 1.0 }
                    ])
                    "the pictures drawn 64x64"

                refuses
                    (with' [
                        control (ControlNets.at<SD1, Canny>(Path.Combine(golden, "sd2"))) square' { strength 1.0 }
                    ])
                    "C24"

                refuses
                    (recipeOf folder 3<step> [ adapt (lora 2<rank>); control learned square' { strength 1.0 } ] [])
                    "this one trains none"

                refuses
                    (recipeOf folder 3<step> [
                        adapt (controlNet DepthMap)
                        control (ControlNets.learned DepthMap) (drawn DepthMap (Path.Combine(folder, "square.png"))) {
                            strength 1.0
                        }
                    ] [])
                    "nothing here makes depth hints from pictures")
        }

        test "every kind of hint is made from the language" {
            withFolder (fun folder ->
                CookTests.pictures (Path.Combine(folder, "data"))
                let path = Path.Combine(folder, "square.png")
                square path 64
                let pose = Path.Combine(folder, "pose.json")

                File.WriteAllText(
                    pose,
                    """{"canvas_width": 64, "canvas_height": 64, "people": [{"pose_keypoints_2d": ["""
                    + String.concat ", " [ for i in 0..17 -> $"{8 + i * 3}, {60 - i * 3}, 1" ]
                    + "]}]}"
                )

                let hintOf (line: Line<SD1>) =
                    let plan = planOf (recipeOf folder 3<step> [ adapt (lora 2<rank>); line ] [])
                    let shots = Painter.shots plan
                    let hint = Controlling.sampleHints plan shots |> List.exactlyOne |> List.exactlyOne
                    Expect.equal (hint.Width, hint.Height) (64, 64) "size"
                    hint

                let shades (hint: Image) =
                    hint.Pixels |> Array.chunkBySize 3 |> Array.countBy List.ofArray |> dict

                let share (hint: Image) (shade: byte) =
                    let found = shades hint
                    let all = [ shade; shade; shade ]
                    (if found.ContainsKey all then float found[all] else 0.0) / (64.0 * 64.0)

                let net = Path.Combine(folder, "net")

                use model =
                    Recipes.Core.Pipelines.StableDiffusionModel.Load(Path.Combine(golden, "sd1"))

                use generator = new TorchSharp.torch.Generator(1UL)
                use fresh = ControlNetModel.FromUNet(model.UNet, generator)
                ControlNetFiles.Save(net, fresh)

                let followed (hint: Hint<'kind>) =
                    hintOf (control (ControlNets.at<SD1, 'kind> net) hint { strength 1.0 })

                let lines hint least most name =
                    Expect.isTrue (share hint 255uy > least && share hint 255uy < most) $"{name}: {share hint 255uy}"
                    Expect.isTrue (share hint 0uy > 0.5) $"{name} on black"

                let square' = ImageFile.Decode path
                let canny = followed (cannyOf path)
                Expect.equal canny.Pixels (Canny.Detect(square', 100.0, 200.0).ToImage().Pixels) "canny"
                lines canny 0.02 0.15 "canny"
                lines (followed (scribbleOf path)) 0.02 0.4 "scribble"
                // A line drawn dark on white has line art; one of light has none.
                let ink = Path.Combine(folder, "ink.png")
                ImageFile.WritePng(ink, Image(64, 64, square'.Pixels |> Array.map (fun value -> 255uy - value)))
                lines (followed (lineartOf ink)) 0.01 0.4 "lineart"
                Expect.isGreaterThan (shades (followed (segmentationOf path))).Count 1 "areas"
                Expect.isGreaterThan (shades (followed (poseOf pose))).Count 5 "limbs in colours of their own"
                Expect.equal (followed (drawn DepthMap path)).Pixels square'.Pixels "depth as it is drawn")
        }

        test "straight lines are made from the language by M-LSD" {
            try
                Recipes.Core.Imaging.Annotators.MlsdWeights.Large.Fetch() |> ignore
            with :? Recipes.Core.RecipesException as fault ->
                skiptest $"the weights of M-LSD cannot be fetched: {fault.Message}"

            withFolder (fun folder ->
                let frame = Path.Combine(folder, "frame.png")
                let picture = Image(256, 256)

                for y in 0..255 do
                    for x in 0..255 do
                        let inside = x >= 50 && x < 206 && y >= 50 && y < 206
                        picture.Row(y).Slice(x * 3, 3).Fill(if inside then 225uy else 40uy)

                ImageFile.WritePng(frame, picture)
                let net = Path.Combine(folder, "net")

                use model =
                    Recipes.Core.Pipelines.StableDiffusionModel.Load(Path.Combine(golden, "sd1"))

                use generator = new TorchSharp.torch.Generator(1UL)
                use fresh = ControlNetModel.FromUNet(model.UNet, generator)
                ControlNetFiles.Save(net, fresh)

                let plan =
                    planOf (
                        recipeOf folder 3<step> [
                            adapt (lora 2<rank>)
                            control (ControlNets.at<SD1, Lines> net) (linesOf frame) { strength 1.0 }
                        ] []
                    )

                let hint =
                    Controlling.sampleHints plan (Painter.shots plan)
                    |> List.exactlyOne
                    |> List.exactlyOne

                Expect.equal (hint.Width, hint.Height) (64, 64) "size"
                Expect.isTrue (hint.Pixels |> Array.exists (fun value -> value > 127uy)) "lines")
        }
    ]
