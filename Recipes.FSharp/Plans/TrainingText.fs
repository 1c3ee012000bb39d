/// The training budget of a plan, as it is read.
module internal Recipes.Plans.TrainingText

open Recipes
open Recipes.Plans.Rows

let private steps (budget: Budget) = [
    let accumulated =
        if budget.Accumulate > 1 then
            $", accumulated over {budget.Accumulate} passes"
        else
            ""

    "train",
    $"""{counted (int64 budget.Steps) "step"} of {pictures (int budget.Batch)} a pass{accumulated}, {budget.Size} px"""

    let optimiser =
        match budget.Optimiser with
        | AdamW -> ""
        | AdamWBFloat16 -> "AdamW with moments in bfloat16, "
        | Lion -> "Lion, "
        | Prodigy -> "Prodigy, "

    let warmup =
        if budget.Warmup > 0<step> then
            $" after {budget.Warmup} warm-up steps"
        else
            ""

    "", $"{optimiser}rate {small budget.Rate}, {budget.Schedule}{warmup}; weight decay {decimal budget.WeightDecay}"
]

let private loss (budget: Budget) =
    joined [
        if budget.PriorWeight > 0.0 then
            $"prior weight {decimal budget.PriorWeight}"
        match budget.ClipNorm with
        | Some norm -> $"gradients clipped to {decimal norm}"
        | None -> "gradients not clipped"
        match budget.MinSnr with
        | Some gamma -> $"min-SNR {decimal gamma}"
        | None -> ()
        if budget.Debiased then
            "debiased weights"
        match budget.Loss with
        | Squared -> ()
        | Huber width -> $"Huber loss of width {decimal width}"
        | SmoothL1 width -> $"smooth L1 loss of width {decimal width}"
    ]

let private noise (budget: Budget) =
    joined [
        if budget.NoiseOffset > 0.0 then
            $"noise offset {decimal budget.NoiseOffset}"
        if budget.Perturbation > 0.0 then
            $"input perturbed by {decimal budget.Perturbation}"
        match budget.Timesteps with
        | Some(first, last) -> $"times {first} to {last} only"
        | None -> ()
        if budget.ZeroTerminalSnr then
            "zero terminal SNR"
    ]

let private computing (budget: Budget) =
    joined [
        $"{budget.Precision} on {budget.Device}"
        $"seed {budget.Seed}"
        match budget.Checkpoint with
        | Some every -> $"a checkpoint every {every} steps"
        | None -> ()
        if budget.GradientCheckpointing then
            "blocks run again for gradients"
    ]

let private data (budget: Budget) =
    joined [
        if budget.Buckets then
            "pictures keep about their shapes"
        if budget.RandomCrop then
            "cut elsewhere at each visit"
        match budget.Remainder with
        | Some Drop -> "what fills no batch is dropped"
        | Some Repeat
        | None -> ()
        if budget.CaptionDropout > 0.0 then
            $"{decimal (100.0 * budget.CaptionDropout)} %% of captions left out"
    ]

let private collages (budget: Budget) = [
    if budget.Collages > 0<img> then
        let apart =
            match budget.Unmix with
            | Some weight -> $", their attention kept apart with weight {decimal weight}"
            | None -> ""

        "", $"""{counted (int64 budget.Collages) "collage"} of two subjects{apart}"""
]

let private caches (budget: Budget) = [
    match budget.CacheLatents, budget.CacheTexts with
    | true, true -> "", "latents and text states kept for other runs"
    | true, false -> "", "latents kept for other runs"
    | false, true -> "", "text states kept for other runs"
    | false, false -> ()
]

let rows (budget: Budget) = [
    yield! steps budget
    yield! loss budget
    yield! noise budget
    yield! computing budget
    yield! data budget
    yield! collages budget
    yield! budget.MaskedLoss |> optional (fun mean -> $"the loss counts masks, {mean}")
    yield!
        budget.AttendMasks
        |> optional (fun weight -> $"attention drawn to masks with weight {decimal weight}")
    yield!
        budget.Ema
        |> optional (fun decay -> $"the result is a running average of decay {decimal decay}")
    yield!
        budget.Validate
        |> optional (fun every -> $"the loss on pictures held out every {every} steps")
    yield! budget.Preview |> optional (fun every -> $"previews every {every} steps")
    yield! caches budget
]

/// Of a plan that trains nothing, what is left of the `train` block.
let untrained (budget: Budget) = [
    "train", "nothing"
    "", $"{budget.Size} px, {budget.Precision} on {budget.Device}"
]
