namespace Recipes.Pretraining

open Recipes

/// A network of the embedded model, or a pair of them that is trained together.
type Network =
    /// Pictures to latents and back.
    | Autoencoder
    /// A CLIP pair whose text half becomes the text encoder.
    | TextTowers
    /// The independent CLIP pair that evaluates.
    | ScoringTowers
    /// Denoises latents, led by the text.
    | Denoiser
    /// Large pictures to latents and back, for the upscaler.
    | UpscalerAutoencoder
    /// Denoises latents of large pictures, led by small ones.
    | Upscaler

    /// The word that writes its budget.
    member network.Word =
        match network with
        | Autoencoder -> "autoencoder"
        | TextTowers -> "textTowers"
        | ScoringTowers -> "scoringTowers"
        | Denoiser -> "denoiser"
        | UpscalerAutoencoder -> "upscalerAutoencoder"
        | Upscaler -> "upscaler"

    /// Whether it is a pair of CLIP towers.
    member network.IsTowers =
        match network with
        | TextTowers
        | ScoringTowers -> true
        | Autoencoder
        | Denoiser
        | UpscalerAutoencoder
        | Upscaler -> false

    override network.ToString() =
        match network with
        | Autoencoder -> "autoencoder"
        | TextTowers -> "text towers"
        | ScoringTowers -> "scoring towers"
        | Denoiser -> "denoiser"
        | UpscalerAutoencoder -> "upscaler's autoencoder"
        | Upscaler -> "upscaler"

    /// In the order in which they are trained: the denoiser needs the autoencoder and the text encoder, the upscaler an
    /// autoencoder of its own and the same text encoder.
    static member All = [
        Autoencoder
        TextTowers
        ScoringTowers
        Denoiser
        UpscalerAutoencoder
        Upscaler
    ]

/// A line of one network's budget.
[<RequireQualifiedAccess>]
type StagePart =
    | Train of TrainPart
    | Average of float
    | Vary of float

    /// The word that writes this line.
    member part.Word =
        match part with
        | Train part -> part.Word
        | Average _ -> "average"
        | Vary _ -> "vary"

/// A line about how the result is measured.
[<RequireQualifiedAccess>]
type FigurePart =
    | Draw of DrawPart
    | Captions of int
    | Backgrounds of int

    /// The word that writes this line.
    member part.Word =
        match part with
        | Draw part -> part.Word
        | Captions _ -> "captions"
        | Backgrounds _ -> "backgrounds"

/// A line of a pretraining.
[<RequireQualifiedAccess>]
type PretrainingPart =
    | Icons of folder: string
    | Scenes of int<img>
    | Train of TrainPart
    | Stage of Network * StagePart list
    | Figures of FigurePart list
    | Output of OutputPart

/// A pretraining as it was written: open data, not yet checked. `PretrainingPlan.check` makes a plan of it.
type Pretraining = {
    Name: string
    Parts: PretrainingPart list
}

/// `denoiser { ... }`
type StageBlock(network: Network) =
    inherit Block<StagePart>()
    member inline _.Yield(part: TrainPart) = [ StagePart.Train part ]
    member inline _.Yield(part: StagePart) = [ part ]
    member _.Run(parts) = PretrainingPart.Stage(network, parts)

/// `figures { ... }`
type FigureBlock() =
    inherit Block<FigurePart>()
    member inline _.Yield(part: DrawPart) = [ FigurePart.Draw part ]
    member inline _.Yield(part: FigurePart) = [ part ]
    member _.Run(parts) = PretrainingPart.Figures parts

/// `pretraining "pretrain" { ... }`
type PretrainingBlock(name: string) =
    inherit Block<PretrainingPart>()
    member inline _.Yield(part: TrainPart) = [ PretrainingPart.Train part ]
    member inline _.Yield(part: OutputPart) = [ PretrainingPart.Output part ]
    member inline _.Yield(part: PretrainingPart) = [ part ]
    member _.Run(parts) : Pretraining = { Name = name; Parts = parts }

/// The words of a pretraining, beside those that it shares with recipes: steps, batch, rate, seed, device, denoise,
/// guidance, folder.
[<AutoOpen>]
module Language =
    /// Trains the embedded model from icons: its name and its lines.
    let pretraining name = PretrainingBlock name

    /// The folder that holds `icons.pack`, or the packages' tarballs that it is built from. A relative path
    /// starts at the script's folder.
    let icons folder = PretrainingPart.Icons folder

    /// How many scenes are composed; all networks learn from the same ones.
    let scenes pictures = PretrainingPart.Scenes pictures

    /// The autoencoder's budget.
    let autoencoder = StageBlock Autoencoder

    /// The budget of the pair whose text half becomes the text encoder.
    let textTowers = StageBlock TextTowers

    /// The budget of the independent pair that evaluates.
    let scoringTowers = StageBlock ScoringTowers

    /// The denoiser's budget.
    let denoiser = StageBlock Denoiser

    /// The budget of the upscaler's autoencoder.
    let upscalerAutoencoder = StageBlock UpscalerAutoencoder

    /// The upscaler's budget.
    let upscaler = StageBlock Upscaler

    /// The highest decay of the moving average of the weights, which is what is kept. Default: 0.999.
    let average decay = StagePart.Average decay

    /// The share of icons that towers see in other colours and shapes, 0 to 1, so that they know things by more than
    /// the few drawings there are. Default: 0.
    let vary share = StagePart.Vary share

    /// How the result is measured: `figures { captions 100; denoise 20<step>; guidance 4.0 }`.
    let figures = FigureBlock()

    /// Unseen captions to draw, one picture each. Default: 100.
    let captions number = FigurePart.Captions number

    /// Backgrounds that every held-out thing is shown on in every style, to measure the autoencoder; 0 leaves it out.
    /// Default: 3.
    let backgrounds number = FigurePart.Backgrounds number
