/// The parts of the model that a plan trains.
module internal Recipes.Lowering.Parts

open System.Collections.Generic
open Recipes
open Recipes.Core.Adapters
open Recipes.Core.Networks
open Recipes.Core.Training

/// The adapter of the UNet or of the text encoders, whose layers have the same names in each; nothing where the plan
/// changes none of its layers.
let lora (lora: PlannedLora) (network: string) : LoraOptions option =
    match
        lora.Layers
        |> List.filter (fun adapted -> adapted.Layer.Component.StartsWith network)
        |> List.distinctBy _.Layer.Name
    with
    | [] -> None
    | layers ->
        Some(
            LoraOptions(
                Rank = int lora.Rank,
                Dora = lora.Kind.IsDoRA,
                Alpha = Option.toNullable lora.Alpha,
                Dropout = lora.Dropout,
                Initialisation =
                    (match lora.Initial with
                     | Kaiming -> LoraInitialisation.Kaiming
                     | Gaussian -> LoraInitialisation.Gaussian
                     | RightAngles -> LoraInitialisation.Orthogonal),
                Share = Option.toNullable lora.Share,
                Targets = [| for adapted in layers -> adapted.Layer.Name |],
                Ranks = [|
                    for adapted in layers do
                        if adapted.Rank <> lora.Rank then
                            KeyValuePair(adapted.Layer.Name, int adapted.Rank)
                |]
            )
        )

let private weights (weights: PlannedWeights) tokens =
    TrainedParts(
        UNetWeights =
            (match weights.Layers with
             | None -> TrainedParts.Everything
             | Some layers -> [| for layer in layers -> layer.Name |]),
        TextWeights =
            (Some TrainedParts.Everything
             |> Option.filter (fun _ -> weights.Text > 0L)
             |> Option.toObj),
        Tokens = tokens
    )

/// All of them; `net` is the ControlNet of a plan that trains one.
let trained (plan: Plan) (net: ControlNetModel option) =
    match plan.Method with
    | PlannedMethod.LowRank adapter ->
        TrainedParts(
            UNetLora = (lora adapter "unet" |> Option.toObj),
            TextLora = (lora adapter "text_encoder" |> Option.toObj)
        )
    | PlannedMethod.KeysAndValues keys ->
        weights keys.Weights [|
            for token in keys.Tokens -> NewToken(Token = token.Token, Initialiser = token.StartFrom)
        |]
    | PlannedMethod.Weights chosen -> weights chosen [||]
    | PlannedMethod.Control _ -> TrainedParts(ControlNet = Option.toObj net)
    | PlannedMethod.Merge _
    | PlannedMethod.Nothing -> invalidArg (nameof plan) "nothing is trained"
    | PlannedMethod.Vectors vectors ->
        TrainedParts(
            Tokens = [|
                NewToken(Token = vectors.Token, Initialiser = vectors.StartFrom, Vectors = int vectors.Count)
            |]
        )
