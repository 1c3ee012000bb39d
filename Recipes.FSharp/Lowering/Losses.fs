/// What a plan's training makes small.
module internal Recipes.Lowering.Losses

open Recipes
open Recipes.Core.Training
open Recipes.Core.Training.Subjects

let private error (loss: Loss) =
    match loss with
    | Squared -> ErrorOptions()
    | Huber width -> ErrorOptions(Kind = ErrorKind.Huber, Width = width)
    | SmoothL1 width -> ErrorOptions(Kind = ErrorKind.SmoothL1, Width = width)

let diffusion (budget: Budget) =
    DiffusionLossOptions(
        MinSnrGamma = Option.toNullable budget.MinSnr,
        Debiased = budget.Debiased,
        Error = error budget.Loss
    )

let masked (budget: Budget) : MaskedLossOptions | null =
    match budget.MaskedLoss with
    | Some PerArea -> MaskedLossOptions(Normalisation = MaskNormalisation.PerArea)
    | Some PerPixel -> MaskedLossOptions(Normalisation = MaskNormalisation.PerPixel)
    | None -> null

/// Whether a loss looks at where the attention to each subject lies.
let watchAttention (budget: Budget) =
    budget.AttendMasks.IsSome || budget.Unmix.IsSome

/// Attention maps of 16 x 16, as Break-A-Scene looks at, or the nearest to it that networks have.
let private factors (budget: Budget) : int array = [|
    match int budget.Size / 8 with
    | side when side >= 64 -> 4
    | side when side >= 32 -> 2
    | _ -> 1
|]

let ofAttention (budget: Budget) : IAuxiliaryLoss array = [|
    match budget.AttendMasks with
    | Some weight -> AttentionMaskLoss(Weight = weight, Factors = factors budget)
    | None -> ()
    match budget.Unmix with
    | Some weight -> UnmixLoss(Weight = weight, Factors = factors budget)
    | None -> ()
|]
