module Recipes.Tests.PocketFiguresTests

open System.IO
open System.Text.Json
open Expecto
open Recipes.Core.Pipelines
open Recipes.Core.Pocket
open Recipes.Eval.Pocket
open Recipes.Tests.Support

let private model = Path.Combine(golden, "sd1")
let private clip = Path.Combine(golden, "clip")

let private share what value =
    Expect.isTrue (value >= 0.0 && value <= 1.0) $"{what}: {value}"

[<Tests>]
let tests =
    testList "pocket figures" [
        test "an untrained model gets figures in their ranges, in the file too" {
            withFolder (fun folder ->
                let pack = IconPack.Open(SyntheticIcons.write (Path.Combine(folder, "icons.pack")))

                let options =
                    FigureOptions(Captions = 4, Distractors = 9, Steps = 1, HeldOutBackgrounds = 1, TimedPictures = 1)

                use meter = new PocketMeter(model, clip, options)
                let figures = meter.Measure pack

                for what, rates in [ "drawn", figures.Drawn; "composed", nonNull figures.Composed ] do
                    share $"{what}, top 1" rates.Top1
                    share $"{what}, top 5" rates.Top5
                    Expect.isGreaterThanOrEqual rates.Top5 rates.Top1 what

                Expect.isTrue (figures.VaePsnr.HasValue && figures.VaePsnr.Value > 0.0) $"PSNR {figures.VaePsnr}"
                Expect.isGreaterThan figures.SecondsAPicture 0.0 "seconds"

                let bytes =
                    Seq.sumBy
                        (fun folder ->
                            Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                            |> Seq.sumBy (fun file -> FileInfo(file).Length))
                        [ model; clip ]

                Expect.equal figures.Bytes bytes "bytes"
                let path = Path.Combine(folder, "figures.json")
                figures.Write path
                use document = JsonDocument.Parse(File.ReadAllText path)
                let root = document.RootElement
                Expect.equal (root.GetProperty("drawn").GetProperty("top5").GetDouble()) figures.Drawn.Top5 "top 5"
                Expect.equal (root.GetProperty("vae_psnr").GetDouble()) figures.VaePsnr.Value "PSNR")
        }

        test "an untrained upscaler is measured against bicubic enlarging" {
            withFolder (fun folder ->
                let pack = IconPack.Open(SyntheticIcons.write (Path.Combine(folder, "icons.pack")))
                let options = FigureOptions(Steps = 1, HeldOutBackgrounds = 1)

                let figures =
                    UpscalerMeter.Measure(Path.Combine(golden, "x4-upscaler"), pack, options)

                Expect.equal figures.Scenes 17 "every ninth of 51 things in three styles"
                Expect.isGreaterThan figures.Bicubic figures.Enlarged "it knows nothing"
                Expect.isGreaterThan figures.Autoencoder 0.0 "autoencoder")
        }

        test "without icons their figures are left out, and the captions' stay" {
            use meter =
                new PocketMeter(model, clip, FigureOptions(Captions = 2, Distractors = 3, Steps = 1, TimedPictures = 1))

            let seen = ResizeArray<int>()

            let progress = {
                new System.IProgress<int> with
                    member _.Report step = seen.Add step
            }

            let figures = meter.Measure(null, progress)
            Expect.isNull figures.Composed "composed"
            Expect.isFalse figures.VaePsnr.HasValue "PSNR"
            Expect.equal (Seq.last seen) meter.TotalSteps "progress ends at its total"
        }

        test "the contact sheet names 36 different trained things or pairs, in every style" {
            Expect.equal (Seq.length (Seq.distinct ContactSheet.Prompts)) 36 "prompts"
            Expect.all ContactSheet.Scenes (fun scene -> not scene.First.HeldOut) "known"
            Expect.equal (ContactSheet.Scenes |> Seq.distinctBy _.Style |> Seq.length) Styles.All.Count "styles"
            Expect.isGreaterThan (ContactSheet.Scenes |> Seq.distinctBy _.Background |> Seq.length) 8 "backgrounds"

            use loaded = StableDiffusionModel.Load model
            let sheet = ContactSheet.Draw(loaded, 1, 1.0)
            Expect.isGreaterThan sheet.Height sheet.Width "six rows of pictures over captions"
        }
    ]
