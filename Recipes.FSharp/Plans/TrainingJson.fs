/// The training budget of a plan, as JSON. What is kept for other runs changes no result, and is no part of it.
module internal Recipes.Plans.TrainingJson

open Recipes

let json (budget: Budget) =
    Json.Object [
        "steps", Json.whole (int budget.Steps)
        "rate", Json.Number budget.Rate
        "batch", Json.whole (int budget.Batch)
        "accumulate", Json.whole budget.Accumulate
        "warmup", Json.whole (int budget.Warmup)
        "schedule", Json.Text(string budget.Schedule)
        "size", Json.whole (int budget.Size)
        "seed", Json.Text budget.Seed
        "precision", Json.Text(string budget.Precision)
        "device", Json.Text(string budget.Device)
        "priorWeight", Json.Number budget.PriorWeight
        "weightDecay", Json.Number budget.WeightDecay
        "clipNorm", budget.ClipNorm |> Json.orNull Json.Number
        "minSnr", budget.MinSnr |> Json.orNull Json.Number
        "optimiser", Json.Text(string budget.Optimiser)
        "loss", Json.Text(string budget.Loss)
        "debiased", Json.Bool budget.Debiased
        "noiseOffset", Json.Number budget.NoiseOffset
        "perturbation", Json.Number budget.Perturbation
        "timesteps",
        budget.Timesteps
        |> Json.orNull (fun (first, last) -> Json.List [ Json.whole first; Json.whole last ])
        "zeroTerminalSnr", Json.Bool budget.ZeroTerminalSnr
        "checkpoint", budget.Checkpoint |> Json.orNull (int >> Json.whole)
        "ema", budget.Ema |> Json.orNull Json.Number
        "captionDropout", Json.Number budget.CaptionDropout
        "buckets", Json.Bool budget.Buckets
        "remainder", budget.Remainder |> Json.orNull (string >> Json.Text)
        "randomCrop", Json.Bool budget.RandomCrop
        if budget.GradientCheckpointing then
            "gradientCheckpointing", Json.Bool true
        "validate", budget.Validate |> Json.orNull (int >> Json.whole)
        "preview", budget.Preview |> Json.orNull (int >> Json.whole)
        if budget.Collages > 0<img> then
            "collages", Json.whole (int budget.Collages)
        yield! budget.Unmix |> Json.optional "unmix" Json.Number
        yield! budget.MaskedLoss |> Json.optional "maskedLoss" (string >> Json.Text)
        yield! budget.AttendMasks |> Json.optional "attendMasks" Json.Number
    ]
