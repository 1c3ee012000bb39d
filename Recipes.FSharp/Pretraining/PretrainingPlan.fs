namespace Recipes.Pretraining

open System.IO
open Recipes
<<<<<<< HEAD
open Recipes.Core.Pocket

/// The checked budget of one network.
type StageBudget = {
    Network: Network
    Steps: int<step>
    Batch: int<img>
    Rate: float
    Average: float
    Seed: int
}

/// What a checked pretraining comes to.
type internal PretrainingData = {
    Name: string
    Script: string option
    Icons: string
    Scenes: int<img>
    Seed: int
    Device: Device
    Stages: StageBudget list
    Captions: int
    Backgrounds: int
    Denoise: int<step>
    Guidance: float
    Outputs: string
}

/// A plan as it is read and as it is hashed.
[<RequireQualifiedAccess>]
module internal PretrainingText =
    let private culture = CultureInfo.InvariantCulture
    let private number (value: float) = value.ToString("0.######", culture)
    let private rate (value: float) = value.ToString("0.###e-0", culture)

    let private parameters (network: Network) =
        match network with
        | Autoencoder -> PocketShape.VaeParameters
        | TextTowers -> PocketShape.TextTowerParameters
        | ScoringTowers -> PocketShape.ClipParameters
        | Denoiser -> PocketShape.UNetParameters

    let private stage (scenes: int<img>) (stage: StageBudget) = [
        let millions = (float (parameters stage.Network) / 1e6).ToString("0.00", culture)
        let seen = int64 stage.Steps * int64 stage.Batch
        let times = (float seen / float scenes).ToString("0.0", culture)
        "train", $"{stage.Network}, {millions} million parameters"

        "",
        $"""{counted (int64 stage.Steps) "step"} of {counted (int64 stage.Batch) "scene"}: {counted seen "scene"} seen, each {times} times"""

        "", $"rate {rate stage.Rate}, cosine; average {number stage.Average}; seed {stage.Seed}"
    ]

    let render (hash: string) (plan: PretrainingData) =
        let heldOut = Things.All |> Seq.filter _.HeldOut |> Seq.length

        let rows = [
            "icons", plan.Icons

            for package in SourcePackage.All do
                "", $"{package.Name} {package.Version}, {package.Licence}"
                "", $"  sha256 {package.Sha256}"

            "things",
            $"""{Things.All.Count - heldOut} to learn and {heldOut} held out, in {counted (int64 Styles.All.Count) "style"}"""

            "scenes", $"""{counted (int64 plan.Scenes) "scene"}, seed {plan.Seed}"""

            for budget in plan.Stages do
                yield! stage plan.Scenes budget

            "figures",
            $"""{counted (int64 plan.Captions) "unseen caption"}, {plan.Denoise} steps of ddim, guidance {number plan.Guidance}; a sheet of 36 prompts"""

            "device", string plan.Device
        ]

        String.concat "\n" [
            $"plan {plan.Name} {hash}"
            for word, line in rows do
                $"    {word, -8} {line}".TrimEnd()
        ]

    /// No path, so that the same work has the same text on every machine.
    let json (plan: PretrainingData) =
        let whole (value: int) = Json.Number(float value)

        Json.Object [
            "name", Json.Text plan.Name
            "packages",
            Json.Object [
                for package in SourcePackage.All -> package.FileName, Json.Text package.Sha256
            ]
            "scenes", whole (int plan.Scenes)
            "seed", whole plan.Seed
            "device", Json.Text(string plan.Device)
            "stages",
            Json.Object [
                for stage in plan.Stages ->
                    stage.Network.Word,
                    Json.Object [
                        "steps", whole (int stage.Steps)
                        "batch", whole (int stage.Batch)
                        "rate", Json.Number stage.Rate
                        "average", Json.Number stage.Average
                        "seed", whole stage.Seed
                    ]
            ]
            "figures",
            Json.Object [
                "captions", whole plan.Captions
                "backgrounds", whole plan.Backgrounds
                "denoise", whole (int plan.Denoise)
                "guidance", Json.Number plan.Guidance
            ]
        ]
=======
>>>>>>> figures

/// A pretraining that has passed every check; only `PretrainingPlan.check` makes one.
[<StructuredFormatDisplay("{Text}"); Sealed>]
type PretrainingPlan internal (data: PretrainingData) =
    let json = lazy (Json.canonical (PretrainingText.json data))
    let hash = lazy (Json.sha256 json.Value)
    member _.Name = data.Name
    /// The full path of the script that it stands in.
    member _.ScriptPath = data.Script
    /// The full path of the folder of the icons.
    member _.Icons = data.Icons
    member _.Scenes = data.Scenes
    /// Which scenes are composed.
    member _.Seed = data.Seed
    member _.Device = data.Device
    /// Every network, in the order in which they are trained.
    member _.Stages = data.Stages
    /// Unseen captions that the result is measured on.
    member _.Captions = data.Captions
    /// Backgrounds of each held-out thing, for the autoencoder's figure.
    member _.Backgrounds = data.Backgrounds
    member _.Denoise = data.Denoise
    member _.Guidance = data.Guidance
    /// The full path of the folder that the run's own folder is made in.
    member _.OutputFolder = data.Outputs
    /// The canonical JSON (RFC 8785).
    member _.Json = json.Value
    /// The SHA-256 of the canonical JSON in 64 hexadecimal digits.
    member _.Hash = hash.Value
    /// The plan as it is read.
    member _.Text = PretrainingText.render hash.Value[..7] data
    override plan.ToString() = plan.Text

    override plan.Equals other =
        match other with
        | :? PretrainingPlan as other -> plan.Hash = other.Hash
        | _ -> false

    override _.GetHashCode() = hash.Value.GetHashCode()

[<RequireQualifiedAccess>]
module PretrainingPlan =
<<<<<<< HEAD
    let private least at bound (value: int) (unit': string) =
        if value < bound then
            [
                error "P3" at $"{value} is less than {bound}" $"Write {bound}{unit'} or more."
            ]
        else
            []

    let private most at bound (value: int) (unit': string) =
        if value > bound then
            [
                error "P3" at $"{value} is more than {bound}" $"Write {bound}{unit'} or less."
            ]
        else
            []

    let private inside at (value: float) holds bounds =
        if Double.IsFinite value && holds value then
            []
        else
            [ error "P3" at $"{value} is out of range" $"Write a number {bounds}." ]

    let private twice at (words: string list) =
        words
        |> List.countBy id
        |> List.filter (fun (_, times) -> times > 1)
        |> List.map (fun (word, times) ->
            error "P2" $"{at}{word}" $"stands there {times} times" "Keep one of the lines.")

    let private foreign at (words: string list) (known: string list) =
        words
        |> List.filter (fun word -> not (List.contains word known))
        |> List.map (fun word -> error "P4" $"{at}{word}" "does not belong there" $"Words there are {listed known}.")

    let private parts (choose: PretrainingPart -> 'a option) (pretraining: Pretraining) =
        pretraining.Parts |> List.choose choose

    let private stageParts network (pretraining: Pretraining) =
        pretraining
        |> parts (fun part ->
            match part with
            | PretrainingPart.Stage(found, lines) when found = network -> Some lines
            | _ -> None)

    let private budget (network: Network) (lines: StagePart list) =
        let pick chooser otherwise =
            lines |> List.tryPick chooser |> Option.defaultValue otherwise

        let train chooser =
            pick (fun part ->
                match part with
                | StagePart.Train part -> chooser part
                | StagePart.Average _ -> None)

        {
            Network = network
            Steps =
                train
                    (fun p ->
                        match p with
                        | TrainPart.Steps n -> Some n
                        | _ -> None)
                    0<step>
            Batch =
                train
                    (fun p ->
                        match p with
                        | TrainPart.Batch n -> Some n
                        | _ -> None)
                    0<img>
            Rate =
                train
                    (fun p ->
                        match p with
                        | TrainPart.Rate r -> Some r
                        | _ -> None)
                    nan
            Seed =
                train
                    (fun p ->
                        match p with
                        | TrainPart.Seed s -> Some s
                        | _ -> None)
                    0
            Average =
                pick
                    (fun p ->
                        match p with
                        | StagePart.Average a -> Some a
                        | _ -> None)
                    0.999
        }

    let private stageProblems (pretraining: Pretraining) (network: Network) =
        let at = network.Word

        match stageParts network pretraining with
        | [] -> [
            error "P1" at "has no budget" $"Add `{at} {{ steps 1000<step>; batch 64<img>; rate 1e-3 }}`."
          ]
        | _ :: _ :: _ as several -> [
            error "P2" at $"stands there {several.Length} times" "Keep one of the blocks."
          ]
        | [ lines ] ->
            let words = lines |> List.map _.Word
            let stage = budget network lines

            [
                yield! twice $"{at}." words
                yield! foreign $"{at}." words [ "steps"; "batch"; "rate"; "average"; "seed" ]

                for word, example in [ "steps", "1000<step>"; "batch", "64<img>"; "rate", "1e-3" ] do
                    if not (List.contains word words) then
                        error "P1" $"{at}.{word}" "is missing" $"Add a line such as `{word} {example}`."

                if List.contains "steps" words then
                    yield! least $"{at}.steps" 1 (int stage.Steps) "<step>"

                if List.contains "batch" words then
                    // A contrastive loss needs something to tell apart.
                    let bound =
                        match network with
                        | TextTowers
                        | ScoringTowers -> 2
                        | Autoencoder
                        | Denoiser -> 1

                    yield! least $"{at}.batch" bound (int stage.Batch) "<img>"

                if List.contains "rate" words then
                    yield! inside $"{at}.rate" stage.Rate (fun rate -> rate > 0.0 && rate <= 1.0) "above 0 and up to 1"

                yield! inside $"{at}.average" stage.Average (fun a -> a >= 0.0 && a < 1.0) "from 0 to below 1"
            ]

    /// Checks a pretraining of a script, whose folder relative paths start at. Needs neither icons nor native code.
    let checkScript (script: string option) (pretraining: Pretraining) : Result<PretrainingPlan, Problem list> =
        let icons =
            pretraining
            |> parts (fun p ->
                match p with
                | PretrainingPart.Icons folder -> Some folder
                | _ -> None)

        let scenes =
            pretraining
            |> parts (fun p ->
                match p with
                | PretrainingPart.Scenes n -> Some n
                | _ -> None)

        let train =
            pretraining
            |> parts (fun p ->
                match p with
                | PretrainingPart.Train part -> Some part
                | _ -> None)

        let figures =
            pretraining
            |> parts (fun p ->
                match p with
                | PretrainingPart.Figures lines -> Some lines
                | _ -> None)
            |> List.concat

        let outputs =
            pretraining
            |> parts (fun p ->
                match p with
                | PretrainingPart.Output(OutputPart.Folder f) -> Some f
                | _ -> None)

        let draw chooser otherwise =
            figures
            |> List.tryPick (fun p ->
                match p with
                | FigurePart.Draw part -> chooser part
                | _ -> None)
            |> Option.defaultValue otherwise

        let captions =
            figures
            |> List.tryPick (fun p ->
                match p with
                | FigurePart.Captions n -> Some n
                | _ -> None)
            |> Option.defaultValue 100

        let backgrounds =
            figures
            |> List.tryPick (fun p ->
                match p with
                | FigurePart.Backgrounds n -> Some n
                | _ -> None)
            |> Option.defaultValue 3

        let denoise =
            draw
                (fun p ->
                    match p with
                    | DrawPart.Denoise n -> Some n
                    | _ -> None)
                20<step>

        let guidance =
            draw
                (fun p ->
                    match p with
                    | DrawPart.Guidance g -> Some g
                    | _ -> None)
                4.0

        let problems = [
            if not (Text.RegularExpressions.Regex.IsMatch(pretraining.Name, @"\A[A-Za-z0-9][A-Za-z0-9._-]*\z")) then
                error
                    "P3"
                    "pretraining"
                    $"\"{pretraining.Name}\" names no folder"
                    "Use letters, digits, `-`, `_` and `.`."

            match icons with
            | [] -> error "P1" "icons" "is missing" "Add a line such as `icons \"data/icons\"`."
            | [ folder ] when String.IsNullOrWhiteSpace folder -> error "P3" "icons" "is empty" "Name a folder."
            | _ -> ()

            match scenes with
            | [] -> error "P1" "scenes" "is missing" "Add a line such as `scenes 300_000<img>`."
            | count :: _ ->
                yield! least "scenes" 1 (int count) "<img>"
                yield! most "scenes" 10_000_000 (int count) "<img>"

            yield!
                twice "" [
                    yield! icons |> List.map (fun _ -> "icons")
                    yield! scenes |> List.map (fun _ -> "scenes")
                    yield! outputs |> List.map (fun _ -> "folder")
                    yield! train |> List.map _.Word
                ]

            yield! foreign "" (train |> List.map _.Word) [ "seed"; "device" ]
            yield! Network.All |> List.collect (stageProblems pretraining)
            yield! twice "figures." (figures |> List.map _.Word)
            yield! foreign "figures." (figures |> List.map _.Word) [ "captions"; "backgrounds"; "denoise"; "guidance" ]
            yield! least "figures.captions" 1 captions ""
            yield! least "figures.backgrounds" 0 backgrounds ""
            yield! most "figures.backgrounds" 12 backgrounds ""
            yield! least "figures.denoise" 1 (int denoise) "<step>"
            yield! most "figures.denoise" 1000 (int denoise) "<step>"
            yield! inside "figures.guidance" guidance (fun g -> g >= 0.0 && g <= 50.0) "from 0 to 50"
        ]
=======
    /// Checks a pretraining of a script, whose folder a relative path of the icons starts at; the results' starts at
    /// the current folder, as a recipe's does. Needs neither icons nor native code.
    let checkScript (script: string option) (pretraining: Pretraining) : Result<PretrainingPlan, Problem list> =
        let data = PretrainingDraft.ofPretraining script pretraining
>>>>>>> figures

        let full (folder: string) =
            match script |> Option.map Path.GetDirectoryName with
            | Some(NonNull start) -> Path.GetFullPath(folder, start)
            | _ -> Path.GetFullPath folder

        match PretrainingChecks.findings data pretraining with
        | [] ->
            Ok(
                PretrainingPlan {
<<<<<<< HEAD
                    Name = pretraining.Name
                    Script = script
                    Icons = full folder
                    Scenes = count
                    Seed =
                        train
                        |> List.tryPick (fun p ->
                            match p with
                            | TrainPart.Seed s -> Some s
                            | _ -> None)
                        |> Option.defaultValue 1
                    Device =
                        train
                        |> List.tryPick (fun p ->
                            match p with
                            | TrainPart.Device d -> Some d
                            | _ -> None)
                        |> Option.defaultValue Cpu
                    Stages = [
                        for network in Network.All -> budget network (List.concat (stageParts network pretraining))
                    ]
                    Captions = captions
                    Backgrounds = backgrounds
                    Denoise = denoise
                    Guidance = guidance
                    Outputs = Path.GetFullPath(outputs |> List.tryHead |> Option.defaultValue "runs")
=======
                    data with
                        Icons = full data.Icons
                        Outputs = Path.GetFullPath data.Outputs
>>>>>>> figures
                }
            )
        | problems -> Error problems

    /// Checks a pretraining whose relative paths start at the current folder.
    let check pretraining = checkScript None pretraining
