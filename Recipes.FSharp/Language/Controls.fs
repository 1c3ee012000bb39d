namespace Recipes

/// The word `control`, its lines, and the hints that it draws along.
[<AutoOpen>]
module ControlWords =
    let private hint<'kind when 'kind :> IHintKind> kind source : Hint<'kind> = { Kind = kind; Sources = [ source ] }

    /// Canny's edges of a picture. A relative path starts at the script's folder.
    let cannyOf picture : Hint<Canny> =
        hint HintKind.Canny (HintSource.Annotated picture)

    /// Line art of a picture.
    let lineartOf picture : Hint<Lineart> =
        hint HintKind.Lineart (HintSource.Annotated picture)

    /// Strokes along the main edges of a picture.
    let scribbleOf picture : Hint<Scribble> =
        hint HintKind.Scribble (HintSource.Annotated picture)

    /// A picture's areas of one colour.
    let segmentationOf picture : Hint<Segmentation> =
        hint HintKind.Segmentation (HintSource.Annotated picture)

    /// The straight lines in a picture.
    let linesOf picture : Hint<Lines> =
        hint HintKind.Lines (HintSource.Annotated picture)

    /// People by their keypoints: a JSON file as OpenPose writes it.
    let poseOf json : Hint<Pose> =
        hint HintKind.Pose (HintSource.Keypoints json)

    /// A picture that is a hint of a kind already: `drawn DepthMap "depth.png"`.
    let drawn<'kind when 'kind :> IHintKind> (kind: 'kind) picture : Hint<'kind> =
        hint kind.Kind (HintSource.Ready picture)

    /// A hint for each `sample` line, in their order: `oneEach [ cannyOf "boat.png"; cannyOf "tree.png" ]`.
    let oneEach (hints: Hint<'kind> list) : Hint<'kind> = {
        Kind = (hints |> List.tryHead |> Option.map _.Kind |> Option.defaultValue HintKind.Canny)
        Sources = hints |> List.collect _.Sources
    }

    /// Samples are drawn once without any control and once with all: `control net (cannyOf "boat.png") { strength 1.0 }`.
    /// A recipe with controls and without `adapt` trains nothing.
    let control (net: ControlNet<'family, 'kind>) (hint: Hint<'kind>) =
        ControlBlock<'family>(net.Source, hint.Kind, hint.Sources)

    /// By what the ControlNet's outputs are multiplied. Default: 1.
    let strength value = ControlPart.Strength value

    /// The shares of the denoising steps between which the control steers. Default: 0 and 1.
    let between first last = ControlPart.Between(first, last)
