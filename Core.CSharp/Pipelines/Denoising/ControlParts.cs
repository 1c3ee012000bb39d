namespace Recipes.Core.Pipelines.Denoising;

/// <summary>The controls of a group of images.</summary>
internal sealed class ControlParts : IDisposable
{
    private readonly List<ControlPart> parts = [];

    /// <param name="request">It has the controls, checked before.</param>
    /// <param name="group">The images.</param>
    public ControlParts(DrawingRequest request, DrawingGroup group)
    {
        try
        {
            foreach (var control in request.Controls)
            {
                parts.Add(new ControlPart(control, request, group));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>One for each control. They come after all parts that add channels.</summary>
    public IReadOnlyList<IDenoiserPart> Parts => parts;

    /// <inheritdoc/>
    public void Dispose() => parts.ForEach(part => part.Dispose());
}
