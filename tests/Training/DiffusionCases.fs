/// Small models, pictures and trainings for the tests of the trainer of all methods.
module Recipes.Tests.DiffusionCases

open System
open System.Collections.Generic
open System.IO
open System.Threading
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Core.Training.Subjects
open Recipes.Tests.Support

let side = 64

let even width height (first: int) =
    Image(width, height, Array.init (width * height * 3) (fun at -> byte ((first + at % 3 * 40) % 256)))

/// Pictures of even colour, told apart by it.
let draw (folder: string) name count first = [|
    for i in 1..count do
        let path = Path.Combine(folder, $"{name}{i}.png")

        if not (File.Exists path) then
            ImageFile.WritePng(path, even side side (first + i * 17))

        path
|]

let captioned caption paths = [| for path in paths -> TrainingPicture(path, caption) |]

type Case = {
    Steps: int64
    Rate: float
    Prior: int
    Parts: StableDiffusionModel -> TrainedParts
    Concepts: (string -> Concept list) option
    Ema: EmaOptions | null
    Validation: ValidationOptions | null
    Preview: PreviewOptions | null
    Masked: MaskedLossOptions | null
    Auxiliary: IAuxiliaryLoss array
    Buckets: BucketOptions
    CaptionDropout: float
    Crop: CropRule
    Checkpoints: string | null
    Plan: string
    Seed: string
    Caption: string
}

let lora targets dropout =
    LoraOptions(Rank = 2, Alpha = 4.0, Dropout = dropout, Targets = targets)

let usual = {
    Steps = 5L
    Rate = 1e-2
    Prior = 30
    Parts = fun _ -> TrainedParts(UNetLora = lora [ "attention"; "feed-forward" ] 0.2)
    Concepts = None
    Ema = null
    Validation = null
    Preview = null
    Masked = null
    Auxiliary = [||]
    Buckets = BucketOptions(Size = side, Shapes = false)
    CaptionDropout = 0.0
    Crop = CropRule.Centre
    Checkpoints = null
    Plan = "5eed5eed5eed5eed"
    Seed = "17"
    Caption = "a photo of sks dog"
}

let dog case folder =
    Concept(
        Name = "sks dog",
        Pictures = captioned case.Caption (draw folder "own" 3 0),
        Prior =
            (if case.Prior = 0 then
                 null
             else
                 ConceptPrior(Pictures = captioned "a photo of a dog" (draw folder "class" case.Prior 90), Weight = 0.8))
    )

let options (folder: string) model case =
    DiffusionTrainingOptions(
        Concepts =
            (match case.Concepts with
             | Some make -> List.toArray (make folder)
             | None -> [| dog case folder |]),
        Parts = case.Parts model,
        Step =
            DenoisingStepOptions(
                Rate = LearningRate(Rate = case.Rate, Shape = RateShape.Cosine, Steps = case.Steps, WarmUp = 1L),
                Accumulation = 2,
                Auxiliary = case.Auxiliary
            ),
        Buckets = case.Buckets,
        Ema = case.Ema,
        Validation = case.Validation,
        Preview = case.Preview,
        MaskedLoss = case.Masked,
        CaptionDropout = case.CaptionDropout,
        Crop = case.Crop,
        Batch = 2,
        Seed = case.Seed,
        CheckpointFolder = case.Checkpoints,
        CheckpointEvery = (if isNull case.Checkpoints then Nullable() else Nullable 2L),
        PlanHash = case.Plan
    )

let load name =
    StableDiffusionModel.Load(Path.Combine(golden, name))

type Run = {
    Status: TrainingStatus
    Done: int64
    Weights: Map<string, float32 array>
    Reports: TrainingStep list
    Visits: ConceptVisits list
}

/// Trains a fresh model, cancelled in the middle of a step where one is given.
let trainOn (name: string) stop case folder =
    use _ = torch.NewDisposeScope()
    use model = load name
    use cancellation = new CancellationTokenSource()
    let reports = List<TrainingStep>()

    let watch = {
        new IProgress<TrainingStep> with
            member _.Report step =
                reports.Add step

                if Some step.Step = stop then
                    cancellation.Cancel()
    }

    use result =
        DiffusionTrainer.Run(model, options folder model case, watch, cancellation.Token)

    {
        Status = result.Status
        Done = result.Steps
        Weights =
            Map [
                for KeyValue(name, weight) in result.Weights -> name, weight.data<float32>().ToArray()
            ]
        Reports = List.ofSeq reports
        Visits = List.ofSeq result.Visits
    }

let train = trainOn "sd1" None
let losses run = run.Reports |> List.map _.Loss

let weights targets (_: StableDiffusionModel) = TrainedParts(UNetWeights = targets)

/// A word that is one token of the model's.
let word (model: StableDiffusionModel) =
    [ "the"; "and"; "dog"; "red"; "of"; "a" ]
    |> List.find (fun word -> model.Tokenizer.Tokenize(word).Count = 1)

let toy vectors (model: StableDiffusionModel) =
    NewToken(Token = "<toy>", Initialiser = word model, Vectors = vectors)

let inversion = {
    usual with
        Parts = fun model -> TrainedParts(Tokens = [| toy 2 model |])
        Caption = "a photo of a <toy>"
        Prior = 0
        Rate = 5e-3
}

let snapshot (model: StableDiffusionModel) = [
    for network in [ model.UNet :> torch.nn.Module; model.TextEncoder; model.Vae ] do
        for KeyValue(name, value) in network.state_dict () -> name, value.clone ()
]
