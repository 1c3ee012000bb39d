namespace Recipes

/// A recipe that has passed every check; only a plan can run, and only `Plan.check` makes one.
[<StructuredFormatDisplay("{Text}"); Sealed>]
type Plan internal (data: PlanData) =
    let json = lazy (Json.canonical (PlanJson.ofData data))
    let hash = lazy (Json.sha256 json.Value)

    /// The recipe's name: letters, digits, `-`, `_` and `.`.
    member _.Name = data.Name
    /// The full path of the script that the recipe stands in.
    member _.ScriptPath = data.Script
    member _.Model = data.Model
    /// The full path of the base model's folder.
    member _.ModelFolder = data.Model.Folder
    member _.Subjects = data.Subjects
    /// What is trained.
    member _.Method = data.Method
    /// Whether anything is trained.
    member _.Trains = data.Method <> PlannedMethod.Nothing
    member _.Budget = data.Budget
    /// How samples and class pictures are drawn.
    member _.Draw = data.Drawing
    member _.Samples = data.Samples
    /// What leads the samples besides their prompts.
    member _.Controls = data.Controls
    /// Of a plan for an upscaler: what it says beside its training.
    member _.Upscaling = data.Upscaling
    /// The plan for an upscaler of what is drawn.
    member _.Enlarge = data.Enlarge |> Option.map Plan
    /// The plans whose results are merged.
    member _.Parts = data.Parts |> List.map Plan
    /// The full path of the folder that the run's own folder is made in.
    member _.OutputFolder = data.Outputs
    /// What is doubtful, but no reason to refuse.
    member _.Warnings = data.Warnings
    /// What follows from the settings: pictures seen, work, memory and disk; one line each.
    member _.Notes = PlanText.notes data
    /// The canonical JSON (RFC 8785).
    member _.Json = json.Value
    /// The SHA-256 of the canonical JSON in 64 hexadecimal digits.
    member _.Hash = hash.Value
    /// The first eight digits of the hash.
    member _.ShortHash = hash.Value[..7]
    /// The plan as it is read.
    member plan.Text = PlanText.render plan.ShortHash data
    override plan.ToString() = plan.Text

    override plan.Equals other =
        match other with
        | :? Plan as other -> plan.Hash = other.Hash
        | _ -> false

    override plan.GetHashCode() = hash.Value.GetHashCode()

[<RequireQualifiedAccess>]
module Plan =
    let private subjects (draft: Draft) (model: BaseFacts) (folders: PictureFolder list) others =
        let budget = draft.Budget

        let shapes =
            Checks.Shapes.options
                budget
                model.Multiple
                (Checks.Shapes.enlarges budget (draft.Sources |> List.map _.Upscaled))

        let visits = Checks.Shapes.visits budget shapes (folders |> List.map _.Pictures)

        [
            for (subject, folder), ((held, masks), visits) in
                List.zip (List.zip draft.Sources folders) (List.zip others visits) do
                {
                    Token = subject.Token
                    Noun = subject.Noun
                    InstancePrompt = subject.InstancePrompt
                    Captions = subject.Captions
                    Flipped = subject.Flipped
                    Upscaled = subject.Upscaled
                    ClassPrompt = subject.ClassPrompt
                    Folder = folder.Folder
                    Images = folder.Pictures
                    HeldOut = held |> Option.map _.Pictures |> Option.defaultValue []
                    Masks = folder.Pictures |> List.choose (Checks.Subjects.maskOf masks)
                    Beside = subject.Beside
                    Visits = visits
                    Shapes = [
                        for shape, count in Checks.Shapes.counts shapes folder.Pictures do
                            string shape, count
                    ]
                    PriorCount = subject.Prior
                    // As many class pictures come as pictures of the subject.
                    ClassVisited =
                        min (int64 subject.Prior) (List.sum visits)
                        |> int
                        |> LanguagePrimitives.Int32WithMeasure
                }
        ]

    let private pick chooser otherwise (tuning: Tuning) =
        tuning.Parts |> List.tryPick chooser |> Option.defaultValue otherwise

    let private lora kind rank (tuning: Tuning) (model: BaseFacts) = {
        Kind = kind
        Rank = rank
        Alpha =
            tuning
            |> pick
                (fun part ->
                    match part with
                    | TunePart.Alpha value -> Some(Some value)
                    | _ -> None)
                None
        Dropout =
            tuning
            |> pick
                (fun part ->
                    match part with
                    | TunePart.Dropout value -> Some value
                    | _ -> None)
                0.0
        Initial =
            tuning
            |> pick
                (fun part ->
                    match part with
                    | TunePart.Initial kind -> Some kind
                    | _ -> None)
                Kaiming
        Share =
            tuning
            |> pick
                (fun part ->
                    match part with
                    | TunePart.Orthogonal share -> Some(Some share)
                    | _ -> None)
                None
        Targets = Targets.chosen tuning
        Layers = Targets.adapted rank tuning model.Layers
    }

    let private vectors count (tuning: Tuning) (subject: SourceDraft) (model: BaseFacts) = {
        Token = subject.Token
        Count = count
        StartFrom = Targets.startFrom tuning subject.Noun
        Templates =
            tuning
            |> pick
                (fun part ->
                    match part with
                    | TunePart.Templates kind -> Some kind
                    | _ -> None)
                Things
        Width = model.TextWidth
    }

    let private weights (tuning: Tuning) (model: BaseFacts) =
        let layers = Targets.trained tuning model.Layers

        let text =
            if Targets.trainsText tuning then
                model.TextParameters
            else
                0L

        {
            Targets = Targets.written tuning
            Layers = layers
            Text = text
            Parameters =
                text
                + (match layers with
                   | None -> model.UNetParameters
                   | Some layers -> layers |> List.sumBy _.Parameters)
        }

    let private keys (tuning: Tuning) (draft: Draft) (model: BaseFacts) = {
        Weights = weights tuning model
        Tokens = [
            for subject in draft.Subjects do
                {
                    Token = subject.Token
                    StartFrom = Targets.startFrom tuning subject.Noun
                    Width = model.TextWidth
                }
        ]
    }

    let internal planned (tuning: Tuning) (draft: Draft) (model: BaseFacts) =
        match tuning.Method with
        | Adapter(kind, rank) -> PlannedMethod.LowRank(lora kind rank tuning model)
        | NewVectors count -> PlannedMethod.Vectors(vectors count tuning draft.Sources.Head model)
        | KeysAndValues -> PlannedMethod.KeysAndValues(keys tuning draft model)
        | Everything -> PlannedMethod.Weights(weights tuning model)
        | ControlNetwork kind ->
            PlannedMethod.Control {
                Kind = kind
                Parameters = ControlSize.parameters model.Layers
            }

    let private control (steering: Steering, facts: ControlFacts) : PlannedControl = {
        Kind = steering.Kind
        Net = facts.Net
        Hints = facts.Hints
        Strength = steering.Strength
        First = fst steering.Between
        Last = snd steering.Between
    }

    let private sample (prompt: Prompt) = {
        Text = prompt.Text
        Plain = prompt.Plain
        Mentions = prompt.Mentions |> List.choose _.Token
    }

    let private upscaling (draft: Draft) (facts: Facts) (model: BaseFacts) =
        model.HighestNoise
        |> Option.map (fun most -> {
            Factor = model.Factor
            Multiple = model.Multiple / model.Factor
            NoiseUpTo = draft.NoiseUpTo |> List.tryLast |> Option.defaultValue most
            NoiseLevel = draft.NoiseLevel
            HeldOut = facts.Measured |> Option.map _.Pictures |> Option.defaultValue []
        })

    /// The upscaler's recipe, which learns what the recipe around it learns where it names nothing of its own.
    let private inside (recipe: Recipe) (stage: Recipe) =
        if (Draft.sources stage).IsEmpty then
            let learned =
                recipe.Parts
                |> List.filter (fun part ->
                    match part with
                    | RecipePart.Learn _
                    | RecipePart.Data _ -> true
                    | _ -> false)

            {
                stage with
                    Parts = learned @ stage.Parts
            }
        else
            stage

    /// What is wrong with a recipe inside another, or doubtful, with its place in that one.
    let private under (place: string) (outcome: Result<PlanData, Problem list>) =
        match outcome with
        | Error problems -> problems
        | Ok plan -> plan.Warnings
        |> List.map (fun problem -> {
            problem with
                At = $"{place}.{problem.At}"
        })

    /// The problems of an upscaler inside a recipe, and of how the two fit.
    let private within (draft: Draft) (stage: Recipe) (outcome: Result<PlanData, Problem list>) = [
        yield! under "enlarge" outcome

        match outcome with
        | Ok { Upscaling = Some upscaling } -> yield! Checks.Enlarging.fit draft stage.Model upscaling.Multiple
        | Ok _
        | Error _ -> ()
    ]

    /// What the merge of these plans is.
    let private merged (draft: Draft) (parts: PlanData list) : PlannedMerge =
        let way = fst draft.Merges.Head

        {
            Way = way
            Against = List.tryHead draft.Against
            IsKeys =
                (match way with
                 | ClosedForm
                 | LeastSquares -> true
                 | Sum
                 | PlainSum -> parts |> List.exists _.Method.IsKeysAndValues)
            Tokens =
                parts
                |> List.collect (fun part ->
                    match part.Method with
                    | PlannedMethod.KeysAndValues keys -> keys.Tokens
                    | _ -> [])
        }

    /// The problems of recipes that are merged, and of how they fit; what the merge's own prompts repeat is left out.
    let private together (draft: Draft) facts (outcomes: (string * Result<PlanData, Problem list>) list) = [
        for name, outcome in outcomes do
            yield! under $"merge.{name}" outcome

        match outcomes |> List.map (snd >> Result.toOption) with
        | plans when plans |> List.forall Option.isSome -> yield! Checks.Merging.fit draft facts (List.choose id plans)
        | _ -> ()
    ]

    /// The plan's data. A recipe is nested where it is the upscaler of another one.
    let rec private checkData
        nested
        settings
        (script: string option)
        (recipe: Recipe)
        : Result<PlanData, Problem list> =
        let facts = Reading.facts settings script recipe
        let native = facts.Base |> Option.map _.NativeSize |> Option.defaultValue 0<px>
        let draft = Draft.ofRecipe native recipe

        let stage =
            match draft.Enlarge with
            | [ stage ] when stage.Family = nameof X4 && not draft.Upscales ->
                let stage = inside recipe stage
                Some(stage, checkData true settings script stage)
            | _ -> None

        let outcomes =
            draft.Merges
            |> List.collect snd
            |> List.map (fun part -> part.Name, checkData false settings script part)

        let ofParts = together draft facts outcomes

        let known =
            ofParts
            |> List.map (fun problem -> problem.Code, problem.What, problem.Try)
            |> set

        let problems =
            [
                yield! Checks.Lines.findings draft
                yield! facts.Problems
                yield! Checks.Merging.findings draft
                if draft.Upscales then
                    yield! Checks.Enlarging.findings draft facts

                    if not nested then
                        yield! Checks.Enlarging.alone draft
                else
                    yield! Checks.Tokens.findings draft facts
                    yield! Checks.Enlarging.stages draft
                yield! Checks.Data.findings draft facts
                yield! Checks.Shapes.findings draft facts
                yield! Checks.Subjects.findings draft facts
                yield! Checks.Compatibility.findings draft facts
                yield! Checks.Optimisation.findings draft facts
                yield! Checks.Controls.findings draft facts
                yield! Checks.Caches.findings draft facts
                yield! Checks.Resources.findings draft facts

                match stage with
                | Some(stage, outcome) -> yield! within draft stage outcome
                | None -> ()
            ]
            |> List.filter (fun problem -> not (known.Contains(problem.Code, problem.What, problem.Try)))
            |> List.append ofParts
            |> List.distinct

        let errors, warnings = problems |> List.partition isError

        let parts = outcomes |> List.choose (snd >> Result.toOption)

        let way =
            match facts.Base, draft.Tunings with
            | Some model, [ tuning ] -> Some(model, planned tuning draft model)
            | Some model, [] when draft.IsMerge -> Some(model, PlannedMethod.Merge(merged draft parts))
            | Some model, [] -> Some(model, PlannedMethod.Nothing)
            | _ -> None

        match errors, way with
        | [], Some(model, way) ->

            Ok {
                Name = recipe.Name
                Script = script
                Model = {
                    Name = recipe.Model
                    Family = model.Family
                    Folder = model.Folder
                    Origin = model.Origin
                    Prediction = model.Prediction
                    NativeSize = model.NativeSize
                    Multiple = model.Multiple
                    Parameters = model.Parameters
                    Sha256 = model.Sha256.Value
                }
                Subjects = subjects draft model (List.choose id facts.Folders) (List.zip facts.HeldOut facts.Masks)
                Method = way
                Budget = draft.Budget
                Drawing = draft.Drawing
                Samples = draft.Samples |> List.map sample
                Controls = List.zip draft.Controls (List.choose id facts.Controls) |> List.map control
                Upscaling = upscaling draft facts model
                Enlarge = stage |> Option.bind (snd >> Result.toOption)
                Parts = parts
                Outputs = System.IO.Path.GetFullPath draft.Outputs
                Memory = Checks.Memory.most draft draft.Budget model (List.tryHead draft.Tunings)
                Warnings = warnings
            }
        | _ -> Error(errors @ warnings)

    /// As `checkScript`, with these settings of the hub.
    let internal checkWith settings (script: string option) (recipe: Recipe) : Result<Plan, Problem list> =
        checkData false settings script recipe |> Result.map Plan

    /// Checks the recipe of a script, whose folder relative paths start at; without a script they start at the current
    /// folder. Gives the plan, or every problem at once: errors first, then warnings. Nothing is downloaded.
    let checkScript (script: string option) (recipe: Recipe) : Result<Plan, Problem list> =
        checkWith Recipes.Core.Hub.HubSettings.FromEnvironment script recipe

    /// Checks a recipe whose relative paths start at the current folder.
    let check (recipe: Recipe) : Result<Plan, Problem list> = checkScript None recipe
