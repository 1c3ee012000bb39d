namespace Recipes.Pretraining

open System
open System.Globalization
open Recipes
open Recipes.Core.Pocket
open Recipes.Plans

/// The checked budget of one network.
type StageBudget = {
    Network: Network
    Steps: int<step>
    Batch: int<img>
    Rate: float
    Average: float
    Vary: float
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
    let private rate (value: float) = value.ToString("0.###e-0", culture)

    let private parameters (network: Network) =
        match network with
        | Autoencoder -> PocketShape.VaeParameters
        | TextTowers -> PocketShape.TextTowerParameters
        | ScoringTowers -> PocketShape.ClipParameters
        | Denoiser -> PocketShape.UNetParameters
        | UpscalerAutoencoder -> PocketShape.UpscalerVaeParameters
        | Upscaler -> PocketShape.UpscalerUNetParameters

    let private stage (scenes: int<img>) (stage: StageBudget) = [
        let millions = (float (parameters stage.Network) / 1e6).ToString("0.00", culture)
        let seen = int64 stage.Steps * int64 stage.Batch
        let times = (float seen / float scenes).ToString("0.0", culture)
        "train", $"{stage.Network}, {millions} million parameters"

        "",
        $"""{counted (int64 stage.Steps) "step"} of {counted (int64 stage.Batch) "scene"}: {counted seen "scene"} seen, each {times} times"""

        "", $"rate {rate stage.Rate}, cosine; average {decimal stage.Average}; seed {stage.Seed}"

        if stage.Vary > 0.0 then
            "", $"{decimal (100.0 * stage.Vary)} %% of the icons in other colours and shapes"
    ]

    let render (hash: string) (plan: PretrainingData) =
        let heldOut = Things.All |> Seq.filter _.HeldOut |> Seq.length

        Rows.render plan.Name hash [
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
            $"""{counted (int64 plan.Captions) "unseen caption"}, {plan.Denoise} steps of ddim, guidance {decimal plan.Guidance}; a sheet of 36 prompts"""

            "device", string plan.Device
        ]

    /// No path, so that the same work has the same text on every machine.
    let json (plan: PretrainingData) =
        Json.Object [
            "name", Json.Text plan.Name
            "packages",
            Json.Object [
                for package in SourcePackage.All -> package.FileName, Json.Text package.Sha256
            ]
            "scenes", Json.whole (int plan.Scenes)
            "seed", Json.whole plan.Seed
            "device", Json.Text(string plan.Device)
            "stages",
            Json.Object [
                for stage in plan.Stages ->
                    stage.Network.Word,
                    Json.Object [
                        "steps", Json.whole (int stage.Steps)
                        "batch", Json.whole (int stage.Batch)
                        "rate", Json.Number stage.Rate
                        "average", Json.Number stage.Average
                        if stage.Network.IsTowers then
                            "vary", Json.Number stage.Vary
                        "seed", Json.whole stage.Seed
                    ]
            ]
            "figures",
            Json.Object [
                "captions", Json.whole plan.Captions
                "backgrounds", Json.whole plan.Backgrounds
                "denoise", Json.whole (int plan.Denoise)
                "guidance", Json.Number plan.Guidance
            ]
        ]
