module Recipes.Tests.SteeringHintTests

open System.IO
open Expecto
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes
open Recipes.Runs
open Recipes.Tests.Support
open Recipes.Tests.SteeredRecipes

[<Tests>]
let tests =
    testSequenced
    <| testList "control runs" [
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
