namespace Recipes.Pretraining

open System
open System.IO
open System.Threading
open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Pocket
open Recipes.Eval.Pocket
open Recipes.Runs

/// Takes the figures of the embedded model, or of one that has just been trained.
[<RequireQualifiedAccess>]
module Measuring =
    let private reporting (tell: RunProgress -> unit) phase total (work: IProgress<int> -> 'a) =
        tell (RunProgress.Began(phase, 0, total))

        let progress = {
            new IProgress<int> with
                member _.Report count =
                    tell (RunProgress.Reached(phase, count, None, None))
        }

        let result = work progress
        tell (RunProgress.Ended phase)
        result

    /// Measures a model folder with a CLIP folder, and an upscaler's folder, and writes `figures.json` and `sheet.png` into `target`. With an icon
    /// pack it also measures the autoencoder, the upscaler, and what the CLIP finds in real scenes.
    let write
        (model: string)
        (clip: string)
        (upscaler: string)
        (pack: string option)
        (device: Device)
        (options: FigureOptions)
        (target: string)
        (tell: RunProgress -> unit)
        (stop: CancellationToken)
        : PocketFigures =
        Machine.prepare device Machine.threads
        let icons = pack |> Option.map IconPack.Open |> Option.toObj
        let on = Lowering.Computing.device device
        Directory.CreateDirectory target |> ignore

        let figures =
            use meter = new PocketMeter(model, clip, options, on)

            reporting tell Phase.Scoring meter.TotalSteps (fun progress -> meter.Measure(icons, progress, stop))

        let figures =
            match icons with
            | NonNull icons when options.HeldOutBackgrounds > 0 ->
                figures.WithUpscaler(UpscalerMeter.Measure(upscaler, icons, options, on, stop))
            | _ -> figures

        Disk.writeText (Path.Combine(target, "figures.json")) (figures.ToJson())

        let sheet =
            use loaded = StableDiffusionModel.Load(model, on)

            reporting tell (Phase.Stage "contact sheet") (ContactSheet.TotalSteps options.Steps) (fun progress ->
                ContactSheet.Draw(loaded, options.Steps, options.Guidance, progress, stop))

        ImageFile.WritePng(Path.Combine(target, "sheet.png"), sheet, null)
        figures
