namespace Recipes

/// What a control picture shows.
[<RequireQualifiedAccess>]
type HintKind =
    | Canny
    | Lineart
    | Scribble
    | Segmentation
    | Lines
    | DepthMap
    | Pose

    /// As annotators and published ControlNets name it.
    member kind.Name =
        match kind with
        | Canny -> "canny"
        | Lineart -> "lineart"
        | Scribble -> "scribble"
        | Segmentation -> "segmentation"
        | Lines -> "mlsd"
        | DepthMap -> "depth"
        | Pose -> "openpose"

    override kind.ToString() = kind.Name

/// A mark for the type checker that also is a value: the kind of a hint, and of the ControlNets that follow it.
type IHintKind =
    abstract Kind: HintKind

/// Canny's edges, white on black.
type Canny =
    | Canny

    interface IHintKind with
        member _.Kind = HintKind.Canny

/// Soft lines, as an artist draws a contour.
type Lineart =
    | Lineart

    interface IHintKind with
        member _.Kind = HintKind.Lineart

/// A few thick strokes.
type Scribble =
    | Scribble

    interface IHintKind with
        member _.Kind = HintKind.Scribble

/// Areas, each in a colour of its own.
type Segmentation =
    | Segmentation

    interface IHintKind with
        member _.Kind = HintKind.Segmentation

/// Straight lines, which M-LSD finds (arXiv 2106.00186).
type Lines =
    | Lines

    interface IHintKind with
        member _.Kind = HintKind.Lines

/// How far things are: near is white.
type DepthMap =
    | DepthMap

    interface IHintKind with
        member _.Kind = HintKind.DepthMap

/// The joints of people, joined by coloured limbs.
type Pose =
    | Pose

    interface IHintKind with
        member _.Kind = HintKind.Pose

/// Where a hint comes from.
[<RequireQualifiedAccess>]
type HintSource =
    /// A picture that the annotator of the kind looks at.
    | Annotated of picture: string
    /// A picture that is a hint already.
    | Ready of picture: string
    /// Keypoints as OpenPose writes them, which are drawn.
    | Keypoints of json: string

    member source.Path =
        match source with
        | Annotated path
        | Ready path
        | Keypoints path -> path

/// Hints of one kind: one for all pictures that are drawn, or one for each `sample` line.
type Hint<'kind when 'kind :> IHintKind> = {
    Kind: HintKind
    Sources: HintSource list
}

/// Where a ControlNet is.
[<RequireQualifiedAccess>]
type ControlNetSource =
    /// The one that this recipe trains.
    | Learned
    /// A folder in the layout of the diffusers library, one file, or the folder of a finished run.
    | At of path: string

/// A ControlNet for a family of models and a kind of hints.
type ControlNet<'family, 'kind when 'family :> Family and 'kind :> IHintKind> = { Source: ControlNetSource }

/// A line of a control.
[<RequireQualifiedAccess>]
type ControlPart =
    | Strength of float
    | Between of first: float * last: float

    /// The word that writes this line.
    member part.Word =
        match part with
        | Strength _ -> "strength"
        | Between _ -> "between"

/// A ControlNet with the hints that it follows.
type Steering = {
    Net: ControlNetSource
    Kind: HintKind
    Hints: HintSource list
    Parts: ControlPart list
} with

    /// By what the ControlNet's outputs are multiplied.
    member steering.Strength =
        (1.0, steering.Parts)
        ||> List.fold (fun value part ->
            match part with
            | ControlPart.Strength strength -> strength
            | ControlPart.Between _ -> value)

    /// The share of the denoising steps in which it steers, from and to.
    member steering.Between =
        ((0.0, 1.0), steering.Parts)
        ||> List.fold (fun value part ->
            match part with
            | ControlPart.Strength _ -> value
            | ControlPart.Between(first, last) -> first, last)
