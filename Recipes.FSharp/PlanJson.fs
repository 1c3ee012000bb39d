namespace Recipes

/// A plan as JSON: what is made and from what, with contents by their SHA-256 and no path, so that the same work has the
/// same text on every machine. Where results go is no part of it, nor what is kept for other runs, which changes no result.
[<RequireQualifiedAccess>]
module internal PlanJson =
    let private whole (value: int) = Json.Number(float value)

    let private optional (value: float option) =
        match value with
        | Some value -> Json.Number value
        | None -> Json.Null

    let private subject (subject: PlannedSubject) =
        Json.Object [
            "token", Json.Text subject.Token
            "noun", Json.Text subject.Noun
            "instancePrompt", Json.Text subject.InstancePrompt
            "classPrompt", Json.Text subject.ClassPrompt
            "prior", whole (int subject.PriorCount)
            "flipped", Json.Bool subject.Flipped
            "upscaled", Json.Bool subject.Upscaled
            "images",
            Json.List [
                for picture in subject.Images ->
                    Json.Object [
                        "name", Json.Text picture.Name
                        "sha256", Json.Text picture.Sha256
                        match picture.Caption with
                        | Some caption -> "caption", Json.Text caption
                        | None -> ()
                        match picture.Hint with
                        | Some(_, sha256) -> "hint", Json.Text sha256
                        | None -> ()
                    ]
            ]
            "heldOut", Json.List [ for picture in subject.HeldOut -> Json.Text picture.Sha256 ]
            if not subject.Masks.IsEmpty then
                "masks", Json.List [ for mask in subject.Masks -> Json.Text mask.Sha256 ]
            if not subject.Beside.IsEmpty then
                "beside", Json.List [ for thing in subject.Beside -> Json.Text thing ]
        ]

    let private from (origin: ModelOrigin) =
        Json.Object [
            "repository", Json.Text origin.Repository.Id
            "commit", Json.Text origin.Commit
            match origin.Repository.Variant with
            | Some variant -> "variant", Json.Text variant
            | None -> ()
            match origin.Repository.File with
            | Some file -> "file", Json.Text file
            | None -> ()
        ]

    let private weights name (weights: PlannedWeights) more =
        Json.Object [
            "method", Json.Text name
            "layers",
            match weights.Layers with
            | None -> Json.Null
            | Some layers -> Json.List [ for layer in layers -> Json.Text layer.FullName ]
            yield! more
        ]

    let private way (way: PlannedMethod) =
        match way with
        | PlannedMethod.LowRank lora ->
            Json.Object [
                "method", Json.Text((string lora.Kind).ToLowerInvariant())
                "rank", whole (int lora.Rank)
                "dropout", Json.Number lora.Dropout
                match lora.Initial with
                | Kaiming -> ()
                | Gaussian
                | RightAngles -> "initial", Json.Text(string lora.Initial)
                match lora.Share with
                | Some share -> "orthogonal", whole share
                | None -> ()
                "layers",
                Json.Object [
                    for layer in lora.Layers ->
                        layer.Layer.FullName,
                        Json.Object [ "rank", whole (int layer.Rank); "alpha", Json.Number layer.Alpha ]
                ]
            ]
        | PlannedMethod.Vectors vectors ->
            Json.Object [
                "method", Json.Text "vectors"
                "token", Json.Text vectors.Token
                "count", whole (int vectors.Count)
                "startFrom", Json.Text vectors.StartFrom
                "templates", Json.Text(string vectors.Templates)
            ]
        | PlannedMethod.KeysAndValues keys ->
            weights "keys-and-values" keys.Weights [
                "tokens",
                Json.List [
                    for token in keys.Tokens ->
                        Json.Object [ "token", Json.Text token.Token; "startFrom", Json.Text token.StartFrom ]
                ]
            ]
        | PlannedMethod.Weights chosen -> weights "weights" chosen []
        | PlannedMethod.Merge merge ->
            Json.Object [
                "method", Json.Text "merge"
                "way", Json.Text(string merge.Way)
                match merge.Against with
                | Some way -> "against", Json.Text(string way)
                | None -> ()
            ]
        | PlannedMethod.Control net ->
            Json.Object [ "method", Json.Text "controlnet"; "hints", Json.Text net.Kind.Name ]

    let private hint (hint: HintFile) =
        Json.Object [
            "source",
            Json.Text(
                match hint.Source with
                | HintSource.Annotated _ -> "annotated"
                | HintSource.Ready _ -> "ready"
                | HintSource.Keypoints _ -> "keypoints"
            )
            "sha256", Json.Text hint.Sha256
        ]

    let private control (control: PlannedControl) =
        Json.Object [
            "hints", Json.List(control.Hints |> List.map hint)
            "kind", Json.Text control.Kind.Name
            "net",
            match control.Net with
            | Some files -> Json.Text files.Sha256
            | None -> Json.Null
            "strength", Json.Number control.Strength
            "from", Json.Number control.First
            "to", Json.Number control.Last
        ]

    let private train (budget: Budget) =
        Json.Object [
            "steps", whole (int budget.Steps)
            "rate", Json.Number budget.Rate
            "batch", whole (int budget.Batch)
            "accumulate", whole budget.Accumulate
            "warmup", whole (int budget.Warmup)
            "schedule", Json.Text(string budget.Schedule)
            "size", whole (int budget.Size)
            "seed", Json.Text budget.Seed
            "precision", Json.Text(string budget.Precision)
            "device", Json.Text(string budget.Device)
            "priorWeight", Json.Number budget.PriorWeight
            "weightDecay", Json.Number budget.WeightDecay
            "clipNorm", optional budget.ClipNorm
            "minSnr", optional budget.MinSnr
            "optimiser", Json.Text(string budget.Optimiser)
            "loss", Json.Text(string budget.Loss)
            "debiased", Json.Bool budget.Debiased
            "noiseOffset", Json.Number budget.NoiseOffset
            "perturbation", Json.Number budget.Perturbation
            "timesteps",
            (match budget.Timesteps with
             | Some(first, last) -> Json.List [ whole first; whole last ]
             | None -> Json.Null)
            "zeroTerminalSnr", Json.Bool budget.ZeroTerminalSnr
            "checkpoint", optional (budget.Checkpoint |> Option.map float)
            "ema", optional budget.Ema
            "captionDropout", Json.Number budget.CaptionDropout
            "buckets", Json.Bool budget.Buckets
            "remainder",
            (match budget.Remainder with
             | Some way -> Json.Text(string way)
             | None -> Json.Null)
            "randomCrop", Json.Bool budget.RandomCrop
            if budget.GradientCheckpointing then
                "gradientCheckpointing", Json.Bool true
            "validate", optional (budget.Validate |> Option.map float)
            "preview", optional (budget.Preview |> Option.map float)
            if budget.Collages > 0<img> then
                "collages", whole (int budget.Collages)
            match budget.Unmix with
            | Some weight -> "unmix", Json.Number weight
            | None -> ()
            match budget.MaskedLoss with
            | Some mean -> "maskedLoss", Json.Text(string mean)
            | None -> ()
            match budget.AttendMasks with
            | Some weight -> "attendMasks", Json.Number weight
            | None -> ()
        ]

    let private draw (drawing: Drawing) =
        Json.Object [
            "denoise", whole (int drawing.Denoise)
            "guidance", Json.Number drawing.Guidance
            "avoid", Json.Text drawing.Avoid
            "seeds", Json.List [ for seed in drawing.Seeds -> Json.Text(string seed) ]
            "sampler", Json.Text(string drawing.Sampler)
            "rescale", Json.Number drawing.Rescale
            "clipSkip", whole drawing.ClipSkip
        ]

    let private upscaling (upscaling: PlannedUpscaling) =
        Json.Object [
            "factor", whole upscaling.Factor
            "noiseUpTo", whole upscaling.NoiseUpTo
            "noiseLevel", whole upscaling.NoiseLevel
            "heldOut",
            Json.List [
                for picture in upscaling.HeldOut ->
                    Json.Object [ "name", Json.Text picture.Name; "sha256", Json.Text picture.Sha256 ]
            ]
        ]

    let rec ofData (plan: PlanData) =
        Json.Object [
            "version", whole 2
            "name", Json.Text plan.Name
            "model",
            Json.Object [
                "name", Json.Text plan.Model.Name
                "family", Json.Text plan.Model.Family
                "sha256", Json.Text plan.Model.Sha256
                match plan.Model.Origin with
                | Some origin -> "origin", from origin
                | None -> ()
            ]
            "subjects", Json.List(plan.Subjects |> List.map subject)
            "method", way plan.Method
            "train", train plan.Budget
            "draw", draw plan.Drawing
            "samples",
            Json.List [
                for sample in plan.Samples ->
                    Json.Object [ "text", Json.Text sample.Text; "plain", Json.Text sample.Plain ]
            ]
            if not plan.Controls.IsEmpty then
                "controls", Json.List(plan.Controls |> List.map control)
            match plan.Upscaling with
            | Some said -> "upscaling", upscaling said
            | None -> ()
            match plan.Enlarge with
            | Some stage -> "enlarge", ofData stage
            | None -> ()
            if not plan.Parts.IsEmpty then
                "parts", Json.List(plan.Parts |> List.map ofData)
        ]
