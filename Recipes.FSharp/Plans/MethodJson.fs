/// What a plan trains, as JSON.
module internal Recipes.Plans.MethodJson

open Recipes

let private lora (lora: PlannedLora) =
    Json.Object [
        "method", Json.Text((string lora.Kind).ToLowerInvariant())
        "rank", Json.whole (int lora.Rank)
        "dropout", Json.Number lora.Dropout
        match lora.Initial with
        | Kaiming -> ()
        | Gaussian
        | RightAngles -> "initial", Json.Text(string lora.Initial)
        yield! lora.Share |> Json.optional "orthogonal" Json.whole
        "layers",
        Json.Object [
            for layer in lora.Layers ->
                layer.Layer.FullName,
                Json.Object [ "rank", Json.whole (int layer.Rank); "alpha", Json.Number layer.Alpha ]
        ]
    ]

let private vectors (vectors: PlannedVectors) =
    Json.Object [
        "method", Json.Text "vectors"
        "token", Json.Text vectors.Token
        "count", Json.whole (int vectors.Count)
        "startFrom", Json.Text vectors.StartFrom
        "templates", Json.Text(string vectors.Templates)
    ]

let private weights name (weights: PlannedWeights) more =
    Json.Object [
        "method", Json.Text name
        "layers",
        weights.Layers
        |> Json.orNull (fun layers -> Json.List [ for layer in layers -> Json.Text layer.FullName ])
        if weights.Text > 0L then
            "textEncoder", Json.Bool true
        yield! more
    ]

let private tokens (tokens: PlannedToken list) =
    Json.List [
        for token in tokens -> Json.Object [ "token", Json.Text token.Token; "startFrom", Json.Text token.StartFrom ]
    ]

let json (way: PlannedMethod) =
    match way with
    | PlannedMethod.LowRank adapter -> lora adapter
    | PlannedMethod.Vectors token -> vectors token
    | PlannedMethod.KeysAndValues keys -> weights "keys-and-values" keys.Weights [ "tokens", tokens keys.Tokens ]
    | PlannedMethod.Weights chosen -> weights "weights" chosen []
    | PlannedMethod.Merge merge ->
        Json.Object [
            "method", Json.Text "merge"
            "way", Json.Text(string merge.Way)
            yield! merge.Against |> Json.optional "against" (string >> Json.Text)
        ]
    | PlannedMethod.Control net -> Json.Object [ "method", Json.Text "controlnet"; "hints", Json.Text net.Kind.Name ]
    | PlannedMethod.Nothing -> Json.Object [ "method", Json.Text "nothing" ]
