/// What a plan trains, as it is read.
module internal Recipes.Plans.MethodText

open Recipes
open Recipes.Plans.Rows

let private lora (lora: PlannedLora) = [
    let alpha =
        match lora.Alpha with
        | Some alpha -> $"alpha {decimal alpha}"
        | None -> "alpha as the rank"

    let dropout =
        if lora.Dropout > 0.0 then
            $", dropout {decimal lora.Dropout}"
        else
            ""

    let initial =
        match lora.Share, lora.Initial with
        | Some share, _ -> $", share {share} of the common basis"
        | None, Kaiming -> ""
        | None, (Gaussian | RightAngles as kind) -> $", from {kind} values"

    "adapt", $"{lora.Kind} of rank {lora.Rank}, {alpha}{dropout}{initial}"

    let ranks =
        match lora.Layers |> List.countBy _.Rank with
        | [ _ ] -> ""
        | several ->
            let shown = several |> List.map (fun (rank, count) -> $"{count} of rank {rank}")
            $", {listed shown}"

    let targets = listed (lora.Targets |> List.map string)

    "",
    $"""on {targets}: {counted (int64 lora.Layers.Length) "layer"}{ranks}, {large lora.Parameters} trained parameters"""
]

let private vectors (vectors: PlannedVectors) = [
    "adapt",
    $"""{counted (int64 vectors.Count) "new vector"} for `{vectors.Token}`, starting from "{vectors.StartFrom}" """
        .TrimEnd()

    "", $"in captions about {vectors.Templates}: {large vectors.Parameters} trained parameters"
]

let private weights what (weights: PlannedWeights) = [
    "adapt", what

    if weights.Text > 0L then
        "", $"and the text encoder's, {large weights.Text}"

    let targets =
        match weights.Targets with
        | [] -> ""
        | targets -> $"{listed (targets |> List.map string)}: "

    let layers =
        match weights.Layers with
        | None -> "all of it"
        | Some layers -> counted (int64 layers.Length) "layer"

    "", $"{targets}{layers}, {large weights.Parameters} trained parameters"
]

let private merge (merge: PlannedMerge) = [
    let against =
        match merge.Against with
        | Some way -> $", beside the {way}"
        | None -> ""

    let into = if merge.IsKeys then "keys and values" else "one adapter"
    "merge", $"by {merge.Way}{against}, into {into}"
]

let rows (way: PlannedMethod) =
    match way with
    | PlannedMethod.LowRank adapter -> lora adapter
    | PlannedMethod.Vectors token -> vectors token
    | PlannedMethod.KeysAndValues keys -> [
        yield! weights "keys and values of the attention to the prompt" keys.Weights

        for token in keys.Tokens do
            "", $"and a new vector for `{token.Token}`, starting from \"{token.StartFrom}\""
      ]
    | PlannedMethod.Weights chosen -> weights "the UNet's own weights" chosen
    | PlannedMethod.Merge parts -> merge parts
    | PlannedMethod.Control net -> [
        "adapt", $"a ControlNet for {net.Kind} hints, {large net.Parameters} trained parameters"
      ]
    | PlannedMethod.Nothing -> []
