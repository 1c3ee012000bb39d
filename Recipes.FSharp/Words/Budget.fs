namespace Recipes

/// The numbers that the base model computes with while it trains; the adapter itself is always in 32 bits.
type Precision =
    | Float32
    | BFloat16

    override precision.ToString() =
        match precision with
        | Float32 -> "float32"
        | BFloat16 -> "bfloat16"

/// What computes.
type Device =
    | Cpu
    | Cuda of index: int

    override device.ToString() =
        match device with
        | Cpu -> "cpu"
        | Cuda index -> $"cuda:{index}"

/// How the learning rate moves after the warm-up.
type Schedule =
    | Constant
    /// Down to zero in a straight line.
    | Linear
    /// Down to zero along half a cosine.
    | Cosine
    /// The same, several times over.
    | CosineRestarts of cycles: int

    override schedule.ToString() =
        match schedule with
        | Constant -> "constant"
        | Linear -> "linear"
        | Cosine -> "cosine"
        | CosineRestarts cycles -> $"cosine-restarts:{cycles}"

/// What follows the gradients.
type Optimiser =
    /// Adam with decoupled weight decay (arXiv 1711.05101).
    | AdamW
    /// The same with moments in 16 bits, which halves its state.
    | AdamWBFloat16
    /// Steps of one size in the sign's direction, with one moment (arXiv 2302.06675); wants a third of AdamW's rate.
    | Lion
    /// Adam that finds its own rate (arXiv 2306.06101); `rate` is a factor, usually 1.
    | Prodigy

    override optimiser.ToString() =
        match optimiser with
        | AdamW -> "adamw"
        | AdamWBFloat16 -> "adamw-bfloat16"
        | Lion -> "lion"
        | Prodigy -> "prodigy"

/// How errors count in the loss.
type Loss =
    /// By their squares.
    | Squared
    /// By their squares near zero and by their sizes from a width on, which shrinks with the noise (arXiv 2403.16728).
    | Huber of width: float
    /// The same, divided by the width.
    | SmoothL1 of width: float

    override loss.ToString() =
        match loss with
        | Squared -> "squared"
        | Huber width -> $"huber:{width}"
        | SmoothL1 width -> $"smooth-l1:{width}"

/// What becomes of pictures that fill no batch of their shape.
type Remainder =
    /// Pictures that were seen already complete the batch.
    | Repeat
    /// They are left out, others each time.
    | Drop

    override remainder.ToString() =
        match remainder with
        | Repeat -> "repeat"
        | Drop -> "drop"

/// What a loss that counts pixels by masks is a mean over.
type MaskMean =
    /// Over the mask's area: a small subject counts as much as a large one.
    | PerArea
    /// Over all pixels: a subject counts by its size.
    | PerPixel

    override mean.ToString() =
        match mean with
        | PerArea -> "per-area"
        | PerPixel -> "per-pixel"

/// A line of the training budget.
[<RequireQualifiedAccess>]
type TrainPart =
    | Steps of int<step>
    | Rate of float
    | Batch of int<img>
    | Accumulate of int
    | Warmup of int<step>
    | Schedule of Schedule
    | Size of int<px>
    | Seed of int
    | Precision of Precision
    | Device of Device
    | PriorWeight of float
    | WeightDecay of float
    | ClipNorm of float
    | MinSnr of float
    | Optimiser of Optimiser
    | Loss of Loss
    | Debiased
    | NoiseOffset of float
    | Perturbation of float
    | Timesteps of first: int * last: int
    | ZeroTerminalSnr
    | Checkpoint of int<step>
    | Ema of decay: float
    | CaptionDropout of share: float
    | Buckets
    | Remainder of Remainder
    | RandomCrop
    | Validate of every: int<step>
    | Preview of every: int<step>
    | CacheLatents
    | CacheTexts
    | Collage of int<img>
    | Unmix of weight: float
    | MaskedLoss of MaskMean
    | AttendMasks of weight: float
    | GradientCheckpointing

    /// The word that writes this line.
    member part.Word =
        match part with
        | Steps _ -> "steps"
        | Rate _ -> "rate"
        | Batch _ -> "batch"
        | Accumulate _ -> "accumulate"
        | Warmup _ -> "warmup"
        | Schedule _ -> "schedule"
        | Size _ -> "size"
        | Seed _ -> "seed"
        | Precision _ -> "precision"
        | Device _ -> "device"
        | PriorWeight _ -> "priorWeight"
        | WeightDecay _ -> "weightDecay"
        | ClipNorm _ -> "clipNorm"
        | MinSnr _ -> "minSnr"
        | Optimiser _ -> "optimiser"
        | Loss _ -> "loss"
        | Debiased -> "debiased"
        | GradientCheckpointing -> "gradientCheckpointing"
        | NoiseOffset _ -> "noiseOffset"
        | Perturbation _ -> "perturbation"
        | Timesteps _ -> "timesteps"
        | ZeroTerminalSnr -> "zeroTerminalSnr"
        | Checkpoint _ -> "checkpoint"
        | Ema _ -> "ema"
        | CaptionDropout _ -> "captionDropout"
        | Buckets -> "buckets"
        | Remainder _ -> "remainder"
        | RandomCrop -> "randomCrop"
        | Validate _ -> "validate"
        | Preview _ -> "preview"
        | CacheLatents -> "cacheLatents"
        | CacheTexts -> "cacheTexts"
        | Collage _ -> "collage"
        | Unmix _ -> "unmix"
        | MaskedLoss _ -> "maskedLoss"
        | AttendMasks _ -> "attendMasks"
