namespace Recipes.Core.Hub;

/// <summary>The connection broke, or the hub asked to come back later: worth another try.</summary>
internal sealed class CutException(string message, Exception? inner = null, TimeSpan? pause = null)
    : Exception(message, inner)
{
    /// <summary>How long the hub asked to wait, where it did.</summary>
    public TimeSpan? Pause { get; } = pause;
}
