/// The most memory that a run holds, estimated from the shapes in the model's files.
module internal Recipes.Checks.Memory

open System.Collections.Generic
open Recipes
open Recipes.Core.Costs
open Recipes.Core.Weights

/// Pictures drawn together. The same pictures in other batches may differ in their last bit, so it is fixed.
let together = 4

let private core (layer: BaseLayer) =
    LayerInfo(layer.Name, layer.Component, int64 layer.In, int64 layer.Out, int64 layer.Kernel, layer.Biased)

/// The base model's precision, in the terms of the core.
let precision (budget: Budget) =
    match budget.Precision with
    | Float32 -> Recipes.Core.Training.Precision.Float32
    | BFloat16 -> Recipes.Core.Training.Precision.BFloat16

/// Bytes that the optimiser remembers of each trained number.
let state (optimiser: Optimiser) =
    match optimiser with
    | AdamW -> 8L
    | AdamWBFloat16
    | Lion -> 4L
    | Prodigy -> 16L

/// How many numbers the tuning trains.
let trained (draft: Draft) (tuning: Tuning) (model: BaseFacts) =
    match tuning.Method with
    | Adapter(_, rank) -> Targets.adapted rank tuning model.Layers |> List.sumBy _.Parameters
    | NewVectors count -> int64 count * int64 model.TextWidth
    | ControlNetwork _ -> ControlSize.parameters model.Layers
    | KeysAndValues ->
        int64 draft.Subjects.Length * int64 model.TextWidth
        + Targets.ownParameters tuning model
    | Everything -> Targets.ownParameters tuning model

/// The UNet's layers that keep their inputs for a gradient of their own, or of an adapter on them.
let private learning (tuning: Tuning) (model: BaseFacts) =
    match tuning.Method with
    | Adapter(_, rank) -> Targets.adapted rank tuning model.Layers |> List.map _.Layer
    | NewVectors _ -> []
    // The way up only passes the gradient on.
    | ControlNetwork _ ->
        model.Layers
        |> List.filter (fun layer -> not (layer.Name.StartsWith "up_blocks."))
    | KeysAndValues
    | Everything -> Targets.trained tuning model.Layers |> Option.defaultValue model.Layers
    |> List.filter (fun layer -> layer.Component = "unet")

/// The model at work, with so many numbers beside its own.
let private place (budget: Budget) (model: BaseFacts) beside =
    let side = int64 budget.Size / int64 model.Factor

    Workplace(
        UNet = [|
            for layer in model.Layers do
                if layer.Component = "unet" then
                    core layer
        |],
        Parameters = model.Parameters + beside,
        Height = side,
        Width = side,
        Precision = precision budget,
        Cuda = (budget.Device <> Cpu)
    )

/// What the training holds.
let training (draft: Draft) (budget: Budget) (model: BaseFacts) (tuning: Tuning) : MemoryParts =
    let copies =
        if draft.Sources |> List.exists (fun source -> source.Prior > 0<img>) then
            2L
        else
            1L

    let beside =
        match tuning.Method with
        | Adapter _
        | NewVectors _
        | ControlNetwork _ -> true
        | KeysAndValues
        | Everything -> false

    TrainingMemory(
        Place = place budget model 0L,
        Pictures = copies * int64 budget.Batch,
        Trained = HashSet [ for layer in learning tuning model -> layer.Name ],
        Parameters = trained draft tuning model,
        Beside = beside,
        MomentBytes = state budget.Optimiser,
        WideGradients =
            (match budget.Optimiser with
             | AdamW
             | AdamWBFloat16 -> budget.Device = Cpu
             | Lion
             | Prodigy -> false),
        Averaged = budget.Ema.IsSome,
        Checkpointing = budget.GradientCheckpointing
    )
        .Estimate()

/// What drawing samples and class pictures holds.
let drawing (draft: Draft) (budget: Budget) (model: BaseFacts) : MemoryParts =
    let pictures =
        if draft.Sources |> List.exists (fun source -> source.Prior > 0<img>) then
            together
        else
            min together (draft.Samples.Length * draft.Drawing.Seeds.Length)

    let nets = int64 draft.Controls.Length

    let beside =
        if nets = 0L then
            0L
        else
            nets * ControlSize.parameters model.Layers

    DrawingMemory(
        Place = place budget model beside,
        Vae = [| for layer in model.VaeLayers -> core layer |],
        Rows = int64 pictures * (if draft.Drawing.Guidance > 1.0 then 2L else 1L),
        Factor = int64 model.Factor
    )
        .Estimate()

/// The most that a run with this budget holds at once; without a tuning it draws only.
let most (draft: Draft) (budget: Budget) (model: BaseFacts) (tuning: Tuning option) : int64 =
    let trained =
        match tuning with
        | Some tuning -> (training draft budget model tuning).Total
        | None -> 0L

    if draft.Upscales || draft.Samples.IsEmpty then
        trained
    else
        max trained (drawing draft budget model).Total
