using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// Records where a UNet's pixels look in the text: the softmax(QKᵀ/√d) of its attentions to the text, at chosen
/// resolutions and for chosen tokens. It takes part in the gradient. What the UNet predicts stays the same to the last
/// bit, for the probabilities are computed beside the attention and not in its place.
/// </summary>
public sealed class AttentionRecorder : IDisposable
{
    private readonly Tensor selection;
    private readonly IReadOnlyList<int> factors;
    private readonly Dictionary<long, (int Factor, long Height, long Width)> sizes = [];
    private readonly SortedSet<int> seen = [];
    private readonly SortedDictionary<int, (Tensor Sum, int Layers, long Height, long Width)> levels = [];

    /// <param name="selection">
    /// [batch, subjects, tokens]: for each subject a row that weighs the text's positions, 1/n at each of its n tokens
    /// for their mean; zeros where a sample does not name it. Not owned.
    /// </param>
    /// <param name="factors">
    /// The resolutions, as factors by which they are smaller than the latents along each side: 1, 2, 4, ...
    /// All there are where none is named.
    /// </param>
    public AttentionRecorder(Tensor selection, IReadOnlyList<int>? factors = null)
    {
        if (selection.dim() != 3)
        {
            throw new RecipesException(
                "Attention maps",
                $"the selection of tokens is [{string.Join(", ", selection.shape)}], not [batch, subjects, tokens]",
                "Give a row of the text's length for each subject of each sample.");
        }

        this.selection = selection;
        this.factors = factors ?? [];
    }

    /// <summary>The maps of the last pass, the finest first; the tensors are the caller's.</summary>
    /// <exception cref="RecipesException">
    /// Nothing was recorded, or the UNet has no attention to the text at a resolution that was asked for.
    /// </exception>
    public IReadOnlyList<AttentionMap> Maps
    {
        get
        {
            var absent = factors.Where(factor => !levels.ContainsKey(factor)).ToList();
            if (levels.Count == 0 || absent.Count > 0)
            {
                throw new RecipesException(
                    "Attention maps",
                    seen.Count == 0
                        ? "the network looked at no text while they were to be recorded"
                        : $"there is no attention to the text at 1/{string.Join(", 1/", absent)} of the latents' sides",
                    seen.Count == 0
                        ? "Hand the recorder on to the UNet in its conditions."
                        : $"Choose among 1/{string.Join(", 1/", seen)}.");
            }

            return
            [
                .. levels.Select(level => new AttentionMap(
                    level.Key,
                    level.Value.Sum.div(level.Value.Layers).view(
                        level.Value.Sum.shape[0], level.Value.Sum.shape[1], level.Value.Height, level.Value.Width))),
            ];
        }
    }

    /// <summary>Forgets the last pass, and learns the latents' size of the next.</summary>
    internal void Begin(long height, long width)
    {
        Forget();
        sizes.Clear();
        seen.Clear();
        for (var factor = 1; sizes.TryAdd(height * width, (factor, height, width)); factor *= 2)
        {
            (height, width) = ((height + 1) / 2, (width + 1) / 2);
        }
    }

    /// <summary>Adds the maps of one layer.</summary>
    /// <param name="query">[batch, heads, n, d].</param>
    /// <param name="key">[batch, heads, tokens, d].</param>
    internal void Record(Tensor query, Tensor key)
    {
        var (factor, height, width) = sizes[query.shape[2]];
        seen.Add(factor);
        if (factors.Count > 0 && !factors.Contains(factor))
        {
            return;
        }

        if (key.shape[0] != selection.shape[0] || key.shape[2] != selection.shape[2])
        {
            throw new RecipesException(
                "Attention maps",
                $"the tokens are chosen for {selection.shape[0]} texts of {selection.shape[2]} positions, "
                    + $"the network looks at {key.shape[0]} of {key.shape[2]}",
                "Choose tokens for the texts of this batch.");
        }

        using var scope = NewDisposeScope();
        var scores = Widen(query).matmul(Widen(key).transpose(2, 3)).mul(1 / Math.Sqrt(query.shape[3]));
        var chances = scores.softmax(-1).mean([1]);
        var maps = selection.to(chances.dtype, chances.device).matmul(chances.transpose(1, 2));
        var (sum, layers) = levels.TryGetValue(factor, out var level) ? (level.Sum, level.Layers) : (null, 0);
        levels[factor] = ((sum is null ? maps : sum + maps).DetachFromDisposeScope(), layers + 1, height, width);
        sum?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => Forget();

    private void Forget()
    {
        foreach (var level in levels.Values)
        {
            level.Sum.Dispose();
        }

        levels.Clear();
    }

    /// <summary>At least float32.</summary>
    private static Tensor Widen(Tensor values) =>
        values.dtype == ScalarType.Float64 ? values : values.to(ScalarType.Float32);
}
