/// How a plan follows its gradients.
module internal Recipes.Lowering.Optimisation

open System
open Recipes
open Recipes.Core.Training

let schedule (schedule: Schedule) : RateShape * Nullable<float> =
    match schedule with
    | Constant -> RateShape.Constant, Nullable()
    | Linear -> RateShape.Linear, Nullable()
    | Cosine -> RateShape.Cosine, Nullable()
    | CosineRestarts cycles -> RateShape.CosineWithRestarts, Nullable(float cycles)

let optimiser (budget: Budget) : OptimiserOptions =
    match budget.Optimiser with
    | AdamW -> AdamWOptions(WeightDecay = budget.WeightDecay)
    | AdamWBFloat16 -> AdamWOptions(WeightDecay = budget.WeightDecay, Moments = Precision.BFloat16)
    | Lion -> LionOptions(WeightDecay = budget.WeightDecay)
    | Prodigy ->
        ProdigyOptions(
            WeightDecay = budget.WeightDecay,
            BiasCorrection = true,
            SafeguardWarmUp = (budget.Warmup > 0<step>)
        )

/// Steps between checkpoints: a tenth of the work is the most that a power cut may cost.
let checkpoint (budget: Budget) : int64 =
    budget.Checkpoint
    |> Option.defaultValue (max 1<step> (budget.Steps / 10))
    |> int64
