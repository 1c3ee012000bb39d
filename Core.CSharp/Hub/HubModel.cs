using System.Text.RegularExpressions;

namespace Recipes.Core.Hub;

/// <summary>Names a model on a hub.</summary>
public sealed partial record HubModel
{
    /// <param name="id">The repository, such as <c>org/name</c>.</param>
    /// <param name="revision">A branch, a tag or a commit.</param>
    /// <param name="variant">A variant of the weights, such as <c>fp16</c>; null for full precision.</param>
    /// <param name="file">The one file wanted; null for a whole folder in diffusers layout.</param>
    /// <exception cref="RecipesException">A part cannot be a name.</exception>
    public HubModel(string id, string revision = "main", string? variant = null, string? file = null)
    {
        Require(
            IdPattern().IsMatch(id) && id.Length <= 96 && !id.Contains("--", StringComparison.Ordinal)
                && !id.Contains("..", StringComparison.Ordinal),
            $"\"{id}\" names no repository",
            "Write it as the hub shows it, such as org/name.");
        Require(
            RevisionPattern().IsMatch(revision) && IsPlainPath(revision),
            $"\"{revision}\" is no revision",
            "Write a branch, a tag or a commit, such as main.");
        Require(
            variant is null || VariantPattern().IsMatch(variant),
            $"\"{variant}\" is no variant",
            "Write the word between the dots of the weight files' names, such as fp16.");
        Require(
            file is null || (IsPlainPath(file) && file.EndsWith(".safetensors", StringComparison.Ordinal)),
            $"\"{file}\" is no safetensors file",
            "Name a .safetensors file of the repository; pickles (.ckpt, .bin) may run code and are not read.");
        (Id, Revision, Variant, File) = (id, revision, variant, file);
    }

    /// <summary>The repository.</summary>
    public string Id { get; }

    /// <summary>A branch, a tag or a commit.</summary>
    public string Revision { get; }

    /// <summary>A variant of the weights, such as fp16; null for full precision.</summary>
    public string? Variant { get; }

    /// <summary>The one file wanted; null for a whole folder.</summary>
    public string? File { get; }

    /// <summary>The folder's name in a cache.</summary>
    internal string CacheName => "models--" + Id.Replace("/", "--", StringComparison.Ordinal);

    /// <summary><c>org/name</c>, with the revision and variant where they are not the usual ones.</summary>
    public override string ToString() =>
        Id
        + (Revision == "main" ? "" : $"@{(IsCommit(Revision) ? Revision[..7] : Revision)}")
        + (Variant is null ? "" : $" ({Variant})")
        + (File is null ? "" : $" {File}");

    /// <summary>Whether the text is a whole commit hash.</summary>
    internal static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Whether a path with / between its parts stays where it is put, on any system.</summary>
    internal static bool IsPlainPath(string path) =>
        path.Length is > 0 and < 1024
        && path.Split('/').All(part => part.Length > 0 && part != "." && part != ".." && part.TrimEnd(' ', '.') == part)
        && path.All(c => c >= ' ' && c is not ('\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|'));

    private static void Require(bool right, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException("hub model", fault, cure);
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?$")]
    private static partial Regex IdPattern();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._/+-]*$")]
    private static partial Regex RevisionPattern();

    [GeneratedRegex(@"^[A-Za-z0-9_]+$")]
    private static partial Regex VariantPattern();
}
