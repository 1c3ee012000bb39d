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

[<RequireQualifiedAccess>]
module internal Budget =
    /// Fills in the defaults of a base model of a native size, with class pictures or without, with pictures held out or
    /// without.
    let ofParts native hasPrior holdsOut (parts: TrainPart list) =
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
