/// E: memory and disk.
module internal Recipes.Checks.Resources

open Recipes

/// Bytes of the adapter in 32 bits.
let adapterBytes (layers: AdaptedLayer list) =
    4L * (layers |> List.sumBy _.Parameters)

/// Bytes of a checkpoint: the adapter and both moments of AdamW.
let checkpointBytes (layers: AdaptedLayer list) = 3L * adapterBytes layers

/// Bytes that training holds at the very least: the base model, and four copies of the adapter (weights, gradients and
/// two moments). Activations come on top and are not counted.
let leastMemory (precision: Precision) (model: BaseFacts) (layers: AdaptedLayer list) =
    let each =
        match precision with
        | Float32 -> 4L
        | BFloat16 -> 2L

    each * model.Parameters + 4L * adapterBytes layers

let findings (draft: Draft) (facts: Facts) = [
    match facts.Base, draft.Tunings with
    | Some model, [ tuning ] ->
        let layers = Targets.adapted tuning model.Layers
        let needed = leastMemory draft.Budget.Precision model layers

        if draft.Budget.Device = Cpu && needed > facts.Memory then
            error
                "E33"
                "train"
                $"needs at least {bytes needed} of memory, and there are {bytes facts.Memory}"
                "Write `precision BFloat16`, choose a smaller base model, or use a larger machine."

        // A checkpoint is written in full before the one before it is removed.
        let disk = adapterBytes layers + 2L * checkpointBytes layers

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
