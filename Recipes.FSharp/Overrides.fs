namespace Recipes

open System
open System.Globalization

/// A setting that can be changed from outside a recipe, as in `--set steps=20`.
type Setting = {
    /// The word of the recipe that it stands for.
    Name: string
    /// What it takes, such as `a whole number`.
    Takes: string
    Example: string
    /// The change that a text means, or nothing where the text does not fit.
    Parse: string -> (Recipe -> Recipe) option
}

/// Settings changed from outside a recipe.
[<RequireQualifiedAccess>]
module Overrides =
    let private whole (text: string) =
        match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, value -> Some value
        | _ -> None

    let private real (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> Some value
        | _ -> None

    let private oneOf (values: 'value list) (text: string) =
        values
        |> List.tryFind (fun value -> text.Equals(string value, StringComparison.OrdinalIgnoreCase))

    let private numbered (prefix: string) (make: int -> 'value) (text: string) =
        if text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) then
            whole text[prefix.Length ..] |> Option.map make
        else
            None

    let private schedule text =
        oneOf [ Constant; Linear; Cosine ] text
        |> Option.orElse (numbered "cosine-restarts:" CosineRestarts text)

    let private device (text: string) =
        if text.Equals("cuda", StringComparison.OrdinalIgnoreCase) then
            Some(Cuda 0)
        else
            oneOf [ Cpu ] text |> Option.orElse (numbered "cuda:" Cuda text)

    let private manySeeds (text: string) =
        let parsed =
            text.Split(',', StringSplitOptions.TrimEntries)
            |> Array.map whole
            |> List.ofArray

        if parsed |> List.forall Option.isSome then
            Some(List.choose id parsed)
        else
            None

    /// The same recipe without the lines that the word wrote, and one line instead.
    let private train (part: TrainPart) (recipe: Recipe) = {
        recipe with
            Parts = [
                for line in recipe.Parts do
                    match line with
                    | RecipePart.Train parts -> RecipePart.Train(parts |> List.filter (fun p -> p.Word <> part.Word))
                    | other -> other
                RecipePart.Train [ part ]
            ]
    }

    let private draw (part: DrawPart) (recipe: Recipe) =
        let replaced =
            match part with
            | DrawPart.Seeds _
            | DrawPart.Count _ -> [ "seeds"; "count" ]
            | DrawPart.Denoise _
            | DrawPart.Guidance _
            | DrawPart.Avoid _
            | DrawPart.Sampler _ -> [ part.Word ]

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

    let private tuning (change: Tuning -> Tuning) (recipe: Recipe) = {
        recipe with
            Parts = [
                for line in recipe.Parts do
                    match line with
                    | RecipePart.Adapt tuning -> RecipePart.Adapt(change tuning)
                    | other -> other
            ]
    }

    let private lora (part: LoraPart) =
        tuning (fun tuning ->
            let kept = tuning.Parts |> List.filter (fun p -> p.Word <> part.Word)
            Tuning(tuning.Method, kept @ [ part ]))

    /// Changes every subject, also where a prompt mentions it.
    let private subjects (part: SubjectPart) (recipe: Recipe) =
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
                        | RecipePart.Sample prompt ->
                            RecipePart.Sample {
                                prompt with
                                    Mentions = prompt.Mentions |> List.map change
                            }
                        | other -> other
                ]
        }

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

    let private setting name takes example read change = {
        Name = name
        Takes = takes
        Example = $"{name}={example}"
        Parse = fun text -> read text |> Option.map change
    }

    let private count name example change =
        setting name "a whole number" example whole change

    let private number name example change =
        setting name "a number" example real change

    /// Every setting that can be changed.
    let settings: Setting list = [
        count "steps" "400" (fun n -> train (TrainPart.Steps(n * 1<step>)))
        number "rate" "1e-4" (TrainPart.Rate >> train)
        count "batch" "1" (fun n -> train (TrainPart.Batch(n * 1<img>)))
        count "accumulate" "4" (TrainPart.Accumulate >> train)
        count "warmup" "20" (fun n -> train (TrainPart.Warmup(n * 1<step>)))
        setting
            "schedule"
            "`constant`, `linear`, `cosine` or `cosine-restarts:N`"
            "cosine"
            schedule
            (TrainPart.Schedule >> train)
        count "size" "128" (fun n -> train (TrainPart.Size(n * 1<px>)))
        count "seed" "7" (TrainPart.Seed >> train)
        setting
            "precision"
            "`float32` or `bfloat16`"
            "float32"
            (oneOf [ Float32; BFloat16 ])
            (TrainPart.Precision >> train)
        setting "device" "`cpu`, `cuda` or `cuda:N`" "cuda:0" device (TrainPart.Device >> train)
        number "priorWeight" "1" (TrainPart.PriorWeight >> train)
        number "weightDecay" "0.01" (TrainPart.WeightDecay >> train)
        number "clipNorm" "1" (TrainPart.ClipNorm >> train)
        number "minSnr" "5" (TrainPart.MinSnr >> train)
        count "checkpoint" "100" (fun n -> train (TrainPart.Checkpoint(n * 1<step>)))
        count "rank" "16" (fun n -> tuning (fun tuning -> Tuning(LoRA(n * 1<rank>), tuning.Parts)))
        number "alpha" "16" (LoraPart.Alpha >> lora)
        number "dropout" "0.1" (LoraPart.Dropout >> lora)
        count "prior" "24" (fun n -> subjects (SubjectPart.Prior(n * 1<img>)))
        count "denoise" "20" (fun n -> draw (DrawPart.Denoise(n * 1<step>)))
        number "guidance" "5" (DrawPart.Guidance >> draw)
        setting "avoid" "a prompt" "blurred" Some (DrawPart.Avoid >> draw)
        setting "seeds" "whole numbers with commas between" "1,2,3" manySeeds (DrawPart.Seeds >> draw)
        count "count" "4" (fun n -> draw (DrawPart.Count(n * 1<img>)))
        setting "sampler" "`ddim`" "ddim" (oneOf [ Ddim ]) (DrawPart.Sampler >> draw)
        setting "folder" "a folder" "runs" Some outputFolder
    ]

    /// The recipe with the settings changed, or every setting that is unknown or has no such value.
    let apply (changes: (string * string) list) (recipe: Recipe) : Result<Recipe, Problem list> =
        let read (name: string, text: string) =
            match settings |> List.tryFind (fun setting -> setting.Name = name) with
            | None ->
                let near =
                    settings
                    |> List.map _.Name
                    |> nearest 3 name
                    |> List.map (fun name -> $"`{name}`")

                Error(error "S1" $"--set {name}" $"`{name}` is no setting" $"Nearest: {listed near}.")
            | Some setting ->
                match setting.Parse text with
                | Some change -> Ok change
                | None ->
                    Error(
                        error
                            "S2"
                            $"--set {name}"
                            $"`{text}` does not fit; it takes {setting.Takes}"
                            $"Write, for example, `--set {setting.Example}`."
                    )

        let outcomes = changes |> List.map read

        match
            outcomes
            |> List.choose (fun outcome ->
                match outcome with
                | Error problem -> Some problem
                | Ok _ -> None)
        with
        | [] ->
            (recipe, outcomes)
            ||> List.fold (fun recipe outcome ->
                match outcome with
                | Ok change -> change recipe
                | Error _ -> recipe)
            |> Ok
        | problems -> Error problems
