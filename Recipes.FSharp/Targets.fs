namespace Recipes

open System

/// A layer that the adapter changes.
type AdaptedLayer = {
    Layer: BaseLayer
    Rank: int<rank>
    Alpha: float
} with

    /// Numbers in both factors: rank x (inputs + outputs), the inputs of a convolution counted with its kernel.
    member adapted.Parameters =
        let layer = adapted.Layer

        int64 adapted.Rank
        * (int64 layer.In * int64 (layer.Kernel * layer.Kernel) + int64 layer.Out)

    /// Numbers in the second factor alone.
    member adapted.Second = int64 adapted.Rank * int64 adapted.Layer.Out

/// Which layers a word of the recipe means.
[<RequireQualifiedAccess>]
module internal Targets =
    /// Whether a name matches a pattern in which `*` stands for any characters.
    let private glob (pattern: string) (name: string) =
        let expression = Text.RegularExpressions.Regex.Escape(pattern).Replace("\\*", ".*")

        Text.RegularExpressions.Regex.IsMatch(
            name,
            $"^(?:{expression})$",
            Text.RegularExpressions.RegexOptions.NonBacktracking
        )

    /// Whether whole parts of the name, between its dots, read so.
    let private within (parts: string) (name: string) =
        $".{name}.".Contains($".{parts}.", StringComparison.Ordinal)

    let private attention = [ "to_q"; "to_k"; "to_v"; "to_out.0" ]
    let private textAttention = [ "q_proj"; "k_proj"; "v_proj"; "out_proj" ]
    let private residual = [ "conv1"; "conv2"; "conv_shortcut" ]

    let private isUnet layer = layer.Component = "unet"
    let private hasPart part (layer: BaseLayer) = within part layer.Name

    let private endsInOne endings (layer: BaseLayer) =
        endings
        |> List.exists (fun ending -> layer.Name.EndsWith("." + ending, StringComparison.Ordinal))

    /// Whether the layer is one of those.
    let rec matches target (layer: BaseLayer) =
        match target with
        | Attention ->
            isUnet layer
            && (hasPart "attn1" layer || hasPart "attn2" layer)
            && endsInOne attention layer
        | CrossAttention -> isUnet layer && hasPart "attn2" layer && endsInOne attention layer
        | FeedForward -> isUnet layer && hasPart "ff" layer
        | Convolution ->
            isUnet layer
            && (hasPart "resnets" layer && endsInOne residual layer
                || (hasPart "downsamplers" layer || hasPart "upsamplers" layer)
                   && endsInOne [ "conv" ] layer)
        | TextEncoder -> layer.Component.StartsWith "text_encoder" && endsInOne textAttention layer
        | Within(target, depths) ->
            matches target layer
            && depths
               |> List.exists (fun depth -> layer.Name.StartsWith(depth.Path + ".", StringComparison.Ordinal))
        | Named pattern when pattern.Contains '*' -> glob pattern layer.Name || glob pattern layer.FullName
        | Named parts -> within parts layer.FullName

    /// The word whose vector new ones start from, where the subject is called so.
    let startFrom (tuning: Tuning) noun =
        tuning.Parts
        |> List.tryPick (fun part ->
            match part with
            | TunePart.StartFrom word -> Some word
            | _ -> None)
        |> Option.defaultValue noun

    /// The layers that a tuning names.
    let written (tuning: Tuning) =
        tuning.Parts
        |> List.choose (fun part ->
            match part with
            | TunePart.Only layer -> Some layer
            | _ -> None)
        |> List.distinct

    /// The layers that an adapter is to change, all attention where it names none.
    let chosen (tuning: Tuning) =
        match written tuning with
        | [] -> [ Attention ]
        | layers -> layers

    /// Parts of layer names that look like the one given.
    let similar (pattern: string) (layers: BaseLayer list) =
        let wanted = pattern.Trim('*', '.')
        let length = wanted.Split('.').Length

        layers
        |> List.collect (fun layer -> layer.FullName.Split '.' |> Array.windowed length |> List.ofArray)
        |> List.map (String.concat ".")
        |> List.distinct
        |> nearest 3 wanted

    let private any targets layer =
        targets |> List.exists (fun target -> matches target layer)

    /// The layers whose own weights a tuning trains; nothing where it trains the whole UNet.
    let trained (tuning: Tuning) (layers: BaseLayer list) =
        match tuning.Method, written tuning with
        | KeysAndValues, _ -> Some(layers |> List.filter (any [ Named "attn2.to_k"; Named "attn2.to_v" ]))
        | _, [] -> None
        | _, targets -> Some(layers |> List.filter (any targets))

    /// Whether the text encoders' own weights are trained as well.
    let trainsText (tuning: Tuning) =
        tuning.Parts |> List.contains TunePart.TextEncoderToo

    /// Numbers of the text encoders' own weights that a tuning trains; keys and values leave those as they are.
    let textParameters (tuning: Tuning) (model: BaseFacts) =
        if tuning.Method.IsEverything && trainsText tuning then
            model.TextParameters
        else
            0L

    /// Numbers of the base model's own weights that a tuning trains, those of the text encoders included.
    let ownParameters (tuning: Tuning) (model: BaseFacts) =
        textParameters tuning model
        + (match trained tuning model.Layers with
           | None -> model.UNetParameters
           | Some layers -> layers |> List.sumBy _.Parameters)

    /// Every layer that an adapter of this rank changes, with its rank and alpha, in the order of the weight file.
    let adapted (rank: int<rank>) (tuning: Tuning) (layers: BaseLayer list) =
        let targets = chosen tuning

        let rankOf layer =
            (rank, tuning.Parts)
            ||> List.fold (fun rank part ->
                match part with
                | TunePart.RankAt(target, other) when matches target layer -> other
                | _ -> rank)

        let alpha =
            tuning.Parts
            |> List.tryPick (fun part ->
                match part with
                | TunePart.Alpha value -> Some value
                | _ -> None)

        layers
        |> List.filter (any targets)
        |> List.map (fun layer ->
            let rank = rankOf layer

            {
                Layer = layer
                Rank = rank
                Alpha = defaultArg alpha (float rank)
            })
