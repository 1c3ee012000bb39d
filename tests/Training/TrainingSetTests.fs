/// What follows from a pass's number alone: pictures, cuts and captions; and what is kept of them on disk.
module Recipes.Tests.TrainingSetTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Core.Training.Caches
open Recipes.Core.Weights
open Recipes.Tests.Support

let private picture (folder: string) number width height =
    let path = Path.Combine(folder, $"{number}.png")

    if not (File.Exists path) then
        let byteAt at = byte ((at * 5 + number * 31) % 256)
        ImageFile.WritePng(path, Image(width, height, Array.init (width * height * 3) byteAt))

    TrainingPicture(path, "a toy", Alternatives = [| "a small toy" |])

type private Case = {
    Dropout: float
    Crop: CropRule
    Flip: float
    Ema: EmaOptions | null
    Checkpoints: string | null
    Caches: CacheOptions
}

let private usual = {
    Dropout = 0.0
    Crop = CropRule.Centre
    Flip = 0.0
    Ema = null
    Checkpoints = null
    Caches = CacheOptions()
}

let private options (folder: string) case =
    let pictures = [| for number in 1..3 -> picture folder number 80 64 |]

    DiffusionTrainingOptions(
        Concepts = [| Concept(Name = "toy", Pictures = pictures, Flip = case.Flip) |],
        Parts = TrainedParts(UNetLora = LoraOptions(Rank = 2, Targets = [| "attention" |])),
        Step = DenoisingStepOptions(Rate = LearningRate(Rate = 1e-2, Steps = 6L)),
        Buckets = BucketOptions(Size = 64, Shapes = false),
        CaptionDropout = case.Dropout,
        Crop = case.Crop,
        Ema = case.Ema,
        Caches = case.Caches,
        CheckpointFolder = case.Checkpoints,
        CheckpointEvery = (if isNull case.Checkpoints then Nullable() else Nullable 1L),
        Seed = "3",
        Batch = 2
    )

/// All visits of the first passes.
let private visits (options: DiffusionTrainingOptions) passes =
    let set = TrainingSet(options, RandomStreams options.Seed)

    [
        for number in 0L .. passes - 1L do
            for visit in set.At number -> visit, set.Captions[visit.Caption]
    ]

let private share (test: 'a -> bool) (all: 'a list) =
    float (all |> List.filter test |> List.length) / float all.Length

let private near (expected: float) what actual =
    Expect.isLessThan (abs (actual - expected)) 0.05 $"{what}: {actual} instead of {expected}"

let private train (options: DiffusionTrainingOptions) (report: TrainingStep -> unit) (check: TrainingResult -> unit) =
    use _ = torch.NewDisposeScope()
    use model = StableDiffusionModel.Load(Path.Combine(golden, "sd1"))

    let progress = {
        new IProgress<TrainingStep> with
            member _.Report step = report step
    }

    use result = DiffusionTrainer.Run(model, options, progress, CancellationToken.None)
    check result

let private values (result: TrainingResult) =
    Map [
        for KeyValue(name, weight) in result.Weights -> name, weight.data<float32>().ToArray()
    ]

[<Tests>]
let tests =
    testList "training set" [
        test "captions are left out as often as is said, and one of all is drawn" {
            withFolder (fun folder ->
                let texts =
                    visits (options folder { usual with Dropout = 0.3 }) 600L |> List.map snd

                near 0.3 "left out" (texts |> share (fun text -> text = ""))
                near 0.35 "the first" (texts |> share (fun text -> text = "a toy"))
                near 0.35 "the other" (texts |> share (fun text -> text = "a small toy"))
                let always = visits (options folder usual) 200L |> List.map snd
                Expect.isFalse (List.contains "" always) "none without dropout")
        }

        test "random crops reach every place, mirrored as often as is said" {
            withFolder (fun folder ->
                let case = {
                    usual with
                        Crop = CropRule.Random
                        Flip = 0.25
                }

                let frames =
                    visits (options folder case) 400L |> List.map (fun (visit, _) -> visit.Framing)

                Expect.equal (frames |> List.map _.Left |> List.distinct |> List.sort) [ 0..16 ] "places"
                Expect.equal (frames |> List.map _.Top |> List.distinct) [ 0 ] "no room above"
                near 0.25 "mirrored" (frames |> share _.Flipped)

                let again =
                    visits (options folder case) 400L |> List.map (fun (visit, _) -> visit.Framing)

                Expect.equal again frames "the same numbers, the same cuts")
        }

        test "the result with an average is the average of the weights after each step" {
            withFolder (fun folder ->
                let checkpoints = Path.Combine(folder, "checkpoints")
                let after = List<Map<string, float32 array>>()

                // A step is reported before its checkpoint is written, so that the one before is read.
                let read _ =
                    let path = Path.Combine(checkpoints, TrainingCheckpoint.FileName)

                    if File.Exists path then
                        use file = SafeTensorsFile.Open path
                        let master = ".master"

                        after.Add(
                            Map [
                                for name in file.Tensors.Keys do
                                    if name.EndsWith master then
                                        name[.. name.Length - master.Length - 1],
                                        (file.Read name).data<float32>().ToArray()
                            ]
                        )

                train (options folder { usual with Checkpoints = checkpoints }) read (fun result ->
                    after.Add(values result))

                Expect.equal after.Count 6 "each step"
                let ema = EmaOptions(Decay = 0.5)

                train (options folder { usual with Ema = ema }) ignore (fun result ->
                    for KeyValue(name, got) in values result do
                        let mutable average = after[0][name] |> Array.map float

                        for step in 2..6 do
                            let decay = min 0.5 (float step / float (step + 9))

                            let now = after[step - 1][name]
                            average <- Array.map2 (fun a w -> a + (1.0 - decay) * (float w - a)) average now

                        let worst =
                            Array.map2 (fun a (g: float32) -> abs (a - float g)) average got |> Array.max

                        Expect.isLessThan worst 1e-6 name

                    let moved = values result |> Map.exists (fun name got -> got <> after[5][name])

                    Expect.isTrue moved "not the last weights"))
        }

        test "kept latents and states give the same bits, and are found again" {
            withFolder (fun folder ->
                let kept = {
                    usual with
                        Caches =
                            CacheOptions(
                                Latents = Path.Combine(folder, "latents"),
                                Texts = Path.Combine(folder, "texts")
                            )
                }

                let plain = ref Map.empty
                train (options folder usual) ignore (fun result -> plain.Value <- values result)

                train (options folder kept) ignore (fun result ->
                    Expect.equal (values result) plain.Value "the first time"
                    Expect.equal (result.Latents, result.Texts) (CacheUse(0, 3), CacheUse(0, 3)) "computed")

                train (options folder kept) ignore (fun result ->
                    Expect.equal (values result) plain.Value "the second time"
                    Expect.equal (result.Latents, result.Texts) (CacheUse(3, 0), CacheUse(3, 0)) "found"))
        }

        test "kept latents are those of the picture as it is now" {
            withFolder (fun folder ->
                let kept = {
                    usual with
                        Caches = CacheOptions(Latents = Path.Combine(folder, "latents"))
                }

                train (options folder kept) ignore ignore
                File.Delete(Path.Combine(folder, "2.png"))
                File.Copy(Path.Combine(folder, "1.png"), Path.Combine(folder, "2.png"))

                train (options folder kept) ignore (fun result ->
                    Expect.equal result.Latents (CacheUse(3, 0)) "the other's latents serve")

                ImageFile.WritePng(
                    Path.Combine(folder, "2.png"),
                    Image(80, 64, Array.init (80 * 64 * 3) (fun at -> byte (at % 251)))
                )

                train (options folder kept) ignore (fun result ->
                    Expect.equal result.Latents (CacheUse(2, 1)) "a new picture by an old name"))
        }
    ]
