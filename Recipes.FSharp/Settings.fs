namespace Recipes

/// The training budget with every default filled in.
type Budget = {
    Steps: int<step>
    Rate: float
    Batch: int<img>
    Accumulate: int
    Warmup: int<step>
    Schedule: Schedule
    Size: int<px>
    /// As text, since JSON has no integers: see `RandomStreams` of the core.
    Seed: string
    Precision: Precision
    Device: Device
    PriorWeight: float
    WeightDecay: float
    /// The largest length of the whole gradient; nothing where it is not clipped.
    ClipNorm: float option
    MinSnr: float option
    Optimiser: Optimiser
    Loss: Loss
    Debiased: bool
    NoiseOffset: float
    Perturbation: float
    /// The first and the last time that is trained; nothing for all.
    Timesteps: (int * int) option
    ZeroTerminalSnr: bool
    Checkpoint: int<step> option
    /// The greatest decay of the average that is the result; nothing where that is what is trained itself.
    Ema: float option
    CaptionDropout: float
    /// Whether pictures keep about their shapes.
    Buckets: bool
    /// As written; without it pictures repeat.
    Remainder: Remainder option
    RandomCrop: bool
    /// Whether blocks are run again for their gradients, rather than keep all they computed.
    GradientCheckpointing: bool
    /// Steps between measurements on the pictures held out; nothing where there are none.
    Validate: int<step> option
    Preview: int<step> option
    CacheLatents: bool
    CacheTexts: bool
    /// Collages of two subjects to learn from, too.
    Collages: int<img>
    Unmix: float option
    MaskedLoss: MaskMean option
    AttendMasks: float option
} with

    /// Concepts that take turns in training, of so many subjects and themes: collages are one more.
    member budget.Turns(sources: int) =
        max 1 sources + (if budget.Collages > 0<img> then 1 else 0)

/// The drawing settings with every default filled in.
type Drawing = {
    Denoise: int<step>
    Guidance: float
    Avoid: string
    /// One picture a prompt and seed.
    Seeds: int list
    Sampler: Sampler
    /// The share of guidance's contrast that is taken back.
    Rescale: float
    /// Last layers of the text encoder that are left out.
    ClipSkip: int
}

/// A subject or a theme as written, defaults filled in; what has no line is empty.
type internal SourceDraft = {
    IsTheme: bool
    /// A subject's class noun, or a theme's name.
    Noun: string
    Token: string
    InstancePrompt: string
    ClassPrompt: string
    Captions: CaptionSource
    Folder: string
    Prior: int<img>
    Flipped: bool
    Upscaled: bool
    /// The folder of its hints, where it is written.
    Hints: string option
    /// The folder of pictures held out; empty for none.
    HeldOut: string
    /// The folder of masks; empty for none.
    Masks: string
    /// What collages set it beside, drawn by the base model.
    Beside: string list
    Parts: PicturePart list
} with

    /// Where its problems are.
    member source.At =
        if source.IsTheme then
            $"theme {source.Noun}"
        else
            $"subject {source.Noun}"

/// A recipe with defaults filled in and nothing checked: of a line given twice, the last counts.
type internal Draft = {
    Recipe: Recipe
    /// Subjects, then themes.
    Sources: SourceDraft list
    Tunings: Tuning list
    Controls: Steering list
    Budget: Budget
    Drawing: Drawing
    Samples: Prompt list
    /// Highest noise levels that were written for small pictures in training.
    NoiseUpTo: int list
    /// The noise level of small pictures to enlarge.
    NoiseLevel: int
    /// Recipes for an upscaler of what is drawn.
    Enlarge: Recipe list
    Merges: (MergeWay * Recipe list) list
    /// Other ways to merge.
    Against: MergeWay list
    Outputs: string
} with

    member draft.Subjects = draft.Sources |> List.filter (fun source -> not source.IsTheme)

    /// Whether nothing is trained: the base model draws, led by controls.
    member draft.DrawsOnly =
        draft.Tunings.IsEmpty
        && draft.Sources.IsEmpty
        && not draft.Controls.IsEmpty
        && draft.Merges.IsEmpty

    /// Whether it puts together what other recipes learn, and trains nothing itself.
    member draft.IsMerge = not draft.Merges.IsEmpty

    /// Whether it is for an upscaler, which learns from pictures alone and draws from small ones.
    member draft.Upscales = draft.Recipe.Family = nameof X4

[<RequireQualifiedAccess>]
module internal Draft =
    let instanceTemplate = "a photo of {token} {noun}"
    let classTemplate = "a photo of a {noun}"

    let private source isTheme noun (parts: PicturePart list) =
        let start = {
            IsTheme = isTheme
            Noun = noun
            Token = ""
            InstancePrompt = instanceTemplate
            ClassPrompt = classTemplate
            Captions = if isTheme then Metadata else Same instanceTemplate
            Folder = ""
            Prior = 0<img>
            Flipped = false
            Upscaled = false
            Hints = None
            HeldOut = ""
            Masks = ""
            Beside = []
            Parts = parts
        }

        let written =
            (start, parts)
            ||> List.fold (fun draft part ->
                match part with
                | PicturePart.Token token -> { draft with Token = token }
                | PicturePart.Images folder -> { draft with Folder = folder }
                | PicturePart.Prior pictures -> { draft with Prior = pictures }
                | PicturePart.InstancePrompt template -> {
                    draft with
                        InstancePrompt = template
                        Captions = Same template
                  }
                | PicturePart.ClassPrompt template -> { draft with ClassPrompt = template }
                | PicturePart.Captions source -> { draft with Captions = source }
                | PicturePart.Flipped -> { draft with Flipped = true }
                | PicturePart.Upscaled -> { draft with Upscaled = true }
                | PicturePart.Hints folder -> { draft with Hints = Some folder }
                | PicturePart.HeldOut folder -> { draft with HeldOut = folder }
                | PicturePart.Masks folder -> { draft with Masks = folder }
                | PicturePart.Beside thing -> {
                    draft with
                        Beside = draft.Beside @ [ thing ]
                  })

        let fill (template: string) =
            template.Replace("{token}", written.Token).Replace("{noun}", written.Noun)

        {
            written with
                InstancePrompt = fill written.InstancePrompt
                ClassPrompt = fill written.ClassPrompt
                Captions =
                    match written.Captions with
                    | Same template -> Same(fill template)
                    | other -> other
        }

    let subject (subject: Subject) = source false subject.Noun subject.Parts

    let private budget native hasPrior holdsOut (parts: TrainPart list) =
        let optimiser =
            parts
            |> List.tryPick (fun part ->
                match part with
                | TrainPart.Optimiser kind -> Some kind
                | _ -> None)
            |> Option.defaultValue AdamW

        let start = {
            Steps = 0<step>
            Rate =
                match optimiser with
                | AdamW
                | AdamWBFloat16 -> 1e-4
                | Lion -> 3e-5
                | Prodigy -> 1.0
            Batch = 1<img>
            Accumulate = 1
            Warmup = 0<step>
            Schedule = Constant
            Size = native
            Seed = "0"
            Precision = Float32
            Device = Cpu
            PriorWeight = if hasPrior then 1.0 else 0.0
            WeightDecay = 0.01
            ClipNorm = Some 1.0
            MinSnr = None
            Optimiser = optimiser
            Loss = Squared
            Debiased = false
            NoiseOffset = 0.0
            Perturbation = 0.0
            Timesteps = None
            ZeroTerminalSnr = false
            Checkpoint = None
            Ema = None
            CaptionDropout = 0.0
            Buckets = false
            Remainder = None
            RandomCrop = false
            GradientCheckpointing = false
            Validate = None
            Preview = None
            CacheLatents = false
            CacheTexts = false
            Collages = 0<img>
            Unmix = None
            MaskedLoss = None
            AttendMasks = None
        }

        (start, parts)
        ||> List.fold (fun budget part ->
            match part with
            | TrainPart.Steps value -> { budget with Steps = value }
            | TrainPart.Rate value -> { budget with Rate = value }
            | TrainPart.Batch value -> { budget with Batch = value }
            | TrainPart.Accumulate value -> { budget with Accumulate = value }
            | TrainPart.Warmup value -> { budget with Warmup = value }
            | TrainPart.Schedule value -> { budget with Schedule = value }
            | TrainPart.Size value -> { budget with Budget.Size = value }
            | TrainPart.Seed value -> { budget with Seed = string value }
            | TrainPart.Precision value -> { budget with Precision = value }
            | TrainPart.Device value -> { budget with Device = value }
            | TrainPart.PriorWeight value -> { budget with PriorWeight = value }
            | TrainPart.WeightDecay value -> { budget with WeightDecay = value }
            | TrainPart.ClipNorm 0.0 -> { budget with ClipNorm = None }
            | TrainPart.ClipNorm value -> { budget with ClipNorm = Some value }
            | TrainPart.MinSnr value -> { budget with MinSnr = Some value }
            | TrainPart.Optimiser value -> { budget with Optimiser = value }
            | TrainPart.Loss value -> { budget with Loss = value }
            | TrainPart.Debiased -> { budget with Debiased = true }
            | TrainPart.NoiseOffset value -> { budget with NoiseOffset = value }
            | TrainPart.Perturbation value -> { budget with Perturbation = value }
            | TrainPart.Timesteps(first, last) -> {
                budget with
                    Timesteps = Some(first, last)
              }
            | TrainPart.ZeroTerminalSnr -> { budget with ZeroTerminalSnr = true }
            | TrainPart.Checkpoint value -> { budget with Checkpoint = Some value }
            | TrainPart.Ema value -> { budget with Ema = Some value }
            | TrainPart.CaptionDropout value -> { budget with CaptionDropout = value }
            | TrainPart.Buckets -> { budget with Buckets = true }
            | TrainPart.Remainder value -> { budget with Remainder = Some value }
            | TrainPart.RandomCrop -> { budget with RandomCrop = true }
            | TrainPart.GradientCheckpointing -> {
                budget with
                    GradientCheckpointing = true
              }
            | TrainPart.Validate value -> { budget with Validate = Some value }
            | TrainPart.Preview value -> { budget with Preview = Some value }
            | TrainPart.CacheLatents -> { budget with CacheLatents = true }
            | TrainPart.CacheTexts -> { budget with CacheTexts = true }
            | TrainPart.Collage value -> { budget with Collages = value }
            | TrainPart.Unmix value -> { budget with Unmix = Some value }
            | TrainPart.MaskedLoss value -> { budget with MaskedLoss = Some value }
            | TrainPart.AttendMasks value -> { budget with AttendMasks = Some value })
        |> fun budget ->
            match budget.Validate with
            | None when holdsOut -> {
                budget with
                    Validate = Some(max 1<step> (budget.Steps / 10))
              }
            | _ -> budget

    /// An upscaler follows its small picture, and needs neither guidance nor many tries.
    let private drawing upscales (parts: DrawPart list) =
        let start = {
            Denoise = 20<step>
            Guidance = if upscales then 1.0 else 5.0
            Avoid = ""
            Seeds = if upscales then [ 0 ] else [ 0..3 ]
            Sampler = Ddim
            Rescale = 0.0
            ClipSkip = 0
        }

        (start, parts)
        ||> List.fold (fun drawing part ->
            match part with
            | DrawPart.Denoise value -> { drawing with Denoise = value }
            | DrawPart.Guidance value -> { drawing with Guidance = value }
            | DrawPart.Avoid value -> { drawing with Avoid = value }
            | DrawPart.Seeds values -> { drawing with Seeds = values }
            | DrawPart.Count count -> {
                drawing with
                    Seeds = [ 0 .. int count - 1 ]
              }
            | DrawPart.Sampler value -> { drawing with Sampler = value }
            | DrawPart.Rescale value -> { drawing with Rescale = value }
            | DrawPart.ClipSkip value -> { drawing with ClipSkip = value })

    let collect chooser (recipe: Recipe) =
        recipe.Parts |> List.choose chooser |> List.concat

    let trainParts =
        collect (fun part ->
            match part with
            | RecipePart.Train parts -> Some parts
            | _ -> None)

    let drawParts =
        collect (fun part ->
            match part with
            | RecipePart.Draw parts -> Some parts
            | _ -> None)

    let outputParts =
        collect (fun part ->
            match part with
            | RecipePart.Outputs parts -> Some parts
            | _ -> None)

    let merges =
        collect (fun part ->
            match part with
            | RecipePart.Merge(way, recipes) -> Some [ way, recipes ]
            | _ -> None)

    let private againsts =
        collect (fun part ->
            match part with
            | RecipePart.Against way -> Some [ way ]
            | _ -> None)

    /// The subjects that it learns, and those of what it merges.
    let rec subjects (recipe: Recipe) : Subject list =
        recipe.Parts
        |> List.collect (fun part ->
            match part with
            | RecipePart.Learn subject -> [ subject ]
            | RecipePart.Merge(_, recipes) -> recipes |> List.collect subjects
            | _ -> [])

    let private themes =
        collect (fun part ->
            match part with
            | RecipePart.Data theme -> Some [ theme ]
            | _ -> None)

    /// Subjects, then themes. Class pictures have no part in an upscaler's training, nor in a merge.
    let sources (recipe: Recipe) =
        let written = [
            for each in subjects recipe do
                subject each
            for theme in themes recipe do
                source true theme.Name theme.Parts
        ]

        if recipe.Family = nameof X4 then
            written |> List.map (fun source -> { source with Prior = 0<img> })
        elif not (merges recipe).IsEmpty then
            written
            |> List.map (fun source -> {
                source with
                    Prior = 0<img>
                    HeldOut = ""
                    Masks = ""
                    Beside = []
            })
        else
            written

    let measuringFolders =
        collect (fun part ->
            match part with
            | RecipePart.MeasureOn folder -> Some [ folder ]
            | _ -> None)

    /// An upscaler's held-out pictures, in the form of a source.
    let measuring (recipe: Recipe) =
        measuringFolders recipe
        |> List.tryLast
        |> Option.map (fun folder ->
            source true "measureOn" [ PicturePart.Images folder; PicturePart.Captions(Same "") ])

    let private levels (chooser: RecipePart -> int option) =
        collect (chooser >> Option.map List.singleton)

    let noiseUpTo =
        levels (fun part ->
            match part with
            | RecipePart.NoiseUpTo level -> Some level
            | _ -> None)

    let noiseLevels =
        levels (fun part ->
            match part with
            | RecipePart.NoiseLevel level -> Some level
            | _ -> None)

    let enlargings =
        collect (fun part ->
            match part with
            | RecipePart.Enlarge stage -> Some [ stage ]
            | _ -> None)

    let tunings =
        collect (fun part ->
            match part with
            | RecipePart.Adapt tuning -> Some [ tuning ]
            | _ -> None)

    let controls =
        collect (fun part ->
            match part with
            | RecipePart.Control steering -> Some [ steering ]
            | _ -> None)

    let private samples =
        collect (fun part ->
            match part with
            | RecipePart.Sample prompt -> Some [ prompt ]
            | _ -> None)

    /// Fills in the defaults; the base model's own size is one of them.
    let ofRecipe native (recipe: Recipe) =
        let sources = sources recipe

        {
            Recipe = recipe
            Sources = sources
            Tunings = tunings recipe
            Controls = controls recipe
            Budget =
                budget
                    native
                    (sources |> List.exists (fun s -> s.Prior > 0<img>))
                    (sources |> List.exists (fun s -> s.HeldOut <> ""))
                    (trainParts recipe)
            Drawing = drawing (recipe.Family = nameof X4) (drawParts recipe)
            Samples = samples recipe
            NoiseUpTo = noiseUpTo recipe
            NoiseLevel = noiseLevels recipe |> List.tryLast |> Option.defaultValue 0
            Enlarge = enlargings recipe
            Merges = merges recipe
            Against = againsts recipe
            Outputs =
                ("runs", outputParts recipe)
                ||> List.fold (fun _ part ->
                    match part with
                    | OutputPart.Folder path -> path)
        }
