namespace Recipes

open System

/// Settings changed from outside a recipe.
[<RequireQualifiedAccess>]
module Overrides =
    let private schedule text =
        Setting.oneOf [ Constant; Linear; Cosine ] text
        |> Option.orElse (Setting.numbered "cosine-restarts:" CosineRestarts text)

    let private manySeeds (text: string) =
        let parsed =
            text.Split(',', StringSplitOptions.TrimEntries)
            |> Array.map Setting.whole
            |> List.ofArray

        if parsed |> List.forall Option.isSome then
            Some(List.choose id parsed)
        else
            None

    /// What is merged, changed likewise.
    let private within (change: Recipe -> Recipe) (recipe: Recipe) = {
        recipe with
            Parts = [
                for line in recipe.Parts do
                    match line with
                    | RecipePart.Merge(way, recipes) -> RecipePart.Merge(way, List.map change recipes)
                    | other -> other
            ]
    }

    let private merges (recipe: Recipe) = not (RecipeLines.merges recipe).IsEmpty

    /// Whether a merge itself has such a line, beside the recipes that it merges.
    let private both (part: TrainPart) =
        match part with
        | TrainPart.Size _
        | TrainPart.Precision _
        | TrainPart.Device _ -> true
        | _ -> false

    /// The same recipe without the lines that the word wrote, and one line instead.
    let rec private train (part: TrainPart) (recipe: Recipe) =
        if merges recipe then
            let inside = within (train part) recipe
            if both part then written part inside else inside
        else
            written part recipe

    and private written (part: TrainPart) (recipe: Recipe) = {
        recipe with
            Parts = [
                for line in recipe.Parts do
                    match line with
                    | RecipePart.Train parts -> RecipePart.Train(parts |> List.filter (fun p -> p.Word <> part.Word))
                    | other -> other
                RecipePart.Train [ part ]
            ]
    }

    /// A line without a value, written or left out.
    let rec private flag (part: TrainPart) on (recipe: Recipe) =
        if merges recipe then
            within (flag part on) recipe
        elif on then
            train part recipe
        else
            {
                recipe with
                    Parts = [
                        for line in recipe.Parts do
                            match line with
                            | RecipePart.Train parts -> RecipePart.Train(parts |> List.except [ part ])
                            | other -> other
                    ]
            }

    let private onOff (text: string) =
        Setting.oneOf [ "on"; "off" ] text |> Option.map (fun text -> text = "on")

    let private draw (part: DrawPart) (recipe: Recipe) =
        let replaced =
            match part with
            | DrawPart.Seeds _
            | DrawPart.Count _ -> [ "seeds"; "count" ]
            | DrawPart.Denoise _
            | DrawPart.Guidance _
            | DrawPart.Avoid _
            | DrawPart.Sampler _
            | DrawPart.Rescale _
            | DrawPart.ClipSkip _ -> [ part.Word ]

        {
            recipe with
                Parts = [
                    for line in recipe.Parts do
                        match line with
                        | RecipePart.Draw parts ->
                            RecipePart.Draw(parts |> List.filter (fun p -> not (List.contains p.Word replaced)))
                        | other -> other
                    RecipePart.Draw [ part ]
                ]
        }

    let rec private tuning (change: Tuning -> Tuning) (recipe: Recipe) = {
        recipe with
            Parts = [
                for line in recipe.Parts do
                    match line with
                    | RecipePart.Adapt tuning -> RecipePart.Adapt(change tuning)
                    | RecipePart.Merge(way, recipes) -> RecipePart.Merge(way, recipes |> List.map (tuning change))
                    | other -> other
            ]
    }

    let private withPart (part: TunePart) (tuning: Tuning) = {
        tuning with
            Parts = (tuning.Parts |> List.filter (fun p -> p.Word <> part.Word)) @ [ part ]
    }

    let private tune (part: TunePart) = tuning (withPart part)

    /// Of a method that has no rank, the check refuses the line.
    let private rank value =
        tuning (fun tuning ->
            match tuning.Method with
            | Adapter(kind, _) -> {
                tuning with
                    Method = Adapter(kind, value)
              }
            | NewVectors _
            | KeysAndValues
            | ControlNetwork _
            | Everything -> withPart (TunePart.RankAt(Attention, value)) tuning)

    /// Likewise of a method that has no vectors.
    let private vectors value =
        tuning (fun tuning ->
            match tuning.Method with
            | NewVectors _ -> {
                tuning with
                    Method = NewVectors value
              }
            | Adapter _
            | KeysAndValues
            | ControlNetwork _
            | Everything -> withPart (TunePart.Templates Things) tuning)

    /// Changes every subject, also where a prompt mentions it.
    let rec private subjects (part: PicturePart) (recipe: Recipe) =
        let change (subject: Subject) = {
            subject with
                Parts = (subject.Parts |> List.filter (fun p -> p.Word <> part.Word)) @ [ part ]
        }

        {
            recipe with
                Parts = [
                    for line in recipe.Parts do
                        match line with
                        | RecipePart.Learn subject -> RecipePart.Learn(change subject)
                        | RecipePart.Merge(way, recipes) -> RecipePart.Merge(way, recipes |> List.map (subjects part))
                        | RecipePart.Sample prompt ->
                            RecipePart.Sample {
                                prompt with
                                    Mentions = prompt.Mentions |> List.map change
                            }
                        | other -> other
                ]
        }

    let private loss (text: string) =
        let width (prefix: string) make =
            if text.StartsWith(prefix, System.StringComparison.OrdinalIgnoreCase) then
                Setting.real text[prefix.Length ..] |> Option.map make
            else
                None

        Setting.oneOf [ Squared ] text
        |> Option.orElse (width "huber:" Huber)
        |> Option.orElse (width "smooth-l1:" SmoothL1)

    let private outputFolder path (recipe: Recipe) = {
        recipe with
            Parts =
                (recipe.Parts
                 |> List.filter (fun line ->
                     match line with
                     | RecipePart.Outputs _ -> false
                     | _ -> true))
                @ [ RecipePart.Outputs [ OutputPart.Folder path ] ]
    }

    /// Every setting that can be changed.
    let settings: Setting<Recipe> list = [
        Setting.count "steps" "400" (fun n -> train (TrainPart.Steps(n * 1<step>)))
        Setting.number "rate" "1e-4" (TrainPart.Rate >> train)
        Setting.count "batch" "1" (fun n -> train (TrainPart.Batch(n * 1<img>)))
        Setting.count "accumulate" "4" (TrainPart.Accumulate >> train)
        Setting.count "warmup" "20" (fun n -> train (TrainPart.Warmup(n * 1<step>)))
        Setting.make
            "schedule"
            "`constant`, `linear`, `cosine` or `cosine-restarts:N`"
            "cosine"
            schedule
            (TrainPart.Schedule >> train)
        Setting.count "size" "128" (fun n -> train (TrainPart.Size(n * 1<px>)))
        Setting.count "seed" "7" (TrainPart.Seed >> train)
        Setting.make
            "precision"
            "`float32` or `bfloat16`"
            "float32"
            (Setting.oneOf [ Float32; BFloat16 ])
            (TrainPart.Precision >> train)
        Setting.device (TrainPart.Device >> train)
        Setting.number "priorWeight" "1" (TrainPart.PriorWeight >> train)
        Setting.number "weightDecay" "0.01" (TrainPart.WeightDecay >> train)
        Setting.number "clipNorm" "1" (TrainPart.ClipNorm >> train)
        Setting.number "minSnr" "5" (TrainPart.MinSnr >> train)
        Setting.make
            "optimiser"
            "`adamw`, `adamw-bfloat16`, `lion` or `prodigy`"
            "prodigy"
            (Setting.oneOf [ AdamW; AdamWBFloat16; Lion; Prodigy ])
            (TrainPart.Optimiser >> train)
        Setting.make "loss" "`squared`, `huber:C` or `smooth-l1:C`" "huber:0.1" loss (TrainPart.Loss >> train)
        Setting.number "noiseOffset" "0.05" (TrainPart.NoiseOffset >> train)
        Setting.number "perturbation" "0.1" (TrainPart.Perturbation >> train)
        Setting.count "checkpoint" "100" (fun n -> train (TrainPart.Checkpoint(n * 1<step>)))
        Setting.number "ema" "0.999" (TrainPart.Ema >> train)
        Setting.number "captionDropout" "0.1" (TrainPart.CaptionDropout >> train)
        Setting.make "buckets" "`on` or `off`" "on" onOff (flag TrainPart.Buckets)
        Setting.make
            "remainder"
            "`repeat` or `drop`"
            "repeat"
            (Setting.oneOf [ Repeat; Drop ])
            (TrainPart.Remainder >> train)
        Setting.make "gradientCheckpointing" "`on` or `off`" "on" onOff (flag TrainPart.GradientCheckpointing)
        Setting.make "randomCrop" "`on` or `off`" "on" onOff (flag TrainPart.RandomCrop)
        Setting.count "validate" "50" (fun n -> train (TrainPart.Validate(n * 1<step>)))
        Setting.count "preview" "100" (fun n -> train (TrainPart.Preview(n * 1<step>)))
        Setting.make "cacheLatents" "`on` or `off`" "on" onOff (flag TrainPart.CacheLatents)
        Setting.make "cacheTexts" "`on` or `off`" "on" onOff (flag TrainPart.CacheTexts)
        Setting.count "collage" "24" (fun n -> train (TrainPart.Collage(n * 1<img>)))
        Setting.number "unmix" "0.1" (TrainPart.Unmix >> train)
        Setting.make
            "maskedLoss"
            "`per-area` or `per-pixel`"
            "per-area"
            (Setting.oneOf [ PerArea; PerPixel ])
            (TrainPart.MaskedLoss >> train)
        Setting.number "attendMasks" "0.01" (TrainPart.AttendMasks >> train)
        Setting.count "rank" "16" (fun n -> rank (n * 1<rank>))
        Setting.count "vectors" "2" (fun n -> vectors (n * 1<vec>))
        Setting.number "alpha" "16" (TunePart.Alpha >> tune)
        Setting.number "dropout" "0.1" (TunePart.Dropout >> tune)
        Setting.make
            "initial"
            "`kaiming`, `gaussian` or `right-angles`"
            "gaussian"
            (Setting.oneOf [ Kaiming; Gaussian; RightAngles ])
            (TunePart.Initial >> tune)
        Setting.count "orthogonal" "1" (TunePart.Orthogonal >> tune)
        Setting.count "prior" "24" (fun n -> subjects (PicturePart.Prior(n * 1<img>)))
        Setting.count "denoise" "20" (fun n -> draw (DrawPart.Denoise(n * 1<step>)))
        Setting.number "guidance" "5" (DrawPart.Guidance >> draw)
        Setting.make "avoid" "a prompt" "blurred" Some (DrawPart.Avoid >> draw)
        Setting.make "seeds" "whole numbers with commas between" "1,2,3" manySeeds (DrawPart.Seeds >> draw)
        Setting.count "count" "4" (fun n -> draw (DrawPart.Count(n * 1<img>)))
        Setting.make
            "sampler"
            $"one of {listed (Sampler.all |> List.map string)}"
            "euler-a"
            (Setting.oneOf Sampler.all)
            (DrawPart.Sampler >> draw)
        Setting.number "rescale" "0.7" (DrawPart.Rescale >> draw)
        Setting.count "clipSkip" "1" (DrawPart.ClipSkip >> draw)
        Setting.make "folder" "a folder" "runs" Some outputFolder
    ]

    /// The recipe with the settings changed, or every setting that is unknown or has no such value.
    let apply (changes: (string * string) list) (recipe: Recipe) : Result<Recipe, Problem list> =
        Setting.apply settings changes recipe
