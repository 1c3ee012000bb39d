namespace Recipes.Core.Hub;

/// <summary>A file of a repository, as the hub's tree lists it.</summary>
/// <param name="Path">Its path, with / between parts.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="Hash">SHA-256 of a large file (Git LFS), else the SHA-1 of its git blob; hexadecimal.</param>
/// <param name="IsLarge">Whether the hash is a SHA-256.</param>
public sealed record HubFile(string Path, long Size, string Hash, bool IsLarge);
