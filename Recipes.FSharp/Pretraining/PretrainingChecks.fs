namespace Recipes.Pretraining

open System
open System.Text.RegularExpressions
open Recipes

/// What a pretraining says, its defaults filled in, right or wrong.
[<RequireQualifiedAccess>]
module internal PretrainingDraft =
    /// The lines of every block of a network.
    let stageLines network (pretraining: Pretraining) =
        pretraining.Parts
        |> List.choose (fun part ->
            match part with
            | PretrainingPart.Stage(found, lines) when found = network -> Some lines
            | _ -> None)

    let budget (network: Network) (lines: StagePart list) =
        ({
            Network = network
            Steps = 0<step>
            Batch = 0<img>
            Rate = nan
            Average = 0.999
            Vary = 0.0
            Seed = 0
         },
         lines)
        ||> List.fold (fun budget line ->
            match line with
            | StagePart.Train(TrainPart.Steps count) -> { budget with Steps = count }
            | StagePart.Train(TrainPart.Batch scenes) -> { budget with Batch = scenes }
            | StagePart.Train(TrainPart.Rate rate) -> { budget with Rate = rate }
            | StagePart.Train(TrainPart.Seed seed) -> { budget with Seed = seed }
            | StagePart.Average decay -> { budget with Average = decay }
            | StagePart.Vary share -> { budget with Vary = share }
            | StagePart.Train _ -> budget)

    let private figures (data: PretrainingData) (lines: FigurePart list) =
        (data, lines)
        ||> List.fold (fun data line ->
            match line with
            | FigurePart.Captions number -> { data with Captions = number }
            | FigurePart.Backgrounds number -> { data with Backgrounds = number }
            | FigurePart.Draw(DrawPart.Denoise steps) -> { data with Denoise = steps }
            | FigurePart.Draw(DrawPart.Guidance value) -> { data with Guidance = value }
            | FigurePart.Draw _ -> data)

    /// Paths as they were written.
    let ofPretraining script (pretraining: Pretraining) : PretrainingData =
        ({
            Name = pretraining.Name
            Script = script
            Icons = ""
            Scenes = 0<img>
            Seed = 1
            Device = Cpu
            Stages = [
                for network in Network.All -> budget network (List.concat (stageLines network pretraining))
            ]
            Captions = 100
            Backgrounds = 3
            Denoise = 20<step>
            Guidance = 4.0
            Outputs = "runs"
         },
         pretraining.Parts)
        ||> List.fold (fun data part ->
            match part with
            | PretrainingPart.Icons folder -> { data with Icons = folder }
            | PretrainingPart.Scenes count -> { data with Scenes = count }
            | PretrainingPart.Train(TrainPart.Seed seed) -> { data with Seed = seed }
            | PretrainingPart.Train(TrainPart.Device device) -> { data with Device = device }
            | PretrainingPart.Output(OutputPart.Folder folder) -> { data with Outputs = folder }
            | PretrainingPart.Figures lines -> figures data lines
            | PretrainingPart.Train _
            | PretrainingPart.Stage _ -> data)

/// What is wrong with a pretraining: P1 missing, P2 twice, P3 out of range, P4 a word that does not belong there.
[<RequireQualifiedAccess>]
module internal PretrainingChecks =
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

    let private stageProblems (pretraining: Pretraining) (network: Network) =
        let at = network.Word

        match PretrainingDraft.stageLines network pretraining with
        | [] -> [
            error "P1" at "has no budget" $"Add `{at} {{ steps 1000<step>; batch 64<img>; rate 1e-3 }}`."
          ]
        | _ :: _ :: _ as several -> [
            error "P2" at $"stands there {several.Length} times" "Keep one of the blocks."
          ]
        | [ lines ] ->
            let words = lines |> List.map _.Word
            let stage = PretrainingDraft.budget network lines

            [
                yield! twice $"{at}." words
                let known = [ "steps"; "batch"; "rate"; "average"; "seed" ]
                yield! foreign $"{at}." words (if stage.Network.IsTowers then known @ [ "vary" ] else known)

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
                        | Denoiser
                        | UpscalerAutoencoder
                        | Upscaler -> 1

                    yield! least $"{at}.batch" bound (int stage.Batch) "<img>"

                if List.contains "rate" words then
                    yield! inside $"{at}.rate" stage.Rate (fun rate -> rate > 0.0 && rate <= 1.0) "above 0 and up to 1"

                yield! inside $"{at}.average" stage.Average (fun a -> a >= 0.0 && a < 1.0) "from 0 to below 1"
                yield! inside $"{at}.vary" stage.Vary (fun share -> share >= 0.0 && share <= 1.0) "from 0 to 1"
            ]

    /// The words of the lines that stand in no block.
    let private loose (pretraining: Pretraining) =
        pretraining.Parts
        |> List.choose (fun part ->
            match part with
            | PretrainingPart.Icons _ -> Some "icons"
            | PretrainingPart.Scenes _ -> Some "scenes"
            | PretrainingPart.Train part -> Some part.Word
            | PretrainingPart.Output part -> Some part.Word
            | PretrainingPart.Stage _
            | PretrainingPart.Figures _ -> None)

    let private figureProblems (data: PretrainingData) (pretraining: Pretraining) =
        let words =
            pretraining.Parts
            |> List.collect (fun part ->
                match part with
                | PretrainingPart.Figures lines -> lines |> List.map _.Word
                | _ -> [])

        [
            yield! twice "figures." words
            yield! foreign "figures." words [ "captions"; "backgrounds"; "denoise"; "guidance" ]
            yield! least "figures.captions" 1 data.Captions ""
            yield! least "figures.backgrounds" 0 data.Backgrounds ""
            yield! most "figures.backgrounds" 12 data.Backgrounds ""
            yield! least "figures.denoise" 1 (int data.Denoise) "<step>"
            yield! most "figures.denoise" 1000 (int data.Denoise) "<step>"
            yield! inside "figures.guidance" data.Guidance (fun value -> value >= 0.0 && value <= 50.0) "from 0 to 50"
        ]

    /// Every problem at once.
    let findings (data: PretrainingData) (pretraining: Pretraining) : Problem list =
        let words = loose pretraining

        [
            if not (Regex.IsMatch(data.Name, @"\A[A-Za-z0-9][A-Za-z0-9._-]*\z")) then
                error "P3" "pretraining" $"\"{data.Name}\" names no folder" "Use letters, digits, `-`, `_` and `.`."

            if not (List.contains "icons" words) then
                error "P1" "icons" "is missing" "Add a line such as `icons \"data/icons\"`."
            elif String.IsNullOrWhiteSpace data.Icons then
                error "P3" "icons" "is empty" "Name a folder."

            if List.contains "scenes" words then
                yield! least "scenes" 1 (int data.Scenes) "<img>"
                yield! most "scenes" 10_000_000 (int data.Scenes) "<img>"
            else
                error "P1" "scenes" "is missing" "Add a line such as `scenes 300_000<img>`."

            yield! twice "" words
            yield! foreign "" words [ "icons"; "scenes"; "seed"; "device"; "folder" ]
            yield! Network.All |> List.collect (stageProblems pretraining)
            yield! figureProblems data pretraining
        ]
