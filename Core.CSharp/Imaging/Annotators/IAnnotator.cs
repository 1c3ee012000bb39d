namespace Recipes.Core.Imaging.Annotators;

/// <summary>Makes the picture that a ControlNet of one kind is led by.</summary>
public interface IAnnotator
{
    /// <summary>The kind of control, as ControlNets are named by it: canny, lineart, depth ...</summary>
    string Kind { get; }

    /// <summary>The control picture, of the same size as <paramref name="image"/>.</summary>
    /// <exception cref="RecipesException">This picture cannot be annotated.</exception>
    Image Annotate(Image image);
}
