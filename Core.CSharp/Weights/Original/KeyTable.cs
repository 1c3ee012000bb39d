namespace Recipes.Core.Weights.Original;

/// <summary>Collects the rows of one network, module by module.</summary>
/// <param name="prefix">What stands before every original key.</param>
internal sealed class KeyTable(string prefix)
{
    private readonly List<KeyRow> rows = [];

    /// <summary>All rows, in the order they were added.</summary>
    public IReadOnlyList<KeyRow> Rows => rows;

    /// <summary>One tensor.</summary>
    public void Add(string diffusers, string original, Arrangement how = Arrangement.Same) =>
        rows.Add(new KeyRow(diffusers, prefix + original, how));

    /// <summary>A module's weight.</summary>
    public void Weight(string diffusers, string original, Arrangement how = Arrangement.Same) =>
        Add($"{diffusers}.weight", $"{original}.weight", how);

    /// <summary>A module's weight and bias.</summary>
    public void Both(string diffusers, string original, Arrangement weight = Arrangement.Same)
    {
        Weight(diffusers, original, weight);
        Add($"{diffusers}.bias", $"{original}.bias");
    }

    /// <summary>Weight and bias of modules in a module, by a table of their two names.</summary>
    public void Both(string diffusers, string original, IEnumerable<(string Diffusers, string Original)> inner)
    {
        foreach (var (there, here) in inner)
        {
            Both($"{diffusers}.{there}", $"{original}.{here}");
        }
    }
}
