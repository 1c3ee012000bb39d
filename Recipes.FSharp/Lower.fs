namespace Recipes

open System.Collections.Generic
open System.IO
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Prompts
open Recipes.Core.Schedules
open Recipes.Core.Training
open Recipes.Core.Training.Subjects
open TorchSharp

/// What a training needs beside its plan.
type internal TrainingInputs = {
    /// The class pictures that were drawn for each subject.
    ClassPictures: string list list
    /// Collages of several subjects that were composed.
    Collages: Collage list
    /// The ControlNet that is trained.
    Net: ControlNetModel option
    /// The hints of each subject's pictures that it is trained on; none where none is.
    Hints: string list list
    CheckpointFolder: string
    /// The root of what is kept for other runs.
    CacheFolder: string
    /// Looks at the model after so many steps.
    Show: int64 -> StableDiffusionModel -> unit
}

/// A plan in the terms of the core. This is the first file that knows TorchSharp: nothing above it loads native code.
[<RequireQualifiedAccess>]
module internal Lower =
    let device (device: Device) : torch.Device =
        match device with
        | Cpu -> torch.CPU
        | Cuda index -> torch.device (DeviceType.CUDA, index)

    let precision (precision: Recipes.Precision) =
        match precision with
        | Float32 -> torch.ScalarType.Float32
        | BFloat16 -> torch.ScalarType.BFloat16

    let sampler (model: StableDiffusionModel) (sampler: Sampler) : ISampler =
        Samplers.Named(string sampler, model.Scheduler)

    /// A request for one picture a prompt and seed, in the order given.
    let steered
        (model: StableDiffusionModel)
        (plan: Plan)
        (batch: int)
        (prompts: string list)
        (seeds: uint64 list)
        (controls: Control list)
        =
        TextToImageRequest(
            Controls = List.toArray controls,
            Prompts = List.toArray prompts,
            NegativePrompts = [| plan.Draw.Avoid |],
            Seeds = List.toArray seeds,
            Steps = int plan.Draw.Denoise,
            Guidance = plan.Draw.Guidance,
            Width = int plan.Budget.Size,
            Height = int plan.Budget.Size,
            GuidanceRescale = plan.Draw.Rescale,
            Prompting = PromptOptions(ClipSkip = plan.Draw.ClipSkip),
            Sampler = sampler model plan.Draw.Sampler,
            BatchSize = batch
        )

    /// The same without controls.
    let request model plan batch prompts seeds =
        steered model plan batch prompts seeds []

    let schedule (schedule: Schedule) : RateShape * System.Nullable<float> =
        match schedule with
        | Constant -> RateShape.Constant, System.Nullable()
        | Linear -> RateShape.Linear, System.Nullable()
        | Cosine -> RateShape.Cosine, System.Nullable()
        | CosineRestarts cycles -> RateShape.CosineWithRestarts, System.Nullable(float cycles)

    let optional (value: float option) = Option.toNullable value

    /// The adapter of one network; nothing where the plan changes none of its layers.
    let lora (lora: PlannedLora) (network: string) : LoraOptions option =
        match lora.Layers |> List.filter (fun adapted -> adapted.Layer.Component = network) with
        | [] -> None
        | layers ->
            Some(
                LoraOptions(
                    Rank = int lora.Rank,
                    Dora = lora.Kind.IsDoRA,
                    Alpha = optional lora.Alpha,
                    Dropout = lora.Dropout,
                    Initialisation =
                        (match lora.Initial with
                         | Kaiming -> LoraInitialisation.Kaiming
                         | Gaussian -> LoraInitialisation.Gaussian
                         | RightAngles -> LoraInitialisation.Orthogonal),
                    Share = Option.toNullable lora.Share,
                    Targets = [| for adapted in layers -> adapted.Layer.Name |],
                    Ranks = [|
                        for adapted in layers do
                            if adapted.Rank <> lora.Rank then
                                KeyValuePair(adapted.Layer.Name, int adapted.Rank)
                    |]
                )
            )

    /// A tenth of the work is the most that a power cut may cost.
    let every (budget: Budget) =
        budget.Checkpoint
        |> Option.defaultValue (max 1<step> (budget.Steps / 10))
        |> int64
        |> System.Nullable

    let corePrecision (budget: Budget) =
        match budget.Precision with
        | Float32 -> Training.Precision.Float32
        | BFloat16 -> Training.Precision.BFloat16

    /// The captions of a picture. New vectors are learned in those of textual inversion.
    let private captions (plan: Plan) (subject: PlannedSubject) (picture: Picture) =
        match plan.Method with
        | PlannedMethod.Vectors vectors ->
            let templates =
                match vectors.Templates with
                | Things -> CaptionTemplates.Object
                | Styles -> CaptionTemplates.Style

            [
                for template in templates -> template.Replace(CaptionTemplates.Place, vectors.Token)
            ]
        | PlannedMethod.LowRank _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Merge _
        | PlannedMethod.Control _
        | PlannedMethod.Weights _ -> [ picture.Caption |> Option.defaultValue subject.InstancePrompt ]

    /// Where collages lie in a run's folder.
    let collages (folder: string) =
        System.IO.Path.Combine(folder, "collages")

    /// A mask that is white or black all over.
    let blank (folder: string) white (width: int<px>) (height: int<px>) =
        let shade = if white then "white" else "black"
        System.IO.Path.Combine(collages folder, $"{shade}-{width}x{height}.png")

    let private looksAtAttention (plan: Plan) =
        plan.Budget.AttendMasks.IsSome || plan.Budget.Unmix.IsSome

    /// Where each subject of the plan is in a picture of one of them; nothing where no loss asks for it.
    let private places (plan: Plan) folder (subject: PlannedSubject) (picture: Picture) (mask: Picture option) = [|
        if looksAtAttention plan then
            for other in plan.Subjects do
                PictureSubject(
                    other.Called,
                    match mask with
                    | _ when other <> subject -> blank folder false picture.Width picture.Height
                    | Some mask -> mask.Path
                    | None -> blank folder true picture.Width picture.Height
                )
    |]

    let private concept
        (plan: Plan)
        folder
        (subject: PlannedSubject)
        (classPictures: string list)
        (hints: string list)
        =
        let masks =
            if subject.Masks.IsEmpty then
                subject.Images |> List.map (fun _ -> None)
            else
                subject.Masks |> List.map Some

        let hint index =
            hints |> List.tryItem index |> Option.toObj

        Concept(
            Name = subject.Called,
            Pictures = [|
                for index, (picture, mask) in List.indexed (List.zip subject.Images masks) do
                    let texts = captions plan subject picture

                    TrainingPicture(
                        picture.Path,
                        texts.Head,
                        Alternatives = List.toArray texts.Tail,
                        Control = hint index,
                        Mask = (mask |> Option.map _.Path |> Option.toObj),
                        Subjects = places plan folder subject picture mask
                    )
            |],
            Flip = (if subject.Flipped then 0.5 else 0.0),
            Prior =
                (if classPictures.IsEmpty then
                     null
                 else
                     ConceptPrior(
                         Pictures = [| for path in classPictures -> TrainingPicture(path, subject.ClassPrompt) |],
                         Weight = plan.Budget.PriorWeight
                     ))
        )

    /// Collages as one more concept, beside the class pictures of all.
    let private company (plan: Plan) (classPictures: string list list) (made: Collage list) =
        let nowhere =
            blank (
                System.IO.Path.GetDirectoryName made.Head.Path
                |> nonNull
                |> System.IO.Path.GetDirectoryName
                |> nonNull
            )

        let place (collage: Collage) (subject: PlannedSubject) =
            let struct (left, leftMask), struct (right, rightMask) = collage.Left, collage.Right

            if left.Words = subject.Called then leftMask
            elif right.Words = subject.Called then rightMask
            else nowhere false plan.Budget.Size plan.Budget.Size

        Concept(
            Name = "collages",
            Pictures = [|
                for collage in made ->
                    TrainingPicture(
                        collage.Path,
                        collage.Caption,
                        Mask = collage.Mask,
                        Subjects = [|
                            if looksAtAttention plan then
                                for subject in plan.Subjects -> PictureSubject(subject.Called, place collage subject)
                        |]
                    )
            |],
            Prior =
                (if classPictures |> List.forall List.isEmpty then
                     null
                 else
                     ConceptPrior(
                         Pictures = [|
                             for subject, files in List.zip plan.Subjects classPictures do
                                 for path in files -> TrainingPicture(path, subject.ClassPrompt)
                         |],
                         Weight = plan.Budget.PriorWeight
                     ))
        )

    /// Attention maps of 16 x 16, as Break-A-Scene looks at, or the nearest to it that networks have.
    let private factors (plan: Plan) : int array = [|
        match int plan.Budget.Size / 8 with
        | side when side >= 64 -> 4
        | side when side >= 32 -> 2
        | _ -> 1
    |]

    let private auxiliary (plan: Plan) : IAuxiliaryLoss array = [|
        match plan.Budget.AttendMasks with
        | Some weight -> AttentionMaskLoss(Weight = weight, Factors = factors plan)
        | None -> ()
        match plan.Budget.Unmix with
        | Some weight -> UnmixLoss(Weight = weight, Factors = factors plan)
        | None -> ()
    |]

    let private maskedLoss (plan: Plan) =
        plan.Budget.MaskedLoss
        |> Option.map (fun mean ->
            MaskedLossOptions(
                Normalisation =
                    match mean with
                    | PerArea -> MaskNormalisation.PerArea
                    | PerPixel -> MaskNormalisation.PerPixel
            ))
        |> Option.toObj

    let private parts (plan: Plan) (net: ControlNetModel option) =
        let weights (weights: PlannedWeights) tokens =
            TrainedParts(
                UNetWeights =
                    (match weights.Layers with
                     | None -> TrainedParts.Everything
                     | Some layers -> [| for layer in layers -> layer.Name |]),
                Tokens = tokens
            )

        match plan.Method with
        | PlannedMethod.LowRank adapter ->
            TrainedParts(
                UNetLora = (lora adapter "unet" |> Option.toObj),
                TextLora = (lora adapter "text_encoder" |> Option.toObj)
            )
        | PlannedMethod.KeysAndValues keys ->
            weights keys.Weights [|
                for token in keys.Tokens -> NewToken(Token = token.Token, Initialiser = token.StartFrom)
            |]
        | PlannedMethod.Weights chosen -> weights chosen [||]
        | PlannedMethod.Merge _ -> TrainedParts()
        | PlannedMethod.Control _ -> TrainedParts(ControlNet = Option.toObj net)
        | PlannedMethod.Vectors vectors ->
            TrainedParts(
                Tokens = [|
                    NewToken(Token = vectors.Token, Initialiser = vectors.StartFrom, Vectors = int vectors.Count)
                |]
            )

    let optimiser (budget: Budget) : OptimiserOptions =
        match budget.Optimiser with
        | AdamW -> AdamWOptions(WeightDecay = budget.WeightDecay)
        | AdamWBFloat16 -> AdamWOptions(WeightDecay = budget.WeightDecay, Moments = Training.Precision.BFloat16)
        | Lion -> LionOptions(WeightDecay = budget.WeightDecay)
        | Prodigy ->
            ProdigyOptions(
                WeightDecay = budget.WeightDecay,
                BiasCorrection = true,
                SafeguardWarmUp = (budget.Warmup > 0<step>)
            )

    let error (loss: Loss) =
        match loss with
        | Squared -> ErrorOptions()
        | Huber width -> ErrorOptions(Kind = ErrorKind.Huber, Width = width)
        | SmoothL1 width -> ErrorOptions(Kind = ErrorKind.SmoothL1, Width = width)

    let private noise (budget: Budget) =
        NoiseOptions(
            Offset = budget.NoiseOffset,
            Perturbation = budget.Perturbation,
            FirstTime = (budget.Timesteps |> Option.map fst |> Option.defaultValue 0),
            LastTime = (budget.Timesteps |> Option.map snd |> Option.toNullable),
            ZeroTerminalSnr = budget.ZeroTerminalSnr
        )

    let private validation (plan: Plan) =
        match plan.Budget.Validate with
        | None -> null
        | Some every ->
            ValidationOptions(
                Pictures = [|
                    for subject in plan.Subjects do
                        for picture in subject.HeldOut ->
                            TrainingPicture(picture.Path, (captions plan subject picture).Head)
                |],
                Every = int64 every
            )

    /// The folders for latents and text states below the cache's root.
    let private caches (budget: Budget) (cache: string) =
        let folder wanted name : string | null =
            if wanted then Path.Combine(cache, name) else null

        CacheOptions(Latents = folder budget.CacheLatents "latents", Texts = folder budget.CacheTexts "texts")

    /// The training's settings.
    let training (plan: Plan) (inputs: TrainingInputs) =
        let budget = plan.Budget
        let shape, cycles = schedule budget.Schedule

        DiffusionTrainingOptions(
            Concepts = [|
                for index, (subject, pictures) in List.indexed (List.zip plan.Subjects inputs.ClassPictures) do
                    let hints = inputs.Hints |> List.tryItem index |> Option.defaultValue []
                    concept plan inputs.CheckpointFolder subject pictures hints

                if not inputs.Collages.IsEmpty then
                    company plan inputs.ClassPictures inputs.Collages
            |],
            Parts = parts plan inputs.Net,
            Step =
                DenoisingStepOptions(
                    Rate =
                        LearningRate(
                            Rate = budget.Rate,
                            Shape = shape,
                            Cycles = cycles,
                            Steps = int64 budget.Steps,
                            WarmUp = int64 budget.Warmup
                        ),
                    Optimiser = optimiser budget,
                    Loss =
                        DiffusionLossOptions(
                            MinSnrGamma = optional budget.MinSnr,
                            Debiased = budget.Debiased,
                            Error = error budget.Loss
                        ),
                    ClipNorm = optional budget.ClipNorm,
                    Auxiliary = auxiliary plan,
                    Accumulation = budget.Accumulate
                ),
            Buckets =
                Checks.Shapes.options
                    budget
                    plan.Model.Multiple
                    (Checks.Shapes.enlarges budget (plan.Subjects |> List.map _.Upscaled)),
            Crop =
                (if budget.RandomCrop then
                     CropRule.Random
                 else
                     CropRule.Centre),
            CaptionDropout = budget.CaptionDropout,
            Ema =
                (match budget.Ema with
                 | Some decay -> EmaOptions(Decay = decay)
                 | None -> null),
            Validation = validation plan,
            Preview =
                (match budget.Preview with
                 | Some every -> PreviewOptions(Every = int64 every, Show = System.Action<_, _>(inputs.Show))
                 | None -> null),
            Caches = caches budget inputs.CacheFolder,
            Noise = noise budget,
            MaskedLoss = maskedLoss plan,
            Seed = budget.Seed,
            Batch = int budget.Batch,
            Precision = corePrecision budget,
            GradientCheckpointing = budget.GradientCheckpointing,
            CheckpointFolder = inputs.CheckpointFolder,
            CheckpointEvery = every budget,
            PlanHash = plan.Hash
        )
