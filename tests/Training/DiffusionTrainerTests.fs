/// The trainer of all methods, on tiny models.
module Recipes.Tests.DiffusionTrainerTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Core.Training.Subjects
open Recipes.Tests.Support

let private side = 64

let private even width height (first: int) =
    Image(width, height, Array.init (width * height * 3) (fun at -> byte ((first + at % 3 * 40) % 256)))

/// Pictures of even colour, told apart by it.
let private draw (folder: string) name count first = [|
    for i in 1..count do
        let path = Path.Combine(folder, $"{name}{i}.png")

        if not (File.Exists path) then
            ImageFile.WritePng(path, even side side (first + i * 17))

        path
|]

let private captioned caption paths = [| for path in paths -> TrainingPicture(path, caption) |]

type private Case = {
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

let private lora targets dropout =
    LoraOptions(Rank = 2, Alpha = 4.0, Dropout = dropout, Targets = targets)

let private usual = {
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

let private dog case folder =
    Concept(
        Name = "sks dog",
        Pictures = captioned case.Caption (draw folder "own" 3 0),
        Prior =
            (if case.Prior = 0 then
                 null
             else
                 ConceptPrior(Pictures = captioned "a photo of a dog" (draw folder "class" case.Prior 90), Weight = 0.8))
    )

let private options (folder: string) model case =
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

let private load name =
    StableDiffusionModel.Load(Path.Combine(golden, name))

type private Run = {
    Status: TrainingStatus
    Done: int64
    Weights: Map<string, float32 array>
    Reports: TrainingStep list
    Visits: ConceptVisits list
}

/// Trains a fresh model, cancelled in the middle of a step where one is given.
let private trainOn (name: string) stop case folder =
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

let private train = trainOn "sd1" None
let private losses run = run.Reports |> List.map _.Loss

let private resumesExactly name case = test $"{name}: stopping and resuming gives the same bits" {
    withFolder (fun folder ->
        let straight = train case folder

        for stop in [ 1L; 3L ] do
            let kept = {
                case with
                    Checkpoints = Path.Combine(folder, $"checkpoints{stop}")
            }

            let first = trainOn "sd1" (Some stop) kept folder
            Expect.equal (first.Status, first.Done) (TrainingStatus.Interrupted, stop) "interrupted after the step"
            let second = train kept folder
            Expect.equal (second.Status, second.Done) (TrainingStatus.Completed, case.Steps) "completed"
            Expect.equal (losses first @ losses second) (losses straight) $"losses of {stop} and the rest"
            Expect.equal second.Weights straight.Weights $"weights of {stop} and the rest")
}

let private weights targets (_: StableDiffusionModel) = TrainedParts(UNetWeights = targets)

/// A word that is one token of the model's.
let private word (model: StableDiffusionModel) =
    [ "the"; "and"; "dog"; "red"; "of"; "a" ]
    |> List.find (fun word -> model.Tokenizer.Tokenize(word).Count = 1)

let private toy vectors (model: StableDiffusionModel) =
    NewToken(Token = "<toy>", Initialiser = word model, Vectors = vectors)

let private inversion = {
    usual with
        Parts = fun model -> TrainedParts(Tokens = [| toy 2 model |])
        Caption = "a photo of a <toy>"
        Prior = 0
        Rate = 5e-3
}

let private snapshot (model: StableDiffusionModel) = [
    for network in [ model.UNet :> torch.nn.Module; model.TextEncoder; model.Vae ] do
        for KeyValue(name, value) in network.state_dict () -> name, value.clone ()
]

let private wide folder =
    Path.Combine(folder, "wide.png")
    |> fun path ->
        ImageFile.WritePng(path, even (2 * side) side 200)
        path

[<Tests>]
let tests =
    testSequenced
    <| testList "trainer" [
        resumesExactly "adapters with dropout" usual
        resumesExactly "text encoder too" {
            usual with
                Parts =
                    fun _ -> TrainedParts(UNetLora = lora [ "attention" ] 0.2, TextLora = lora [ "text-attention" ] 0.2)
                Steps = 4L
        }
        resumesExactly "the whole UNet, averaged" {
            usual with
                Parts = weights TrainedParts.Everything
                Ema = EmaOptions(Decay = 0.9)
                Steps = 4L
                Rate = 1e-4
        }
        resumesExactly "a new token with keys and values, captions left out, mirrored" {
            inversion with
                Steps = 4L
                Parts = fun model -> TrainedParts(Tokens = [| toy 1 model |], UNetWeights = TrainedParts.KeysAndValues)
                CaptionDropout = 0.3
                Crop = CropRule.Random
        }

        test "it learns, and reports what it does" {
            withFolder (fun folder ->
                let run = train { usual with Steps = 12L } folder
                Expect.equal [ for r in run.Reports -> r.Step ] [ 1L .. 12L ] "steps"

                for r in run.Reports do
                    Expect.isTrue (r.Total = 12L && r.SecondsPerStep > 0.0) "totals, seconds"

                    Expect.isLessThan
                        (abs (r.Loss - r.InstanceLoss - 0.8 * r.PriorLoss.Value))
                        1e-5
                        "the loss is instance + weight × prior"

                Expect.equal run.Reports[0].Rate 0.0 "the warm-up starts at 0"
                Expect.isLessThan (abs (run.Reports[1].Rate - 1e-2)) 1e-12 "and reaches the full rate"

                // Queries and keys of an attention to a single position have no gradient, and the middle has one.
                for KeyValue(name, values) in run.Weights do
                    if
                        name.EndsWith "lora_B.weight"
                        && not (name.Contains "to_q" || name.Contains "to_k")
                    then
                        Expect.isTrue (values |> Array.exists (fun value -> value <> 0.0f)) $"{name} moved")
        }

        test "the loss on held-out pictures falls, and measuring it changes nothing" {
            withFolder (fun folder ->
                let held = captioned usual.Caption (draw folder "held" 2 5)

                let case = {
                    usual with
                        Steps = 40L
                        Prior = 0
                        Parts = weights TrainedParts.Everything
                        Rate = 1e-3
                }

                let watched = {
                    case with
                        Validation = ValidationOptions(Pictures = held, Every = 10L, Times = 3)
                }

                let run = train watched folder

                let measured = [
                    for r in run.Reports do
                        if r.Further.ContainsKey "validation_loss" then
                            r.Step, r.Further["validation_loss"], r.Further.Count
                ]

                Expect.equal [ for step, _, _ in measured -> step ] [ 10L; 20L; 30L; 40L ] "when"
                Expect.equal [ for _, _, count in measured -> count ] [ 4; 4; 4; 4 ] "three times and the mean"
                let loss (_, value, _) = value
                Expect.isLessThan (loss (List.last measured)) (loss measured.Head) "it falls"
                Expect.equal (train case folder).Weights run.Weights "the same weights without it")
        }

        test "class pictures are counted as pictures, and all are visited in turn" {
            withFolder (fun folder ->
                let visits = (train { usual with Steps = 3L } folder).Visits |> Seq.exactlyOne
                Expect.equal (visits.ClassVisited, visits.ClassPictures) (12, 30) "3 steps of 2 passes of 2"
                Expect.equal (List.ofSeq visits.Pictures) [ 4L; 4L; 4L ] "and the subject's own"

                let none =
                    (train { usual with Prior = 0; Steps = 2L } folder).Visits |> Seq.exactlyOne

                Expect.equal (none.ClassVisited, none.ClassPictures) (0, 0) "none without prior preservation")
        }

        test "two concepts take turns, each with all of its class pictures" {
            withFolder (fun folder ->
                let concept name count first =
                    Concept(
                        Name = name,
                        Pictures = captioned $"a photo of {name}" (draw folder name count first),
                        Prior =
                            ConceptPrior(
                                Pictures = captioned $"a class of {name}" (draw folder $"class-{name}" 4 (first + 30)),
                                Weight = 1.0
                            )
                    )

                let run =
                    train
                        {
                            usual with
                                Steps = 4L
                                Concepts = Some(fun _ -> [ concept "sks" 3 0; concept "zwx" 2 100 ])
                        }
                        folder

                Expect.equal
                    [ for v in run.Visits -> v.Concept, v.ClassVisited, v.ClassPictures ]
                    [ "sks", 4, 4; "zwx", 4, 4 ]
                    "class pictures"

                Expect.equal [ for v in run.Visits -> Seq.sum v.Pictures ] [ 8L; 8L ] "alike")
        }

        test "a wide picture is trained wide, and each shape has batches of its own" {
            withFolder (fun folder ->
                let pictures =
                    captioned "a photo of sks" (Array.append (draw folder "own" 2 0) [| wide folder |])

                let run =
                    train
                        {
                            usual with
                                Steps = 3L
                                Concepts = Some(fun _ -> [ Concept(Name = "sks", Pictures = pictures) ])
                                Buckets = BucketOptions(Size = 128, Step = 64)
                        }
                        folder

                Expect.equal run.Done 3L "it trains"
                Expect.isTrue (run.Visits |> List.forall (fun v -> Seq.forall (fun n -> n > 0L) v.Pictures)) "all seen")
        }

        test "pixels outside the masks do not count" {
            withFolder (fun folder ->
                let mask = Path.Combine(folder, "mask.png")

                ImageFile.WritePng(
                    mask,
                    Image(
                        side,
                        side,
                        Array.init (side * side * 3) (fun at -> if at / 3 % side < 32 then 255uy else 0uy)
                    )
                )

                let pictures = [|
                    for picture in captioned "a photo of sks" (draw folder "own" 3 0) ->
                        TrainingPicture(picture.Path, picture.Caption, Mask = mask)
                |]

                let masked normalisation =
                    train
                        {
                            usual with
                                Steps = 2L
                                Concepts = Some(fun _ -> [ Concept(Name = "sks", Pictures = pictures) ])
                                Masked = MaskedLossOptions(Normalisation = normalisation)
                        }
                        folder

                let area = masked MaskNormalisation.PerArea
                let pixel = masked MaskNormalisation.PerPixel

                Expect.isLessThan
                    (abs (area.Reports[0].Loss - 2.0 * pixel.Reports[0].Loss))
                    1e-4
                    "half of the pixels: the mean over the area is twice the mean over all")
        }

        test "attention is held to the places of the subjects" {
            withFolder (fun folder ->
                let mask = Path.Combine(folder, "mask.png")
                ImageFile.WritePng(mask, even side side 0)

                let pictures = [|
                    for picture in captioned "a photo of sks dog" (draw folder "own" 3 0) ->
                        TrainingPicture(
                            picture.Path,
                            picture.Caption,
                            Subjects = [| PictureSubject("sks dog", mask) |]
                        )
                |]

                let run auxiliary =
                    train
                        {
                            usual with
                                Steps = 2L
                                Concepts = Some(fun _ -> [ Concept(Name = "sks", Pictures = pictures) ])
                                Auxiliary = auxiliary
                        }
                        folder

                let with', without =
                    run [| AttentionMaskLoss(Weight = 1.0, Factors = [| 1; 2 |]) |], run [||]

                let further (run: Run) =
                    run.Reports[0].Loss - run.Reports[0].InstanceLoss

                Expect.isGreaterThan (further with') 1e-3 "the further term"
                Expect.isLessThan (abs (further without)) 1e-6 "none without it")
        }

        test "another seed gives other weights, the same seed the same" {
            withFolder (fun folder ->
                let one = train { usual with Steps = 2L } folder
                Expect.equal (train { usual with Steps = 2L } folder).Weights one.Weights "the same seed"

                Expect.notEqual
                    (train { usual with Steps = 2L; Seed = "18" } folder).Weights
                    one.Weights
                    "another seed")
        }

        test "new tokens alone change nothing else, and stay for drawing" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use model = load "sd1"
                let before = snapshot model

                let start =
                    model.TextEncoder.Tokens.Weight[int64 (Seq.exactlyOne (model.Tokenizer.Tokenize(word model)))]

                let result =
                    DiffusionTrainer.Run(model, options folder model { inversion with Steps = 4L })

                let rows = (Seq.exactlyOne result.Tokens).Parts[0].Rows

                for row in [ 0L; 1L ] do
                    Expect.isGreaterThan (worst rows[row] start) 1e-3 $"vector {row} moved"

                Expect.isGreaterThan (worst rows[0L] rows[1L]) 1e-4 "each its own way"

                for (name, old), (_, now) in List.zip before (snapshot model) do
                    Expect.equal (worst old now) 0.0 name

                Expect.equal (List.ofSeq model.LearnedTokens.Names) [ "<toy>" ] "there"
                result.Dispose()
                Expect.isEmpty model.LearnedTokens.Names "gone with the result")
        }

        test "only chosen weights move, the text encoder's too" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use model = load "sd1"
                let before = snapshot model

                let parts =
                    TrainedParts(UNetWeights = TrainedParts.KeysAndValues, TextWeights = [| "fc1" |])

                use result =
                    DiffusionTrainer.Run(
                        model,
                        options folder model {
                            usual with
                                Parts = (fun _ -> parts)
                                Steps = 3L
                        }
                    )

                for (name, old), (_, now) in List.zip before (snapshot model) do
                    let chosen =
                        name.Contains "attn2.to_k"
                        || name.Contains "attn2.to_v"
                        || name.Contains "mlp.fc1"

                    if not chosen then
                        Expect.equal (worst old now) 0.0 name
                    elif name.Contains "to_v" || name.Contains "fc1" then
                        Expect.isGreaterThan (worst old now) 0.0 name)
        }

        test "SDXL's two text encoders learn a token, and its UNet is told the sizes" {
            withFolder (fun folder ->
                let run =
                    trainOn
                        "sdxl"
                        None
                        {
                            inversion with
                                Steps = 3L
                                Parts =
                                    fun model ->
                                        TrainedParts(Tokens = [| toy 1 model |], UNetLora = lora [ "attention" ] 0.0)
                        }
                        folder

                let tokens = run.Weights |> Map.filter (fun name _ -> name.EndsWith "<toy>")
                Expect.equal (List.ofSeq tokens.Keys) [ "text_encoder.<toy>"; "text_encoder_2.<toy>" ] "both")
        }

        test "a ControlNet learns against a base that stays as it is" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use model = load "sd1"
                let before = snapshot model

                use network =
                    ControlNetModel.FromUNet(model.UNet, new torch.Generator(3UL, torch.CPU))

                let pictures = [|
                    for picture in captioned "a photo" (draw folder "own" 3 0) ->
                        TrainingPicture(picture.Path, picture.Caption, Control = picture.Path)
                |]

                let case = {
                    usual with
                        Steps = 3L
                        Parts = fun _ -> TrainedParts(ControlNet = network)
                        Concepts = Some(fun _ -> [ Concept(Name = "pairs", Pictures = pictures) ])
                }

                use result = DiffusionTrainer.Run(model, options folder model case)

                for (name, old), (_, now) in List.zip before (snapshot model) do
                    Expect.equal (worst old now) 0.0 name

                Expect.isTrue
                    (result.Weights["controlnet.controlnet_mid_block.weight"].abs().max().item<float32>() > 0.0f)
                    "the zero convolution moved")
        }

        test "saved adapters give the trained model's predictions" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use _ = torch.no_grad ()
                use model = load "sd1"

                let parts =
                    TrainedParts(UNetLora = lora [ "attention" ] 0.2, TextLora = lora [ "text-attention" ] 0.2)

                use result =
                    DiffusionTrainer.Run(
                        model,
                        options folder model {
                            usual with
                                Steps = 2L
                                Parts = (fun _ -> parts)
                        }
                    )

                let path = Path.Combine(folder, "adapter.safetensors")
                result.SaveAdapters(path, readOnlyDict [ "recipes.plan_sha256", "5eed" ])
                use random = new torch.Generator(1UL, torch.CPU)
                let x = torch.randn ([| 1L; 4L; 8L; 8L |], generator = random)

                let predict (model: StableDiffusionModel) =
                    model.UNet.forward (x, torch.tensor [| 500L |], model.EncodePrompts [ "a photo of sks dog" ])

                use fresh = load "sd1"
                let untrained = predict fresh

                use loaded =
                    LoraSet.Load(
                        path,
                        readOnlyDict [
                            "unet", (fresh.UNet :> torch.nn.Module)
                            "text_encoder", (fresh.TextEncoder :> torch.nn.Module)
                        ]
                    )

                Expect.equal (worst (predict model) (predict fresh)) 0.0 "the same"
                Expect.isGreaterThan (worst untrained (predict fresh)) 0.0 "not the untrained model's"
                Expect.isTrue (loaded.Adapters.Count > 0) "adapters")
        }

        test "previews see the model as it would be used" {
            withFolder (fun folder ->
                let seen = List<int64 * bool>()

                let show done' (model: StableDiffusionModel) =
                    use _ = torch.no_grad ()
                    let x = torch.ones [| 1L; 4L; 8L; 8L |]

                    let predict () =
                        model.UNet.forward (x, torch.tensor [| 500L |], model.EncodePrompts [ "a" ])

                    seen.Add(done', worst (predict ()) (predict ()) = 0.0)

                let plain = train usual folder

                let watched =
                    train
                        {
                            usual with
                                Preview = PreviewOptions(Every = 2L, Show = Action<_, _> show)
                        }
                        folder

                Expect.equal (List.ofSeq seen) [ 2L, true; 4L, true; 5L, true ] "when, and without dropout"
                Expect.equal watched.Weights plain.Weights "nothing is changed by looking")
        }

        test "a checkpoint of another plan is refused and kept" {
            withFolder (fun folder ->
                let kept = { usual with Checkpoints = folder }
                trainOn "sd1" (Some 1L) kept folder |> ignore
                let path = Path.Combine(folder, TrainingCheckpoint.FileName)
                let bytes = File.ReadAllBytes path

                failsWith "it is of plan 5eed5eed5eed, this is plan beefbeefbeef" (fun () ->
                    train { kept with Plan = "beefbeefbeefbeef" } folder |> ignore)

                Expect.equal (File.ReadAllBytes path) bytes "unchanged"
                File.WriteAllBytes(path, Array.truncate 1000 bytes)
                failsWith TrainingCheckpoint.FileName (fun () -> train kept folder |> ignore))
        }

        test "a loss that is not a number names the step and keeps the last checkpoint" {
            withFolder (fun folder ->
                let kept = { usual with Checkpoints = folder }
                trainOn "sd1" (Some 2L) kept folder |> ignore
                let path = Path.Combine(folder, TrainingCheckpoint.FileName)
                let bytes = File.ReadAllBytes path

                failsWith "The checkpoint of step 2 is kept" (fun () ->
                    train { kept with Rate = 1e30 } folder |> ignore)

                Expect.equal (File.ReadAllBytes path) bytes "kept")
        }

        test "what cannot train is refused, and leaves nothing on the model" {
            withFolder (fun folder ->
                use model = load "sd1"

                let refused part case =
                    failsWith part (fun () -> (DiffusionTrainer.Run(model, options folder model case)).Dispose())

                let token token initialiser vectors = {
                    inversion with
                        Parts =
                            fun _ ->
                                TrainedParts(
                                    Tokens = [|
                                        NewToken(Token = token, Initialiser = initialiser, Vectors = vectors)
                                    |]
                                )
                }

                refused "the warm-up of 1 steps is as long" { usual with Steps = 1L }
                refused "the rate is 0" { usual with Rate = 0.0 }

                refused "target attn3 matches 0 of" {
                    usual with
                        Parts = weights [ "attn3" ]
                }

                refused
                    "is 2 tokens, Vectors is 1. Use a word of one token, or set Vectors to 2"
                    (token "<toy>" $"{word model} {word model}" 1)

                refused "already in the vocabulary" {
                    token (word model) (word model) 1 with
                        Caption = $"a {word model}"
                }

                refused "Size: 72 px is no multiple of 64" {
                    usual with
                        Buckets = BucketOptions(Size = 72, Shapes = false)
                }

                Expect.isEmpty model.LearnedTokens.Names "no token"

                Expect.isTrue
                    (model.UNet.modules ()
                     |> Seq.forall (fun m ->
                         match box m with
                         | :? Recipes.Core.Networks.Layers.IAdaptable as layer -> layer.Adapters.Count = 0
                         | _ -> true))
                    "no adapter")
        }
    ]
