namespace Recipes.Pretraining

open Recipes

/// Settings of a pretraining changed from outside it, as in `--set denoiser.steps=100`.
[<RequireQualifiedAccess>]
module PretrainingOverrides =
    let private line (same: PretrainingPart -> bool) part (pretraining: Pretraining) = {
        pretraining with
            Parts = (pretraining.Parts |> List.filter (same >> not)) @ [ part ]
    }

    let private train (part: TrainPart) =
        line
            (fun found ->
                match found with
                | PretrainingPart.Train found -> found.Word = part.Word
                | _ -> false)
            (PretrainingPart.Train part)

    let private icons folder =
        line
            (fun found ->
                match found with
                | PretrainingPart.Icons _ -> true
                | _ -> false)
            (PretrainingPart.Icons folder)

    let private scenes count =
        line
            (fun found ->
                match found with
                | PretrainingPart.Scenes _ -> true
                | _ -> false)
            (PretrainingPart.Scenes(count * 1<img>))

    let private folder path =
        line
            (fun found ->
                match found with
                | PretrainingPart.Output _ -> true
                | _ -> false)
            (PretrainingPart.Output(OutputPart.Folder path))

    let private stage (network: Network) (part: StagePart) (pretraining: Pretraining) = {
        pretraining with
            Parts = [
                for found in pretraining.Parts do
                    match found with
                    | PretrainingPart.Stage(other, lines) when other = network ->
                        let kept = lines |> List.filter (fun line -> line.Word <> part.Word)
                        PretrainingPart.Stage(network, kept @ [ part ])
                    | other -> other
            ]
    }

    let private figure (part: FigurePart) (pretraining: Pretraining) =
        let lines = [
            for found in pretraining.Parts do
                match found with
                | PretrainingPart.Figures lines -> yield! lines |> List.filter (fun line -> line.Word <> part.Word)
                | _ -> ()
        ]

        pretraining
        |> line
            (fun found ->
                match found with
                | PretrainingPart.Figures _ -> true
                | _ -> false)
            (PretrainingPart.Figures(lines @ [ part ]))

    /// Every setting that can be changed.
    let settings: Setting<Pretraining> list = [
        Setting.text "icons" "a folder" "data/icons" icons
        Setting.count "scenes" "300000" scenes
        Setting.count "seed" "1" (TrainPart.Seed >> train)
        Setting.device (TrainPart.Device >> train)

        for network in Network.All do
            let name word = $"{network.Word}.{word}"
            let train = StagePart.Train >> stage network
            Setting.count (name "steps") "1000" (fun n -> train (TrainPart.Steps(n * 1<step>)))
            Setting.count (name "batch") "64" (fun n -> train (TrainPart.Batch(n * 1<img>)))
            Setting.number (name "rate") "1e-3" (TrainPart.Rate >> train)
            Setting.number (name "average") "0.999" (StagePart.Average >> stage network)

            if network.IsTowers then
                Setting.number (name "vary") "0.5" (StagePart.Vary >> stage network)

            Setting.count (name "seed") "1" (TrainPart.Seed >> train)

        Setting.count "captions" "100" (FigurePart.Captions >> figure)
        Setting.count "backgrounds" "3" (FigurePart.Backgrounds >> figure)
        Setting.count "denoise" "20" (fun n -> figure (FigurePart.Draw(DrawPart.Denoise(n * 1<step>))))
        Setting.number "guidance" "4" (DrawPart.Guidance >> FigurePart.Draw >> figure)
        Setting.text "folder" "a folder" "runs" folder
    ]

    /// The pretraining with the settings changed, or every setting that is unknown or has no such value.
    let apply changes pretraining =
        Setting.apply settings changes pretraining
