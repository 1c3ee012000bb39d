/// M: recipes whose results are merged.
module internal Recipes.Checks.Merging

open Recipes

/// A merge learns, adapts and trains nothing of its own.
let private foreign (draft: Draft) = [
    let refuse word =
        error
            "M50"
            word
            "a merge learns nothing of its own"
            "Put the line into one of the recipes that it merges, or leave it out."

    for part in draft.Recipe.Parts do
        match part with
        | RecipePart.Learn _ -> refuse "learn"
        | RecipePart.Data _ -> refuse "data"
        | RecipePart.Adapt _ -> refuse "adapt"
        | RecipePart.Control _ -> refuse "control"
        | RecipePart.Enlarge _ -> refuse "enlarge"
        | RecipePart.Train _
        | RecipePart.Draw _
        | RecipePart.Sample _
        | RecipePart.Outputs _
        | RecipePart.MeasureOn _
        | RecipePart.NoiseUpTo _
        | RecipePart.NoiseLevel _
        | RecipePart.Merge _
        | RecipePart.Against _ -> ()

    for part in RecipeLines.trainParts draft.Recipe do
        match part with
        | TrainPart.Size _
        | TrainPart.Precision _
        | TrainPart.Device _ -> ()
        | other -> refuse $"train.{other.Word}"
]

let private lines (draft: Draft) = [
    if draft.Merges.Length > 1 then
        error "L1" "merge" $"given {draft.Merges.Length} times" "Keep one `merge` line."

    if draft.Against.Length > 1 then
        error "L1" "against" $"given {draft.Against.Length} times" "Keep one `against` line."

    for way, recipes in draft.Merges do
        if recipes.Length < 2 then
            error
                "M51"
                "merge"
                $"""puts together {counted (int64 recipes.Length) "recipe"}"""
                "Name two or more: `merge LeastSquares [ robots; houses ]`."

        if List.contains way draft.Against then
            error "M51" "against" $"compares the {way} with itself" "Name another way, such as `against PlainSum`."

        for name, group in recipes |> List.countBy _.Name do
            if group > 1 then
                error "M51" "merge" $"names {name} {group} times" "Name each recipe once, and give each its own name."

    if draft.Samples.IsEmpty then
        error
            "L2"
            "recipe"
            "has no sample, and would show nothing"
            "Add a line such as `sample $\"a photo of {robot} and {house}\"`."
]

let private isKeyOrValue (name: string) =
    name.EndsWith(".attn2.to_k", System.StringComparison.Ordinal)
    || name.EndsWith(".attn2.to_v", System.StringComparison.Ordinal)

/// What a way of merging can take of one recipe.
let private kind (way: MergeWay) (part: PlanData) = [
    let at = $"merge.{part.Name}"

    let solved =
        match way with
        | ClosedForm
        | LeastSquares -> true
        | Sum
        | PlainSum -> false

    match part.Method with
    | PlannedMethod.KeysAndValues _ ->
        if way = Sum then
            error
                "M53"
                at
                "keys and values read the same inputs, and are not at right angles"
                "Write `merge ClosedForm` or `merge LeastSquares`."
    | PlannedMethod.LowRank lora ->
        let others =
            lora.Layers
            |> List.filter (fun each -> each.Layer.Component <> "unet" || not (isKeyOrValue each.Layer.Name))

        if solved && not others.IsEmpty then
            error
                "M53"
                at
                $"{others.Length} of its {lora.Layers.Length} layers read pictures, and the {way} is known for what reads the prompt alone"
                "Adapt `only (Named \"attn2.to_k\")` and `only (Named \"attn2.to_v\")`, or merge by a sum."

        if not solved && lora.Kind = DoRA then
            error "M53" at "DoRA is no product of two factors, and has no sum" "Write `adapt (lora 16<rank>)`."

        if way = Sum && lora.Share.IsNone then
            error
                "M53"
                at
                "its adapter is not at right angles to others"
                "Give it a line `orthogonal 1`, the next one `orthogonal 2`, or merge by `PlainSum`."
    | PlannedMethod.Vectors _
    | PlannedMethod.Nothing
    | PlannedMethod.Weights _
    | PlannedMethod.Control _
    | PlannedMethod.Merge _ ->
        error
            "M53"
            at
            "a merge takes low-rank adapters and the keys and values of Custom Diffusion"
            "Write `adapt (lora 16<rank>)` or `adapt customDiffusion` there."
]

/// How the recipes that are merged fit each other and this one.
let fit (draft: Draft) (facts: Facts) (parts: PlanData list) = [
    for part in parts do
        match facts.Base with
        | Some model when model.Sha256.Value <> part.Model.Sha256 ->
            error
                "M52"
                $"merge.{part.Name}"
                $"is for {part.Model.Name}, and this recipe for {draft.Recipe.Model}, which are other weights"
                "Train and merge on one base model."
        | _ -> ()

        if part.Budget.ZeroTerminalSnr then
            error
                "M52"
                $"merge.{part.Name}"
                "has `zeroTerminalSnr`, and a merge draws without it"
                "Leave that line out."

    for way in (draft.Merges |> List.map fst) @ draft.Against do
        for part in parts do
            yield! kind way part

        if way = Sum then
            let shares = [
                for part in parts do
                    match part.Method with
                    | PlannedMethod.LowRank { Share = Some share; Rank = rank } -> part.Name, share, rank
                    | _ -> ()
            ]

            for share, group in shares |> List.groupBy (fun (_, share, _) -> share) do
                if group.Length > 1 then
                    error
                        "M54"
                        "merge"
                        $"{group |> List.map (fun (name, _, _) -> name) |> listed} have share {share} of the common basis, and read the same inputs"
                        "Give each recipe a share of its own: `orthogonal 1`, `orthogonal 2`, ..."

            if (shares |> List.distinctBy (fun (_, _, rank) -> rank)).Length > 1 then
                error
                    "M54"
                    "merge"
                    $"the adapters are of ranks {shares |> List.map (fun (_, _, rank) -> string rank) |> listed}, whose shares overlap"
                    "Give all of them one rank."

        if way = PlainSum then
            let keys, adapters =
                parts |> List.partition (fun part -> part.Method.IsKeysAndValues)

            if not keys.IsEmpty && not adapters.IsEmpty then
                error
                    "M53"
                    "merge"
                    $"the plain sum is of one kind, and {keys.Head.Name} has keys and values, {adapters.Head.Name} an adapter"
                    "Learn both in one way, or write `merge LeastSquares`."
]

let findings (draft: Draft) = [
    if draft.IsMerge then
        yield! foreign draft
        yield! lines draft
    elif not draft.Against.IsEmpty then
        error "M51" "against" "compares merges, and there is none" "Add a `merge` line, or leave this one out."
]
