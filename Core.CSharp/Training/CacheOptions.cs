namespace Recipes.Core.Training;

/// <summary>
/// Folders in which latents and text states are kept for other runs. What is kept is found by hashes of all it depends
/// on, so that it is never stale, and may be deleted at any time.
/// </summary>
public sealed record CacheOptions
{
    /// <summary>For the pictures' latents; null to compute them anew at each run.</summary>
    public string? Latents { get; init; }

    /// <summary>For the captions' states; null to compute them anew at each run.</summary>
    public string? Texts { get; init; }
}
