namespace Recipes.Core.Imaging.Annotators;

/// <summary>The annotators by their kinds, with the settings that most ControlNets were trained with.</summary>
public static class AnnotatorKinds
{
    private const string Keypoints =
        "no network that finds people in a picture is available, so poses are drawn from their keypoints";

    private const string Distances =
        "no network that estimates depth from one picture is available, so depth is drawn from layers whose distances "
        + "are known";

    /// <summary>The kinds that need nothing but a picture.</summary>
    public static IReadOnlyList<string> OfPictures { get; } = ["canny", "lineart", "scribble", "segmentation", "mlsd"];

    /// <summary>
    /// The annotator of a kind. That of mlsd fetches its weights on first use, see <see cref="MlsdWeights"/>.
    /// </summary>
    /// <exception cref="RecipesException">There is no such kind, or it needs more than a picture.</exception>
    public static IAnnotator Of(string kind) => kind switch
    {
        "canny" => new CannyAnnotator(),
        "lineart" => new LineArtAnnotator(),
        "scribble" => new ScribbleAnnotator(),
        "segmentation" => new ColourSegmentation(),
        "mlsd" => new LineDetector(MlsdWeights.Large.Fetch()),
        "depth" => throw Unknown(kind, Distances, "Give the scene's layers, nearest and farthest, or a depth picture."),
        "openpose" => throw Unknown(
            kind, Keypoints, "Give a JSON file of keypoints as OpenPose writes it, or a drawn pose."),
        _ => throw Unknown(
            kind, "there is no annotator of this kind",
            $"Take one of {string.Join(", ", OfPictures)}, depth and openpose, or give pictures made elsewhere."),
    };

    private static RecipesException Unknown(string kind, string fault, string cure) =>
        new($"control \"{kind}\"", fault, cure);
}
