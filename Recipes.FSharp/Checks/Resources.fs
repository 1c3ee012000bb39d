/// E: memory and disk.
module internal Recipes.Checks.Resources

open Recipes

/// Bytes of so many trained numbers in 32 bits.
let resultBytes (parameters: int64) = 4L * parameters

/// Bytes that the optimiser remembers of each trained number.
let private state (optimiser: Optimiser) =
    match optimiser with
    | AdamW -> 8L
    | AdamWBFloat16
    | Lion -> 4L
    | Prodigy -> 16L

/// Bytes of a checkpoint: the trained numbers and the optimiser's state.
let checkpointBytes (optimiser: Optimiser) (parameters: int64) =
    resultBytes parameters + state optimiser * parameters

/// Bytes of the running average of what is trained, in memory and in a checkpoint.
let averageBytes (budget: Budget) (parameters: int64) =
    if budget.Ema.IsSome then resultBytes parameters else 0L

/// Bytes that training holds at the very least: the base model, and what is trained with its gradients and the
/// optimiser's state. Activations come on top and are not counted.
let leastMemory (budget: Budget) (model: BaseFacts) (parameters: int64) =
    let each =
        match budget.Precision with
        | Float32 -> 4L
        | BFloat16 -> 2L

    each * model.Parameters
    + 2L * resultBytes parameters
    + averageBytes budget parameters
    + state budget.Optimiser * parameters

/// How many numbers the tuning trains.
let private trained (draft: Draft) (tuning: Tuning) (model: BaseFacts) =
    match tuning.Method with
    | Adapter(_, rank) -> Targets.adapted rank tuning model.Layers |> List.sumBy _.Parameters
    | NewVectors count -> int64 count * int64 model.TextWidth
    | ControlNetwork _ -> ControlSize.parameters model.Layers
    | KeysAndValues ->
        let layers = Targets.trained tuning model.Layers |> Option.defaultValue []

        int64 draft.Subjects.Length * int64 model.TextWidth
        + (layers |> List.sumBy _.Parameters)
    | Everything ->
        match Targets.trained tuning model.Layers with
        | None -> model.UNetParameters
        | Some layers -> layers |> List.sumBy _.Parameters

let findings (draft: Draft) (facts: Facts) = [
    match facts.Base, draft.Tunings with
    | Some model, [ tuning ] ->
        let parameters = trained draft tuning model
        let needed = leastMemory draft.Budget model parameters

        if draft.Budget.Device = Cpu && needed > facts.Memory then
            error
                "E33"
                "train"
                $"needs at least {bytes needed} of memory, and there are {bytes facts.Memory}"
                "Write `precision BFloat16`, choose a smaller base model, or use a larger machine."

        // A checkpoint is written in full before the one before it is removed.
        let disk =
            resultBytes parameters
            + 2L
              * (checkpointBytes draft.Budget.Optimiser parameters
                 + averageBytes draft.Budget parameters)

        match facts.FreeDisk with
        | Some free when disk > free ->
            error
                "E34"
                "outputs"
                $"needs at least {bytes disk} of disk, and {bytes free} are free"
                "Free some, or choose another disk with `outputs { folder \"...\" }`."
        | _ -> ()
    | _ -> ()
]
