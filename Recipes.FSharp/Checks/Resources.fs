/// E: memory and disk.
module internal Recipes.Checks.Resources

open Recipes

/// Bytes of so many trained numbers in 32 bits.
let resultBytes (parameters: int64) = 4L * parameters

/// Bytes of a checkpoint: the trained numbers and the optimiser's state.
let checkpointBytes (optimiser: Optimiser) (parameters: int64) =
    resultBytes parameters + Memory.state optimiser * parameters

/// Bytes of the running average of what is trained, in memory and in a checkpoint.
let averageBytes (budget: Budget) (parameters: int64) =
    if budget.Ema.IsSome then resultBytes parameters else 0L

/// What CUDA itself takes of a device beside what is asked for: its context and the loaded kernels.
let private context = 500_000_000L

/// The bytes that a run may hold where it computes, and what that is called; nothing where it is not known.
let private room (draft: Draft) (facts: Facts) =
    match draft.Budget.Device with
    | Cpu -> Some(facts.Memory, "there are")
    | Cuda _ as device -> facts.DeviceMemory |> Option.map (fun all -> all - context, $"{device} has")

/// A line to add or to change, and the budget with it.
type private Change = { Line: string; Of: Budget -> Budget }

/// Ways to less memory that change neither the model nor the pictures, the cheapest in time first.
let private lighter (budget: Budget) (tuning: Tuning option) = [
    if
        not budget.GradientCheckpointing
        && tuning
           |> Option.exists (fun tuning -> not (tuning.Parts |> List.exists _.IsDropout))
    then
        {
            Line = "gradientCheckpointing"
            Of =
                fun budget -> {
                    budget with
                        GradientCheckpointing = true
                }
        }

    if budget.Precision = Float32 then
        {
            Line = "precision BFloat16"
            Of = fun budget -> { budget with Precision = BFloat16 }
        }

    if tuning.IsSome && budget.Optimiser = AdamW then
        {
            Line = "optimiser AdamWBFloat16"
            Of =
                fun budget -> {
                    budget with
                        Optimiser = AdamWBFloat16
                }
        }
]

/// Smaller batches, the largest first.
let private batches (budget: Budget) (tuning: Tuning option) = [
    for batch in (if tuning.IsSome then int budget.Batch - 1 else 0) .. -1 .. 1 do
        {
            Line = $"batch {batch}<img>"
            Of =
                fun budget -> {
                    budget with
                        Budget.Batch = batch * 1<img>
                }
        }
]

/// Smaller pictures, the largest first, down to half.
let private sizes (budget: Budget) (model: BaseFacts) =
    let multiple = max 1 (int model.Multiple)

    [
        for count in int budget.Size / multiple - 1 .. -1 .. int budget.Size / (2 * multiple) do
            if count > 0 then
                {
                    Line = $"size {count * multiple}<px>"
                    Of =
                        fun budget -> {
                            budget with
                                Budget.Size = count * multiple * 1<px>
                        }
                }
    ]

/// What would fit, as a sentence: each change that is enough by itself, or else as many together as it takes.
let private cure (draft: Draft) (model: BaseFacts) (tuning: Tuning option) (fits: int64 -> bool) =
    let needs (changes: Change list) =
        (draft.Budget, changes)
        ||> List.fold (fun budget change -> change.Of budget)
        |> fun budget -> Memory.most draft budget model tuning

    let enough changes = fits (needs changes)

    let first changes =
        changes |> List.tryFind (fun change -> enough [ change ])

    let alone =
        (lighter draft.Budget tuning |> List.filter (fun change -> enough [ change ]))
        @ (List.choose first [ batches draft.Budget tuning; sizes draft.Budget model ])

    let said (changes: Change list) =
        changes |> List.map (fun change -> $"`{change.Line}`") |> listed

    match alone with
    | [] ->
        let all =
            lighter draft.Budget tuning
            @ (batches draft.Budget tuning |> List.rev |> List.truncate 1)

        let together =
            Seq.append
                (Seq.init all.Length (fun count -> List.truncate (count + 1) all))
                (sizes draft.Budget model |> Seq.map (fun size -> all @ [ size ]))
            |> Seq.filter (fun changes -> changes.Length > 1)
            |> Seq.tryFind enough

        match together with
        | Some changes -> $"{said changes} together would fit, with about {bytes (needs changes)}."
        | None -> "Nothing that can be written here makes it fit: choose a smaller base model, or use a larger machine."
    | [ change ] -> $"`{change.Line}` would fit, with about {bytes (needs [ change ])}."
    | changes ->
        let each =
            changes
            |> List.map (fun change -> $"`{change.Line}` ({bytes (needs [ change ])})")

        $"Each of these would fit: {listed each}."

/// E33: what the run holds at once fits where it computes.
let private memory (draft: Draft) (facts: Facts) (model: BaseFacts) = [
    let tuning = List.tryHead draft.Tunings
    let needed = Memory.most draft draft.Budget model tuning

    match room draft facts with
    | Some(room, there) when needed > room ->
        error
            "E33"
            (if tuning.IsSome then "train" else "draw")
            $"needs about {bytes needed} of memory, and {there} {bytes (max 0L room)}"
            (cure draft model tuning (fun needed -> needed <= room))
    | _ -> ()
]

/// E34: what the run writes fits on the disk.
let private disk (draft: Draft) (facts: Facts) (model: BaseFacts) = [
    match facts.FreeDisk, draft.Tunings with
    | Some free, [ tuning ] ->
        let parameters = Memory.trained draft tuning model

        // A checkpoint is written in full before the one before it is removed.
        let needed =
            resultBytes parameters
            + 2L
              * (checkpointBytes draft.Budget.Optimiser parameters
                 + averageBytes draft.Budget parameters)

        if needed > free then
            error
                "E34"
                "outputs"
                $"needs at least {bytes needed} of disk, and {bytes free} are free"
                "Free some, or choose another disk with `outputs { folder \"...\" }`."
    | _ -> ()
]

let findings (draft: Draft) (facts: Facts) = [
    match facts.Base with
    | Some model when draft.Tunings.Length < 2 ->
        yield! memory draft facts model
        yield! disk draft facts model
    | _ -> ()
]
