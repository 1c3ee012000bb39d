namespace Recipes

open System
open System.Globalization
open Recipes.Checks.Resources

/// A plan as it is read: one fact a line, with its unit.
[<RequireQualifiedAccess>]
module internal PlanText =
    /// `950`, `12.3 thousand`, `4.56 million`.
    let private large (count: int64) =
        let short (value: float) =
            value.ToString((if value < 99.95 then "0.0" else "0"), CultureInfo.InvariantCulture)

        if count >= 1_000_000L then
            $"{short (float count / 1e6)} million"
        elif count >= 10_000L then
            $"{short (float count / 1e3)} thousand"
        else
            counted count "" |> _.Trim().TrimEnd('s')

    let private pictures (count: int) = counted (int64 count) "picture"

    let private sizes (subject: PlannedSubject) =
        let sides =
            subject.Images
            |> List.collect (fun picture -> [ picture.Width; picture.Height ])

        if List.min sides = List.max sides then
            $"{List.min sides} px"
        else
            $"{List.min sides} to {List.max sides} px"

    let private learn (subject: PlannedSubject) = [
        if subject.Token = "" then
            "data", $"{subject.Noun}, {pictures subject.Images.Length} of {sizes subject}"
        else
            "learn", $"{subject.Token} {subject.Noun}, from {pictures subject.Images.Length} of {sizes subject}"

        if subject.Flipped then
            "", "and their mirror images"

        match subject.Shapes with
        | []
        | [ _ ] -> ()
        | shapes ->
            let shown = shapes |> List.map (fun (shape, count) -> $"{count} at {shape}")
            "", $"trained in {shapes.Length} shapes: {listed shown}"

        if not subject.HeldOut.IsEmpty then
            "", $"{pictures subject.HeldOut.Length} held out"

        if not subject.Masks.IsEmpty then
            "", $"""with {counted (int64 subject.Masks.Length) "mask"}"""

        for thing in subject.Beside do
            "", $"in collages also beside {thing}"

        match subject.Captions with
        | Same text -> "", $"captioned \"{text}\""
        | source -> "", $"captioned by {source}"

        if subject.PriorCount > 0<img> then
            "",
            $"""beside {counted (int64 subject.PriorCount) "class picture"} of "{subject.ClassPrompt}", drawn by the base model"""
    ]

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

        "", $"in captions about {vectors.Templates}: {(large vectors.Parameters).Trim()} trained parameters"
    ]

    let private weights what (weights: PlannedWeights) = [
        let layers =
            match weights.Layers with
            | None -> "all of it"
            | Some layers -> counted (int64 layers.Length) "layer"

        "adapt", what

        let targets =
            match weights.Targets with
            | [] -> ""
            | targets -> $"{listed (targets |> List.map string)}: "

        "", $"{targets}{layers}, {large weights.Parameters} trained parameters"
    ]

    let private adapt (way: PlannedMethod) =
        match way with
        | PlannedMethod.LowRank adapter -> lora adapter
        | PlannedMethod.Vectors token -> vectors token
        | PlannedMethod.KeysAndValues keys -> [
            yield! weights "keys and values of the attention to the prompt" keys.Weights

            for token in keys.Tokens do
                "", $"and a new vector for `{token.Token}`, starting from \"{token.StartFrom}\""
          ]
        | PlannedMethod.Weights chosen -> weights "the UNet's own weights" chosen
        | PlannedMethod.Merge merge -> [
            let against =
                match merge.Against with
                | Some way -> $", beside the {way}"
                | None -> ""

            let into = if merge.IsKeys then "keys and values" else "one adapter"
            "merge", $"by {merge.Way}{against}, into {into}"
          ]
        | PlannedMethod.Control net -> [
            "adapt", $"a ControlNet for {net.Kind} hints, {large net.Parameters} trained parameters"
          ]

    let private train (budget: Budget) = [
        let accumulated =
            if budget.Accumulate > 1 then
                $", accumulated over {budget.Accumulate} passes"
            else
                ""

        "train",
        $"""{counted (int64 budget.Steps) "step"} of {pictures (int budget.Batch)} a pass{accumulated}, {budget.Size} px"""

        let warmup =
            if budget.Warmup > 0<step> then
                $" after {budget.Warmup} warm-up steps"
            else
                ""

        let optimiser =
            match budget.Optimiser with
            | AdamW -> ""
            | AdamWBFloat16 -> "AdamW with moments in bfloat16, "
            | Lion -> "Lion, "
            | Prodigy -> "Prodigy, "

        "", $"{optimiser}rate {small budget.Rate}, {budget.Schedule}{warmup}; weight decay {decimal budget.WeightDecay}"

        String.concat ", " [
            if budget.PriorWeight > 0.0 then
                $"prior weight {decimal budget.PriorWeight}"
            match budget.ClipNorm with
            | Some norm -> $"gradients clipped to {decimal norm}"
            | None -> "gradients not clipped"
            match budget.MinSnr with
            | Some gamma -> $"min-SNR {decimal gamma}"
            | None -> ()
            if budget.Debiased then
                "debiased weights"
            match budget.Loss with
            | Squared -> ()
            | Huber width -> $"Huber loss of width {decimal width}"
            | SmoothL1 width -> $"smooth L1 loss of width {decimal width}"
        ]
        |> fun line -> "", line

        match
            [
                if budget.NoiseOffset > 0.0 then
                    $"noise offset {decimal budget.NoiseOffset}"
                if budget.Perturbation > 0.0 then
                    $"input perturbed by {decimal budget.Perturbation}"
                match budget.Timesteps with
                | Some(first, last) -> $"times {first} to {last} only"
                | None -> ()
                if budget.ZeroTerminalSnr then
                    "zero terminal SNR"
            ]
        with
        | [] -> ()
        | lines -> "", String.concat ", " lines

        let checkpoint =
            match budget.Checkpoint with
            | Some every -> $", a checkpoint every {every} steps"
            | None -> ""

        let recomputed =
            if budget.GradientCheckpointing then
                ", blocks run again for gradients"
            else
                ""

        "", $"{budget.Precision} on {budget.Device}, seed {budget.Seed}{checkpoint}{recomputed}"

        let data = [
            if budget.Buckets then
                "pictures keep about their shapes"
            if budget.RandomCrop then
                "cut elsewhere at each visit"
            match budget.Remainder with
            | Some Drop -> "what fills no batch is dropped"
            | Some Repeat
            | None -> ()
            if budget.CaptionDropout > 0.0 then
                $"{decimal (100.0 * budget.CaptionDropout)} %% of captions left out"
        ]

        if not data.IsEmpty then
            "", String.concat ", " data

        if budget.Collages > 0<img> then
            let apart =
                match budget.Unmix with
                | Some weight -> $", their attention kept apart with weight {decimal weight}"
                | None -> ""

            "", $"""{counted (int64 budget.Collages) "collage"} of two subjects{apart}"""

        match budget.MaskedLoss with
        | Some mean -> "", $"the loss counts masks, {mean}"
        | None -> ()

        match budget.AttendMasks with
        | Some weight -> "", $"attention drawn to masks with weight {decimal weight}"
        | None -> ()

        match budget.Ema with
        | Some decay -> "", $"the result is a running average of decay {decimal decay}"
        | None -> ()

        match budget.Validate with
        | Some every -> "", $"the loss on pictures held out every {every} steps"
        | None -> ()

        match budget.Preview with
        | Some every -> "", $"previews every {every} steps"
        | None -> ()

        match budget.CacheLatents, budget.CacheTexts with
        | true, true -> "", "latents and text states kept for other runs"
        | true, false -> "", "latents kept for other runs"
        | false, true -> "", "text states kept for other runs"
        | false, false -> ()
    ]

    /// How often what is seen, and how much work it is; `enlarged` pictures are drawn by another model.
    let private sums (enlarged: int) (plan: PlanData) = [
        let budget = plan.Budget
        let passes = int64 budget.Steps * int64 budget.Accumulate

        for subject in plan.Subjects do
            let seen = List.sum subject.Visits
            let times = float seen / float subject.Images.Length

            "sees",
            $"""{counted seen "picture"} of the {subject.Noun}: {decimal (Math.Round(times, 1))} epochs of {subject.Images.Length}"""

            match List.min subject.Visits, List.max subject.Visits with
            | least, most when most - least > 1L -> "", $"each of them {least} to {most} times"
            | _ -> ()

            if subject.PriorCount > 0<img> then
                let again =
                    decimal (Math.Round(float seen / float (max 1 (int subject.PriorCount)), 1))

                "", $"{subject.ClassVisited} of {subject.PriorCount} class pictures, {again} times each"

        let perPicture =
            int64 plan.Drawing.Denoise * (if plan.Drawing.Guidance > 1.0 then 2L else 1L)

        let classes = plan.Subjects |> List.sumBy (fun subject -> int64 subject.PriorCount)

        let drawn =
            match plan.Upscaling with
            | None -> plan.Samples.Length
            | Some upscaling -> upscaling.HeldOut.Length

        let samples = 2L * (int64 drawn * int64 plan.Drawing.Seeds.Length + int64 enlarged)

        let doubled =
            if plan.Subjects |> List.exists (fun subject -> subject.PriorCount > 0<img>) then
                2L
            else
                1L

        "work",
        $"""{counted (passes * doubled * int64 budget.Batch) "picture"} forward and back through the UNet, {counted ((classes + samples) * perPicture) "pass"} forward to draw"""

        let trained = plan.Method.Parameters

        "needs",
        $"{bytes plan.LeastMemory} of memory for weights alone; on disk {bytes (resultBytes trained)} for the result, {bytes (checkpointBytes plan.Budget.Optimiser trained + averageBytes plan.Budget trained)} for a checkpoint"
    ]

    let private draw (plan: PlanData) = [
        let drawing = plan.Drawing

        "draw", $"{drawing.Denoise} steps of {drawing.Sampler}, guidance {decimal drawing.Guidance}"

        let each, when' =
            match plan.Upscaling with
            | None -> "a prompt", "before and after"
            | Some _ -> "of each small one", "before and after"

        "",
        $"""{counted (int64 drawing.Seeds.Length) "picture"} {each}, {when'}; seeds {listed (drawing.Seeds |> List.map string)}"""

        if drawing.Rescale > 0.0 then
            "", $"guidance rescaled by {decimal drawing.Rescale}"

        if drawing.ClipSkip > 0 then
            "", $"""without the text encoder's last {counted (int64 drawing.ClipSkip) "layer"}"""

        if drawing.Avoid <> "" then
            "", $"avoiding \"{drawing.Avoid}\""

        for control in plan.Controls do
            let net =
                match control.Net with
                | None -> "the trained ControlNet"
                | Some files -> string (System.IO.Path.GetFileName files.Path)

            "control",
            $"{net} by {control.Kind} of {control.Hints
                                          |> List.map (fun hint -> string (System.IO.Path.GetFileName hint.Path))
                                          |> first 4}, strength {decimal control.Strength}, steps {decimal control.First} to {decimal control.Last}"

        for sample in plan.Samples do
            "sample", sample.Text
    ]

    let private source (origin: ModelOrigin) =
        let repository = origin.Repository

        let parts = [
            match repository.Variant with
            | Some variant -> $", {variant}"
            | None -> ()
            match repository.File with
            | Some file -> $", {file}"
            | None -> ()
        ]

        $"""from {repository.Id} at {origin.Commit[..6]} ({repository.Revision}){String.concat "" parts}"""

    let private fold (rows: (string * string) list) =
        rows |> List.map (fun (word, line) -> $"    {word, -8} {line}".TrimEnd())

    let private enlarges (plan: PlanData) (upscaling: PlannedUpscaling) = [
        "noise",
        $"levels up to {upscaling.NoiseUpTo} on small pictures in training, {upscaling.NoiseLevel} in enlarging"

        if not upscaling.HeldOut.IsEmpty then
            let side = plan.Budget.Size

            "measure",
            $"{pictures upscaling.HeldOut.Length} held out, {side / upscaling.Factor} to {side} px, against bicubic and the upscaler untuned"
    ]

    /// An upscaler inside a recipe.
    let private stage (drawn: PlanData) (plan: PlanData) = [
        match plan.Upscaling with
        | None -> ()
        | Some upscaling ->
            let side, model = drawn.Budget.Size, plan.Model

            "enlarge",
            $"what is drawn, {side} to {side * upscaling.Factor} px, by {model.Name}, {large model.Parameters} parameters"

            for subject in plan.Subjects do
                yield! learn subject

            yield! adapt plan.Method
            yield! train plan.Budget
            yield! enlarges plan upscaling
            yield! sums (drawn.Samples.Length * drawn.Drawing.Seeds.Length) plan
            yield! draw plan
    ]

    /// A recipe whose result is merged.
    let private part (plan: PlanData) = [
        "part", plan.Name

        for subject in plan.Subjects do
            yield! learn subject

        yield! adapt plan.Method
        yield! train plan.Budget
        yield! sums 0 plan
    ]

    /// The facts that follow from the settings, one a line.
    let notes (plan: PlanData) =
        (match plan.Parts with
         | [] -> sums 0 plan
         | parts -> parts |> List.collect (sums 0))
        |> List.map (fun (word, line) -> if word = "" then $"      {line}" else $"{word, -5} {line}")

    /// The whole plan. Lines after the first are indented by four, so that it looks right in the interactive session.
    let render (hash: string) (plan: PlanData) =
        let model = plan.Model

        String.concat "\n" [
            $"plan {plan.Name} {hash}"
            yield!
                fold [
                    "base", $"{model.Name}, {model.Family}, {model.NativeSize} px, {large model.Parameters} parameters"
                    match model.Origin with
                    | Some origin -> "", source origin
                    | None -> ()
                    if plan.Parts.IsEmpty then
                        for subject in plan.Subjects do
                            yield! learn subject

                    yield! adapt plan.Method

                    if plan.Parts.IsEmpty then
                        yield! train plan.Budget

                    for each in plan.Parts do
                        yield! part each

                    match plan.Upscaling with
                    | Some upscaling -> yield! enlarges plan upscaling
                    | None -> ()

                    if plan.Parts.IsEmpty then
                        yield! sums 0 plan

                    yield! draw plan
                    match plan.Enlarge with
                    | Some upscaler -> yield! stage plan upscaler
                    | None -> ()
                    for warning in plan.Warnings do
                        "warning", warning.Text
                ]
        ]
