module Recipes.Tests.UpscalerTrainingTests

open System
open System.IO
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Bench
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Tests.Agreement

let private size = 32

let private captions = [ "a dog"; "a cat"; "a house" ]

let private picture (folder: string) (number: int) =
    let path = Path.Combine(folder, $"{number}.png")

    if not (File.Exists path) then
        let image =
            Image(
                size,
                size,
                Array.init (size * size * 3) (fun at -> byte ((number * 31 + at * 7 + at / 96 * 5) % 256))
            )

        ImageFile.WritePng(path, image)

    path

type private Case = {
    Size: int
    Accumulation: int
    Steps: int64
    Rate: float
    Batch: int
    Parts: TrainedParts
    Captions: string list
    Upscaler: UpscalerOptions | null
    CaptionDropout: float
    Ema: EmaOptions | null
    Validates: bool
    Recomputes: bool
    Checkpoints: string | null
}

let private weights = TrainedParts(UNetWeights = TrainedParts.Everything)

let private adapters dropout =
    TrainedParts(UNetLora = LoraOptions(Rank = 2, Alpha = 2.0, Dropout = dropout, Targets = [ "attention" ]))

let private usual = {
    Size = size
    Accumulation = 2
    Steps = 4L
    Rate = 1e-3
    Batch = 2
    Parts = weights
    Captions = captions
    Upscaler = UpscalerOptions(CaptionDropout = 0.3)
    CaptionDropout = 0.0
    Ema = null
    Validates = false
    Recomputes = false
    Checkpoints = null
}

let private options folder case =
    DiffusionTrainingOptions(
        Concepts = [|
            Concept(
                Name = "things",
                Pictures = [|
                    for index, caption in List.indexed case.Captions ->
                        TrainingPicture(picture folder (index + 1), caption)
                |],
                Flip = 0.5
            )
        |],
        Parts = case.Parts,
        Step =
            DenoisingStepOptions(
                Rate = LearningRate(Rate = case.Rate, Steps = case.Steps),
                Accumulation = case.Accumulation
            ),
        Buckets = BucketOptions(Size = case.Size, Shapes = false),
        Upscaler = case.Upscaler,
        CaptionDropout = case.CaptionDropout,
        Ema = case.Ema,
        Validation =
            (if case.Validates then
                 ValidationOptions(Pictures = [| TrainingPicture(picture folder 9, "a dog") |], Every = 2L)
             else
                 null),
        GradientCheckpointing = case.Recomputes,
        Batch = case.Batch,
        Seed = "3",
        CheckpointFolder = case.Checkpoints,
        CheckpointEvery = (if isNull case.Checkpoints then Nullable() else Nullable 9L)
    )

/// Weights and what was reported of a training that is cancelled after so many steps, where it is.
let private train stop case =
    let data = Directory.CreateTempSubdirectory "recipes-test-"

    try
        use _ = torch.NewDisposeScope()
        use model = StableDiffusionModel.Load(folder "x4-upscaler")
        use cancellation = new CancellationTokenSource()
        let reports = ResizeArray<float * (string * float) list>()

        let watch = {
            new IProgress<TrainingStep> with
                member _.Report step =
                    reports.Add(step.Loss, [ for KeyValue(name, value) in step.Further -> name, value ])

                    if Some step.Step = stop then
                        cancellation.Cancel()
        }

        use result =
            DiffusionTrainer.Run(model, options data.FullName case, watch, cancellation.Token)

        Map [
            for KeyValue(name, weight) in result.Weights -> name, weight.data<float32>().ToArray()
        ],
        List.ofSeq reports
    finally
        data.Delete true

let private resumes name case = test $"{name}: stopping and resuming gives the same bits" {
    Support.withFolder (fun straight ->
        Support.withFolder (fun parts ->
            let weights, whole = train None { case with Checkpoints = straight }
            let case = { case with Checkpoints = parts }
            let _, first = train (Some 2L) case
            let resumed, second = train None case
            Expect.equal first.Length 2 "interrupted"
            Expect.equal (first @ second) whole "losses"
            Expect.equal resumed weights "weights"))
}

let private refuses part model case =
    Support.withFolder (fun data ->
        use model = StableDiffusionModel.Load(folder model)

        Support.failsWith part (fun () -> DiffusionTrainer.Run(model, options data case) |> ignore))

let private drawing act =
    use _ = torch.NewDisposeScope()
    use model = StableDiffusionModel.Load(folder "x4-upscaler")
    let streams = RandomStreams "5"

    match UpscalerDraws.Of(model, UpscalerOptions(HighestNoiseLevel = 6, CaptionDropout = 0.25), streams) with
    | null -> failtest "the model is an upscaler"
    | draws ->
        use draws = draws
        act streams draws

[<Tests>]
let tests =
    testSequenced
    <| testList "upscaler training" [
        resumes "the whole UNet" usual
        resumes "adapters" { usual with Parts = adapters 0.0 }

        resumes "an average, a validation loss and dropout" {
            usual with
                Parts = adapters 0.3
                Ema = EmaOptions(Decay = 0.9)
                Validates = true
        }

        test "it learns its pictures" {
            // The same noise and times, so that what differs is what was learned.
            let last rate =
                let _, reports =
                    train None {
                        usual with
                            Captions = [ "a dog" ]
                            Steps = 40L
                            Rate = rate
                            Batch = 3
                            Accumulation = 1
                    }

                reports |> List.map fst |> List.skip 30 |> List.average

            Expect.isLessThan (last 2e-3) (0.9 * last 1e-12) "the loss falls"
        }

        test "blocks that are run again for their gradients give the same losses" {
            let losses case = train None case |> snd |> List.map fst

            for again, once in List.zip (losses { usual with Recomputes = true }) (losses usual) do
                Expect.floatClose Accuracy.medium again once "loss"
        }

        test "the noise of small pictures changes what is learned" {
            let clean =
                train None {
                    usual with
                        Upscaler = UpscalerOptions(CaptionDropout = 0.3, HighestNoiseLevel = 0)
                }

            Expect.notEqual (snd clean) (snd (train None usual)) "losses"
        }

        test "levels go up to the highest, and a picture's noise follows its own" {
            drawing (fun streams draws ->
                let small = torch.zeros (64L, 3L, 4L, 4L)

                let draw number =
                    draws.Noisy(small, BatchDraws(BatchDraws.Key(streams, number, torch.CPU)))

                let struct (pictures, levels) = draw 0L
                Expect.equal (set (levels.data<int64>())) (set [ 0L .. 6L ]) "all levels"

                let deviation level =
                    (pictures[levels.eq (torch.tensor (level: int64))]).std().item<float32>()

                Expect.isLessThan (deviation 0L) (deviation 6L) "noise"
                let struct (again, _) = draw 0L
                let struct (other, _) = draw 1L
                Expect.equal (Support.worst pictures again) 0.0 "the number decides"
                Expect.isGreaterThan (Support.worst pictures other) 0.0 "another number")
        }

        test "captions are left out as often as is asked" {
            drawing (fun _ draws ->
                let picture = TrainingPicture("a.png", "a dog")
                let framing = Framing.Centre(Bucket(32, 32), Bucket(32, 32))
                let visits = [| for _ in 1..4000 -> Visit(picture, framing, 0, false) |]

                let captions number = [ for visit in draws.LeaveOut(visits, 7, number) -> visit.Caption ]

                let shares = captions 0L |> List.countBy id |> Map
                Expect.equal (set shares.Keys) (set [ 0; 7 ]) "its own or the empty one"
                Expect.isTrue (shares[7] > 900 && shares[7] < 1100) $"a quarter of 4000: {shares[7]}"
                Expect.equal (captions 0L) (captions 0L) "the number decides"
                Expect.notEqual (captions 0L) (captions 1L) "another number")
        }

        test "what cannot train is refused" {
            refuses "it is no upscaler" "sd1" { usual with Size = 64 }
            refuses "it is an upscaler" "x4-upscaler" { usual with Upscaler = null }

            refuses "1.5 is no probability" "x4-upscaler" {
                usual with
                    Upscaler = UpscalerOptions(CaptionDropout = 1.5)
            }

            refuses "Set Upscaler.CaptionDropout" "x4-upscaler" { usual with CaptionDropout = 0.2 }

            refuses "it is 351" "x4-upscaler" {
                usual with
                    Upscaler = UpscalerOptions(HighestNoiseLevel = 351)
            }
        }

        test "the kinds that are compared on a device train on the CPU as well" {
            use trial = new TrialModel(torch.CPU)

            for name in [ "upscaler"; "upscaler, all weights" ] do
                let struct (losses, reason) =
                    KindComparison.Train(trial, KindComparison.Kinds(trial)[name], fused = false)

                Expect.isTrue (losses.Count > 0 && Seq.forall Double.IsFinite losses) name
                Expect.isNull reason "only CUDA's steps are recorded"
        }
    ]
