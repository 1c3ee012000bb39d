/// F: upscalers, alone or as the second stage of a recipe.
module internal Recipes.Checks.Enlarging

open Recipes

/// Lines that an upscaler's training or drawing has no use for.
let private foreign (draft: Draft) = [
    for sample in draft.Samples do
        error "F40" "sample" $"an upscaler enlarges pictures, and draws none of \"{sample.Text}\"" "Leave the line out."

    for part in RecipeLines.trainParts draft.Recipe do
        match part with
        | TrainPart.Steps _
        | TrainPart.Rate _
        | TrainPart.Batch _
        | TrainPart.Accumulate _
        | TrainPart.Warmup _
        | TrainPart.Schedule _
        | TrainPart.Size _
        | TrainPart.Seed _
        | TrainPart.Precision _
        | TrainPart.Device _
        | TrainPart.WeightDecay _
        | TrainPart.ClipNorm _
        | TrainPart.MinSnr _
        | TrainPart.Optimiser _
        | TrainPart.Loss _
        | TrainPart.Debiased
        | TrainPart.Ema _
        | TrainPart.GradientCheckpointing
        | TrainPart.Checkpoint _ -> ()
        | TrainPart.PriorWeight _
        | TrainPart.NoiseOffset _
        | TrainPart.Perturbation _
        | TrainPart.Timesteps _
        | TrainPart.ZeroTerminalSnr
        | TrainPart.CaptionDropout _
        | TrainPart.Buckets
        | TrainPart.Remainder _
        | TrainPart.RandomCrop
        | TrainPart.Validate _
        | TrainPart.Preview _
        | TrainPart.CacheLatents
        | TrainPart.CacheTexts
        | TrainPart.Collage _
        | TrainPart.Unmix _
        | TrainPart.MaskedLoss _
        | TrainPart.AttendMasks _ ->
            error "F40" $"train.{part.Word}" "an upscaler's training has no such line" "Leave it out."
]

/// Ways that tune an upscaler: its UNet by low-rank adapters, or as a whole.
let private methods (draft: Draft) = [
    for tuning in draft.Tunings do
        match tuning.Method with
        | NewVectors _
        | ControlNetwork _
        | KeysAndValues ->
            error
                "F41"
                "adapt"
                $"{tuning} change what a prompt draws, and an upscaler draws from pictures"
                "Write `adapt (lora 16<rank> { only Attention; only Convolution })`, or `adapt everything`."
        | Everything ->
            if not (Targets.written tuning).IsEmpty then
                error "F41" "adapt.only" "an upscaler's own weights are trained as a whole" "Leave the line out."

            if Targets.trainsText tuning then
                error "F41" "adapt.textEncoder" "the text encoder of an upscaler stays as it is" "Leave the line out."
        | Adapter _ ->
            if List.contains TextEncoder (Targets.chosen tuning) then
                error
                    "F41"
                    "adapt.only"
                    "the text encoder of an upscaler stays as it is"
                    "Leave the line `only TextEncoder` out."

            for part in tuning.Parts do
                match part with
                | TunePart.Dropout share when share > 0.0 ->
                    error
                        "F41"
                        "adapt.dropout"
                        $"an upscaler's adapter has no dropout, and {share} is asked for"
                        "Leave the line out: noise on the small pictures keeps them from being learned by heart."
                | TunePart.Dropout _
                | TunePart.Only _
                | TunePart.RankAt _
                | TunePart.Alpha _
                | TunePart.Initial _
                | TunePart.Orthogonal _
                | TunePart.StartFrom _
                | TunePart.TextEncoderToo
                | TunePart.Templates _ -> ()
]

let private noise (draft: Draft) (model: BaseFacts) = [
    match model.HighestNoise with
    | None -> ()
    | Some most ->
        let upTo = draft.NoiseUpTo |> List.tryLast |> Option.defaultValue most

        for word, level in
            [
                for level in draft.NoiseUpTo do
                    "noiseUpTo", level
                "noiseLevel", draft.NoiseLevel
            ] do
            if level < 0 || level > most then
                error
                    "F42"
                    word
                    $"level {level} is none of those that {draft.Recipe.Model} knows"
                    $"Write a level from 0 to {most}."

        if draft.NoiseLevel > upTo && draft.NoiseLevel <= most then
            warning
                "F42"
                "noiseLevel"
                $"pictures are enlarged at level {draft.NoiseLevel}, and the training stops at {upTo}"
                $"Write `noiseUpTo {draft.NoiseLevel}` or more."
]

/// Pictures that the upscaler is measured by: large enough, and none of those that it learns from.
let private measured (draft: Draft) (facts: Facts) (heldOut: PictureFolder) = [
    let side = draft.Budget.Size

    let small =
        heldOut.Pictures
        |> List.filter (fun picture -> min picture.Width picture.Height < side)

    if not small.IsEmpty then
        let shown =
            small
            |> List.map (fun picture -> $"{picture.Name} ({picture.Width}x{picture.Height})")
            |> first 3

        error "F43" "measureOn" $"{shown} below the size of {side} px" "Replace what is too small, or lower `size`."

    let learned =
        facts.Folders
        |> List.choose id
        |> List.collect _.Pictures
        |> List.map _.Sha256
        |> set

    let both =
        heldOut.Pictures |> List.filter (fun picture -> learned.Contains picture.Sha256)

    if not both.IsEmpty then
        error
            "F43"
            "measureOn"
            $"{both |> List.map _.Name |> first 3} would be learned from and measured by"
            "Keep the two folders apart: only pictures that were never seen tell what was learned."
]

/// An upscaler's own recipe.
let findings (draft: Draft) (facts: Facts) = [
    yield! foreign draft
    yield! methods draft

    for word, times in
        [
            "measureOn", (RecipeLines.measuringFolders draft.Recipe).Length
            "noiseUpTo", draft.NoiseUpTo.Length
            "noiseLevel", (RecipeLines.noiseLevels draft.Recipe).Length
        ] do
        if times > 1 then
            error "L1" word $"given {times} times" $"Keep one `{word}` line."

    if not draft.Enlarge.IsEmpty then
        error "F40" "enlarge" "an upscaler's own recipe enlarges already" "Leave the line out."

    match facts.Base with
    | Some model -> yield! noise draft model
    | None -> ()

    match facts.Measured with
    | Some heldOut -> yield! measured draft facts heldOut
    | None -> ()
]

/// Standing alone, its pictures are all that it can show.
let alone (draft: Draft) = [
    if (RecipeLines.measuringFolders draft.Recipe).IsEmpty then
        error
            "L2"
            "recipe"
            "has no held-out pictures, and would show nothing"
            "Add a line `measureOn \"data/...\"`, naming pictures of the subject that it does not learn from."
]

/// The line `enlarge` of another recipe.
let stages (draft: Draft) = [
    if draft.Enlarge.Length > 1 then
        error "L1" "enlarge" $"given {draft.Enlarge.Length} times" "Keep one `enlarge` line."

    for stage in draft.Enlarge do
        if stage.Family <> nameof X4 then
            error
                "F44"
                "enlarge"
                $"{stage.Name} is a recipe for an {stage.Family} model, which enlarges nothing"
                "Write it for an upscaler, such as `recipe \"large\" Models.pocketX4 { ... }`."

        if draft.Samples.IsEmpty then
            error
                "F44"
                "enlarge"
                "there is no sample to enlarge"
                "Add a line `sample $\"...\"`, or submit the upscaler's recipe alone."
]

/// What fits the drawn pictures to the upscaler: they are its small ones.
let fit (draft: Draft) (upscaler: string) (least: int<px>) = [
    if draft.Budget.Size % least <> 0<px> then
        error
            "F44"
            "enlarge"
            $"{upscaler} takes pictures whose sides are multiples of {least} px, and they are drawn with {draft.Budget.Size} px"
            $"Write `size {draft.Budget.Size / least * least}<px>`."
]
