module Recipes.Tests.DreamBoothTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Training

let private size = 64

/// Pictures of even colour, told apart by it.
let private pictures count (first: int) =
    let image i =
        Image(size, size, Array.init (size * size * 3) (fun at -> byte ((first + i * 17 + at % 3 * 40) % 256)))

    TrainingImages.FromImages([ for i in 1..count -> image i ], size)

type private Case = {
    Steps: int64
    Rate: float
    Prior: bool
    Full: bool
    Text: bool
    Dropout: float
    Folder: string | null
    Every: int64
    Plan: string
    Seed: string
}

let private usual = {
    Steps = 5L
    Rate = 1e-2
    Prior = true
    Full = false
    Text = false
    Dropout = 0.2
    Folder = null
    Every = 2L
    Plan = "5eed5eed5eed5eed"
    Seed = "17"
}

let private lora targets dropout =
    LoraOptions(Rank = 2, Alpha = 4.0, Dropout = dropout, Targets = targets)

let private options case =
    DreamBoothOptions(
        Images = pictures 3 0,
        Prompt = "a photo of sks dog",
        Prior =
            (if case.Prior then
                 PriorPreservation(Images = pictures 30 90, Prompt = "a photo of a dog", Weight = 0.8)
             else
                 null),
        Steps = case.Steps,
        Rate = case.Rate,
        Schedule = RateShape.Cosine,
        WarmUp = 1L,
        Batch = 2,
        Accumulation = 2,
        Lora =
            (if case.Full then
                 null
             else
                 lora [ "attention"; "feed-forward" ] case.Dropout),
        TextLora =
            (if case.Text then
                 lora [ "text-attention" ] case.Dropout
             else
                 null),
        Seed = case.Seed,
        CheckpointFolder = case.Folder,
        CheckpointEvery =
            (if isNull case.Folder then
                 Nullable()
             else
                 Nullable case.Every),
        PlanHash = case.Plan
    )

let private load () =
    StableDiffusionModel.Load(Path.Combine(Support.golden, "sd1"))

type private Run = {
    Status: TrainingStatus
    Done: int64
    Weights: Map<string, float32 array>
    Reports: TrainingStep list
    ClassImages: struct (int * int)
}

/// Trains a fresh model, cancelled in the middle of a step where one is given.
let private trainUntil stop case =
    use _ = torch.NewDisposeScope()
    use model = load ()
    use cancellation = new CancellationTokenSource()
    let reports = List<TrainingStep>()

    let watch = {
        new IProgress<TrainingStep> with
            member _.Report step =
                reports.Add step

                if Some step.Step = stop then
                    cancellation.Cancel()
    }

    use result = DreamBoothTrainer.Run(model, options case, watch, cancellation.Token)

    {
        Status = result.Status
        Done = result.Steps
        Weights =
            Map [
                for KeyValue(name, weight) in result.Weights -> name, weight.data<float32>().ToArray()
            ]
        Reports = List.ofSeq reports
        ClassImages = result.ClassImages
    }

let private train = trainUntil None
let private losses run = run.Reports |> List.map _.Loss

let private failsWith (part: string) (act: unit -> unit) =
    try
        act ()
        failtest $"nothing was refused where '{part}' was expected"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

let private resumesExactly name case = test $"{name}: stopping and resuming gives the same bits" {
    let straight = train case

    for stop in [ 1L; 3L ] do
        Support.withFolder (fun folder ->
            let kept = { case with Folder = folder }
            let first = trainUntil (Some stop) kept
            Expect.equal (first.Status, first.Done) (TrainingStatus.Interrupted, stop) "interrupted after the step"
            let second = train kept
            Expect.equal (second.Status, second.Done) (TrainingStatus.Completed, case.Steps) "completed"
            Expect.equal (losses first @ losses second) (losses straight) $"losses of {stop} and the rest"
            Expect.equal second.Weights straight.Weights $"weights of {stop} and the rest")
}

[<Tests>]
let tests =
    testSequenced
    <| testList "dreambooth" [
        resumesExactly "adapters with dropout" usual
        resumesExactly "text encoder too" { usual with Text = true; Steps = 4L }
        resumesExactly "the whole UNet" {
            usual with
                Full = true
                Steps = 4L
                Rate = 1e-4
        }

        test "it learns, and reports what it does" {
            let run = train { usual with Steps = 12L }
            Expect.equal [ for r in run.Reports -> r.Step ] [ 1L .. 12L ] "steps"

            Expect.isTrue
                (run.Reports |> List.forall (fun r -> r.Total = 12L && r.SecondsPerStep > 0.0))
                "totals, seconds"

            for r in run.Reports do
                Expect.isLessThan
                    (abs (r.Loss - r.InstanceLoss - 0.8 * r.PriorLoss.Value))
                    1e-5
                    "the loss is instance + weight × prior"

            Expect.equal run.Reports[0].Rate 0.0 "the warm-up starts at 0"
            Expect.isLessThan (abs (run.Reports[1].Rate - 1e-2)) 1e-12 "and reaches the full rate"

            let moved name =
                run.Weights[name] |> Array.exists (fun value -> value <> 0.0f)

            // Queries and keys of an attention to a single position have no gradient, and the middle has one.
            for KeyValue(name, _) in run.Weights do
                if
                    name.EndsWith "lora_B.weight"
                    && not (name.Contains "to_q" || name.Contains "to_k")
                then
                    Expect.isTrue (moved name) $"{name} moved"
        }

        test "class images visited are counted as images" {
            let struct (visited, count) = (train { usual with Steps = 3L }).ClassImages
            Expect.equal (visited, count) (12, 30) "3 steps of 2 passes of 2"
            let struct (none, _) = (train { usual with Prior = false; Steps = 2L }).ClassImages
            Expect.equal none 0 "none without prior preservation"
        }

        test "another seed gives other weights, the same seed the same" {
            let one = train { usual with Steps = 2L }
            Expect.equal (train { usual with Steps = 2L }).Weights one.Weights "the same seed"
            Expect.notEqual (train { usual with Steps = 2L; Seed = "18" }).Weights one.Weights "another seed"
        }

        test "the base is left as it was" {
            use _ = torch.NewDisposeScope()
            use model = load ()

            let before: (string * torch.Tensor) list = [
                for KeyValue(name, value) in model.UNet.state_dict () -> name, value.clone ()
            ]

            use _ = DreamBoothTrainer.Run(model, options { usual with Steps = 2L })
            let after = model.UNet.state_dict ()
            Expect.equal (List.ofSeq after.Keys) (List.map fst before) "keys"

            for name, value in before do
                Expect.equal ((value - after[name]).abs().max().item<float32>()) 0.0f name

            Expect.isTrue (model.UNet.parameters () |> Seq.forall (fun p -> not p.requires_grad)) "frozen"
        }

        test "saved adapters give the trained model's predictions" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use _ = torch.no_grad ()
                use model = load ()

                use result =
                    DreamBoothTrainer.Run(model, options { usual with Steps = 2L; Text = true })

                let path = Path.Combine(folder, "adapter.safetensors")
                result.SaveAdapters(path, readOnlyDict [ "recipes.plan_sha256", "5eed" ])
                use random = new torch.Generator(1UL, torch.CPU)
                let x = torch.randn ([| 1L; 4L; 8L; 8L |], generator = random)

                let predict (model: StableDiffusionModel) =
                    model.UNet.forward (x, torch.tensor [| 500L |], model.EncodePrompts [ "a photo of sks dog" ])

                use fresh = load ()
                let untrained = predict fresh

                use loaded =
                    LoraSet.Load(
                        path,
                        readOnlyDict [
                            "unet", (fresh.UNet :> torch.nn.Module)
                            "text_encoder", (fresh.TextEncoder :> torch.nn.Module)
                        ]
                    )

                let apart (a: torch.Tensor) (b: torch.Tensor) = (a - b).abs().max().item<float32>()
                Expect.equal (apart (predict model) (predict fresh)) 0.0f "the same"
                Expect.isGreaterThan (apart untrained (predict fresh)) 0.0f "not the untrained model's"
                Expect.isTrue (loaded.Adapters.Count > 0) "adapters")
        }

        test "a checkpoint of another plan is refused and kept" {
            Support.withFolder (fun folder ->
                trainUntil (Some 1L) { usual with Folder = folder } |> ignore
                let path = Path.Combine(folder, TrainingCheckpoint.FileName)
                let bytes = File.ReadAllBytes path

                failsWith "it is of plan 5eed5eed5eed, this is plan beefbeefbeef" (fun () ->
                    train {
                        usual with
                            Folder = folder
                            Plan = "beefbeefbeefbeef"
                    }
                    |> ignore)

                Expect.equal (File.ReadAllBytes path) bytes "unchanged"
                File.WriteAllBytes(path, Array.truncate 1000 bytes)
                failsWith TrainingCheckpoint.FileName (fun () -> train { usual with Folder = folder } |> ignore))
        }

        test "a loss that is not a number names the step and keeps the last checkpoint" {
            Support.withFolder (fun folder ->
                trainUntil (Some 2L) { usual with Folder = folder } |> ignore
                let path = Path.Combine(folder, TrainingCheckpoint.FileName)
                let bytes = File.ReadAllBytes path

                failsWith "The checkpoint of step 2 is kept" (fun () ->
                    train {
                        usual with
                            Folder = folder
                            Rate = 1e30
                    }
                    |> ignore)

                Expect.equal (File.ReadAllBytes path) bytes "kept")
        }

        test "settings that cannot train are refused before anything is computed" {
            let refuse part (change: DreamBoothOptions) = failsWith part change.Check
            refuse "the warm-up of 1 steps is as long" (options { usual with Steps = 1L })
            refuse "the rate is 0" (options { usual with Rate = 0.0 })
            failsWith "there are none" (fun () -> TrainingImages.FromFiles([], 64) |> ignore)
            Expect.equal (options usual).ClassImageVisits (struct (20, 30)) "visits are known from the settings"
        }
    ]
