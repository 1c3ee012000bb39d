/// D: settings that quietly train nothing, or the wrong thing.
module internal Recipes.Checks.Optimisation

open Recipes

/// Networks of a few million weights are trained with larger steps than those of Stable Diffusion, 860 million and more.
let private small = 100_000_000L

let findings (draft: Draft) (facts: Facts) = [
    let budget = draft.Budget

    for tuning in draft.Tunings do
        let least, most, usual, what =
            match tuning.Method with
            | Adapter(kind, _) when facts.Base |> Option.exists (fun model -> model.UNetParameters < small) ->
                1e-5, 5e-3, "1e-4", $"a {kind} of a small model"
            | Adapter(kind, _) -> 1e-5, 1e-3, "1e-4", $"a {kind}"
            | NewVectors _ -> 1e-4, 1e-2, "5e-3", "new vectors"
            | ControlNetwork _ when facts.Base |> Option.exists (fun model -> model.UNetParameters < small) ->
                1e-5, 2e-3, "5e-4", "a small ControlNet"
            | ControlNetwork _ -> 1e-6, 1e-4, "1e-5", "a ControlNet"
            | KeysAndValues
            | Everything when facts.Base |> Option.exists (fun model -> model.UNetParameters < small) ->
                1e-5, 1e-3, "1e-4", "the weights of a small model"
            | KeysAndValues -> 1e-6, 1e-4, "1e-5", "keys and values"
            | Everything -> 5e-7, 1e-5, "5e-6", "a model's own weights"

        let least, most, usual, what =
            match budget.Optimiser with
            | AdamW
            | AdamWBFloat16 -> least, most, usual, what
            | Lion -> least / 10.0, most / 2.0, Problems.small (float usual / 3.0), $"{what} with Lion"
            | Prodigy -> 0.1, 10.0, "1.0", "Prodigy, which finds its own"

        if budget.Rate > 0.0 && (budget.Rate < least || budget.Rate > most) then
            warning
                "D25"
                "train.rate"
                $"{budget.Rate:G3} is unusual for {what} (usual: {Problems.small least} to {Problems.small most})"
                $"Write `rate {usual}`, unless you know better."

    if budget.Steps > 0<step> then
        if budget.Warmup >= budget.Steps then
            error
                "D26"
                "train.warmup"
                $"the warm-up of {budget.Warmup} steps is as long as the training of {budget.Steps}, so the rate is never reached"
                $"Write `warmup {budget.Steps / 10}<step>`."

        match budget.Schedule with
        | CosineRestarts cycles when cycles > int (budget.Steps - budget.Warmup) && budget.Warmup < budget.Steps ->
            error
                "D26"
                "train.schedule"
                $"{cycles} restarts do not fit into the {budget.Steps - budget.Warmup} steps after the warm-up"
                "Write fewer restarts, or more steps."
        | CosineRestarts _
        | Constant
        | Linear
        | Cosine -> ()

        match budget.Checkpoint with
        | Some every when every > budget.Steps ->
            warning
                "D26"
                "train.checkpoint"
                $"every {every} steps is never, in a training of {budget.Steps}"
                "Write a smaller number, or leave the line out."
        | _ -> ()

    match budget.MinSnr with
    | Some gamma when not (gamma > 0.0 && System.Double.IsFinite gamma) ->
        error "D30" "train.minSnr" $"gamma {gamma} switches training off" "Write `minSnr 5.0`, or leave the line out."
    | Some _ when budget.Debiased ->
        error
            "D30"
            "train.debiased"
            "min-SNR and debiased weights exclude each other"
            "Keep one of `minSnr` and `debiased`."
    | _ -> ()

    match facts.Base with
    | Some model when budget.ZeroTerminalSnr && model.Prediction <> "v_prediction" ->
        error
            "C18"
            "train.zeroTerminalSnr"
            $"{draft.Recipe.Model} predicts {model.Prediction}, of which nothing can be found where all is noise"
            "Leave the line out, or choose a model that predicts v."
    | _ -> ()

    let withPrior, without =
        draft.Sources |> List.partition (fun subject -> subject.Prior > 0<img>)

    if withPrior.IsEmpty && budget.PriorWeight > 0.0 then
        error
            "D31"
            "train.priorWeight"
            $"{budget.PriorWeight} weighs class pictures, but no subject has any"
            "Add the line `prior 100<img>` to the subject, or leave `priorWeight` out."
    elif not withPrior.IsEmpty && budget.PriorWeight = 0.0 then
        error
            "D31"
            "train.priorWeight"
            $"0 leaves the class pictures of {withPrior |> List.map _.Noun |> listed} without use"
            "Write `priorWeight 1.0`, or remove `prior`."
    elif not withPrior.IsEmpty && not without.IsEmpty then
        error
            "D31"
            without.Head.At
            $"has no class pictures, while the {withPrior.Head.Noun} has {withPrior.Head.Prior}"
            "Give every subject a `prior`, or none."
]
