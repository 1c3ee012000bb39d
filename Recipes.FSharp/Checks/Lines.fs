/// The lines themselves: what must be there, what may stand once, and numbers that mean nothing.
module internal Recipes.Checks.Lines

open Recipes

let private twice at (words: string list) = [
    for word, times in words |> List.countBy id do
        if times > 1 then
            error "L1" $"{at}.{word}" $"given {times} times" $"Keep one `{word}` line."
]

let private repeated (draft: Draft) = [
    let recipe = draft.Recipe

    for source in draft.Sources do
        yield!
            source.Parts
            |> List.map _.Word
            |> List.filter (fun word -> word <> "beside")
            |> twice source.At

    for tuning in draft.Tunings do
        yield!
            tuning.Parts
            |> List.map _.Word
            |> List.filter (fun word -> word <> "only" && word <> "rankAt")
            |> twice "adapt"

    yield! RecipeLines.trainParts recipe |> List.map _.Word |> twice "train"
    yield! RecipeLines.drawParts recipe |> List.map _.Word |> twice "draw"
    yield! RecipeLines.outputParts recipe |> List.map _.Word |> twice "outputs"
    let drawn = RecipeLines.drawParts recipe |> List.map _.Word

    if List.contains "seeds" drawn && List.contains "count" drawn then
        error "L1" "draw" "`seeds` and `count` both say how many pictures a prompt gets" "Keep one of the two lines."

    for source in draft.Sources do
        let words = source.Parts |> List.map _.Word

        if List.contains "captions" words && List.contains "instancePrompt" words then
            error
                "L1"
                source.At
                "`captions` and `instancePrompt` both say what the pictures show"
                "Keep one of the two lines."
]

/// What a recipe that trains nothing lacks, and which of its lines are about training.
let private drawing (draft: Draft) = [
    if draft.Samples.IsEmpty then
        error "L2" "recipe" "draws nothing" "Add a line such as `sample $\"a red boat\"`."

    for part in RecipeLines.trainParts draft.Recipe do
        match part with
        | TrainPart.Size _
        | TrainPart.Precision _
        | TrainPart.Device _ -> ()
        | _ ->
            error
                "L2"
                $"train.{part.Word}"
                "nothing is trained here"
                "Leave the line out, or say what is learned and how: `data ...` and `adapt ...`."
]

let private missing (draft: Draft) = [
    if draft.DrawsOnly then
        yield! drawing draft
    else
        if draft.Sources.IsEmpty && not draft.IsMerge then
            error
                "L2"
                "recipe"
                "learns nothing"
                "Add a line `learn robot`, where `let robot = subject \"robot\" { ... }`."

        match draft.Tunings with
        | [ _ ] -> ()
        | [] when draft.IsMerge -> ()
        | [] -> error "L2" "recipe" "adapts nothing" "Add a line `adapt (lora 16<rank>)`."
        | many -> error "L1" "adapt" $"given {many.Length} times" "Keep one `adapt` line."

        if
            not draft.IsMerge
            && RecipeLines.trainParts draft.Recipe
               |> List.forall (fun part -> part.Word <> "steps")
        then
            error "L2" "train" "has no steps" "Add a line `steps 400<step>` to the `train` block."

    if
        draft.Budget.Validate.IsSome
        && draft.Sources |> List.forall (fun source -> source.HeldOut = "")
    then
        error
            "L2"
            "train.validate"
            "measures pictures held out, and there are none"
            "Add a line `heldOut \"data/...\"` beside `images`, or leave `validate` out."

    if draft.Budget.Preview.IsSome && draft.Samples.IsEmpty then
        error
            "L2"
            "train.preview"
            "draws the samples, and there are none"
            "Add a line such as `sample $\"a photo of {robot}\"`, or leave `preview` out."

    for source in draft.Sources do
        if source.Token = "" && not source.IsTheme then
            error "L2" source.At "has no token" "Add a line `token \"sks\"`."

        if source.Folder = "" then
            error "L2" source.At "has no pictures" "Add a line `images \"data/...\"`, naming their folder."
]

/// A number that must be at least a bound.
let private atLeast bound unit' at value =
    if value < bound then
        [
            error "L3" at $"{value} is less than {bound}" $"Write {bound}{unit'} or more."
        ]
    else
        []

let private finite at allowed (bounds: string) value =
    if System.Double.IsFinite value && allowed value then
        []
    else
        [ error "L3" at $"{value} is out of range" $"Write a number {bounds}." ]

let private trainNumber (part: TrainPart) =
    let at = $"train.{part.Word}"

    match part with
    | TrainPart.Steps value -> atLeast 1 "<step>" at (int value)
    | TrainPart.Rate value -> finite at (fun v -> v > 0.0) "above 0, such as 1e-4" value
    | TrainPart.Batch value -> atLeast 1 "<img>" at (int value)
    | TrainPart.Accumulate value -> atLeast 1 "" at value
    | TrainPart.Warmup value -> atLeast 0 "<step>" at (int value)
    | TrainPart.Schedule(CosineRestarts cycles) -> atLeast 1 "" at cycles
    | TrainPart.Size value -> atLeast 8 "<px>" at (int value)
    | TrainPart.Device(Cuda index) -> atLeast 0 "" at index
    | TrainPart.PriorWeight value -> finite at (fun v -> v >= 0.0) "of 0 or more" value
    | TrainPart.WeightDecay value -> finite at (fun v -> v >= 0.0) "of 0 or more" value
    | TrainPart.ClipNorm value -> finite at (fun v -> v >= 0.0) "of 0 or more" value
    | TrainPart.Checkpoint value -> atLeast 1 "<step>" at (int value)
    | TrainPart.NoiseOffset value
    | TrainPart.Perturbation value -> finite at (fun v -> v >= 0.0) "of 0 or more" value
    | TrainPart.Loss(Huber width | SmoothL1 width) ->
        finite at (fun v -> v > 0.0 && v <= 1.0) "above 0 and at most 1, such as 0.1" width
    | TrainPart.Timesteps(first, last) when first < 0 || first > last || last > 999 -> [
        error
            "L3"
            at
            $"{first} to {last} is no part of the times 0 to 999"
            "Write the first and the last, such as `timesteps 0 499`."
      ]
    | TrainPart.Ema value -> finite at (fun v -> v > 0.0 && v < 1.0) "above 0 and below 1, such as 0.999" value
    | TrainPart.Collage value -> atLeast 1 "<img>" at (int value)
    | TrainPart.Unmix value -> finite at (fun v -> v > 0.0) "above 0" value
    | TrainPart.AttendMasks value -> finite at (fun v -> v > 0.0) "above 0, such as 0.01" value
    | TrainPart.CaptionDropout value -> finite at (fun v -> v >= 0.0 && v <= 1.0) "from 0 to 1" value
    | TrainPart.Validate value -> atLeast 1 "<step>" at (int value)
    | TrainPart.Preview value -> atLeast 1 "<step>" at (int value)
    | TrainPart.Timesteps _
    | TrainPart.Loss Squared
    | TrainPart.Optimiser _
    | TrainPart.Debiased
    | TrainPart.GradientCheckpointing
    | TrainPart.ZeroTerminalSnr
    | TrainPart.Buckets
    | TrainPart.Remainder _
    | TrainPart.RandomCrop
    | TrainPart.CacheLatents
    | TrainPart.CacheTexts
    | TrainPart.MinSnr _
    | TrainPart.Schedule(Constant | Linear | Cosine)
    | TrainPart.Device Cpu
    | TrainPart.Seed _
    | TrainPart.MaskedLoss _
    | TrainPart.Precision _ -> []

let private drawNumber (part: DrawPart) =
    let at = $"draw.{part.Word}"

    match part with
    | DrawPart.Denoise value -> atLeast 1 "<step>" at (int value)
    | DrawPart.Guidance value -> finite at (fun v -> v >= 1.0) "of 1 or more; 1 is no guidance" value
    | DrawPart.Count value -> atLeast 1 "<img>" at (int value)
    | DrawPart.Seeds [] -> [
        error "L3" at "names no seed" "Write at least one, such as `seeds [ 0; 1; 2; 3 ]`."
      ]
    | DrawPart.Seeds values when (List.distinct values).Length < values.Length -> [
        error "L3" at "names a seed twice, which draws the same picture twice" "Name each seed once."
      ]
    | DrawPart.Rescale value -> finite at (fun v -> v >= 0.0 && v <= 1.0) "from 0 to 1" value
    | DrawPart.ClipSkip value -> atLeast 0 "" at value
    | DrawPart.Seeds _
    | DrawPart.Avoid _
    | DrawPart.Sampler _ -> []

let private tuneNumber (part: TunePart) =
    let at = $"adapt.{part.Word}"

    match part with
    | TunePart.Alpha value -> finite at (fun v -> v > 0.0) "above 0" value
    | TunePart.Dropout value -> finite at (fun v -> v >= 0.0 && v < 1.0) "from 0 to below 1" value
    | TunePart.Orthogonal value -> atLeast 1 "" at value
    | TunePart.StartFrom word when word.Trim() = "" -> [
        error "L3" at "names no word" "Write one, such as `startFrom \"toy\"`."
      ]
    | TunePart.StartFrom _
    | TunePart.TextEncoderToo
    | TunePart.Templates _
    | TunePart.Initial _
    | TunePart.Only _
    | TunePart.RankAt _ -> []

let private pictureNumber at (part: PicturePart) =
    match part with
    | PicturePart.Prior value -> atLeast 0 "<img>" $"{at}.prior" (int value)
    | PicturePart.Token _
    | PicturePart.Images _
    | PicturePart.InstancePrompt _
    | PicturePart.ClassPrompt _
    | PicturePart.Captions _
    | PicturePart.Flipped
    | PicturePart.Hints _
    | PicturePart.Upscaled
    | PicturePart.HeldOut _
    | PicturePart.Masks _
    | PicturePart.Beside _ -> []

/// L5: lines that the types rule out, from where no type is: settings given on the command line.
let private foreign (tuning: Tuning) = [
    let allowed =
        match tuning.Method with
        | Adapter _ -> [ "only"; "rankAt"; "alpha"; "dropout"; "initial"; "orthogonal" ]
        | NewVectors _ -> [ "startFrom"; "templates" ]
        | KeysAndValues -> [ "startFrom" ]
        | Everything -> [ "only"; "textEncoder" ]
        | ControlNetwork _ -> []

    for part in tuning.Parts do
        if not (List.contains part.Word allowed) then
            error "L5" $"adapt.{part.Word}" $"{tuning} has no such line" "Leave it out."
]

/// L6: what new vectors are learned from.
let private forVectors (draft: Draft) = [
    if draft.Tunings |> List.exists _.Method.IsNewVectors then
        if draft.Sources.Length > 1 then
            error
                "L6"
                "learn"
                $"{draft.Sources.Length} subjects ({listed (draft.Sources |> List.map _.Noun)}), and new vectors are of one"
                "Write one recipe for each subject."

        for source in draft.Sources do
            if source.IsTheme then
                error
                    "L6"
                    source.At
                    "new vectors are of a token, and a theme has none"
                    "Write a `subject` with a new token, such as `token \"<style>\"`."

            for part in source.Parts do
                match part with
                | PicturePart.Prior _
                | PicturePart.InstancePrompt _
                | PicturePart.Captions _ ->
                    error
                        "L6"
                        $"{source.At}.{part.Word}"
                        "new vectors are learned in captions of their own and without class pictures"
                        "Leave the line out."
                | PicturePart.Token _
                | PicturePart.Images _
                | PicturePart.ClassPrompt _
                | PicturePart.Flipped
                | PicturePart.Hints _
                | PicturePart.Upscaled
                | PicturePart.HeldOut _
                | PicturePart.Masks _
                | PicturePart.Beside _ -> ()
]

/// Names become folder names.
let private name (recipe: Recipe) = [
    let fits c =
        System.Char.IsAsciiLetterOrDigit c || c = '-' || c = '_' || c = '.'

    if
        recipe.Name = ""
        || recipe.Name.StartsWith '.'
        || not (Seq.forall fits recipe.Name)
    then
        error
            "L3"
            "recipe"
            $"the name \"{recipe.Name}\" cannot name a folder"
            "Use letters, digits, `-`, `_` and `.`, and do not begin with `.`."
]

let findings (draft: Draft) = [
    yield! name draft.Recipe
    yield! repeated draft
    yield! missing draft
    yield! forVectors draft

    for source in draft.Sources do
        yield! source.Parts |> List.collect (pictureNumber source.At)

    for tuning in draft.Tunings do
        yield! tuning.Parts |> List.collect tuneNumber
        yield! foreign tuning

        match tuning.Method with
        | NewVectors count -> yield! atLeast 1 "<vec>" "adapt" (int count)
        | Adapter _
        | KeysAndValues
        | ControlNetwork _
        | Everything -> ()

    yield! RecipeLines.trainParts draft.Recipe |> List.collect trainNumber
    yield! RecipeLines.drawParts draft.Recipe |> List.collect drawNumber
]
