using System.Globalization;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>The keys of one layer in an adapter file, and the adapter they make.</summary>
/// <param name="file">The file.</param>
/// <param name="place">The layer.</param>
/// <param name="keys">The file's key of each part.</param>
/// <param name="metadata">Alphas in the header.</param>
internal sealed class LoraParts(
    SafeTensorsFile file, Place place, IReadOnlyDictionary<LoraRole, string> keys, LoraMetadata? metadata)
{
    private readonly long[] weight = place.Layer.Weight.shape;

    /// <summary>Any of the keys.</summary>
    public string AnyKey => keys.First().Value;

    /// <summary>Whether all parts that belong together are there.</summary>
    public bool IsWhole => LycorisDelta.IsOne(keys)
        ? LycorisDelta.IsWhole(keys)
        : keys.ContainsKey(LoraRole.Down) && keys.ContainsKey(LoraRole.Up);

    /// <summary>The first key whose shape does not fit the layer, in words; null where all fit.</summary>
    public string? Misfit => LycorisDelta.IsOne(keys)
        ? LycorisDelta.Misfit(file, keys, weight)
        : Expected().Select(part => Compare(keys[part.Role], part.Shape)).FirstOrDefault(fault => fault is not null);

    private long Rank => First(LoraRole.Up, 1);

    /// <summary>The adapter, in the layer's type and place.</summary>
    /// <exception cref="RecipesException">Values that are no numbers, or an alpha that is none.</exception>
    public WeightAdapter Make()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (layer, type, device) = (place.Layer, place.Layer.Weight.dtype, place.Layer.Weight.device);
        if (LycorisDelta.IsOne(keys))
        {
            if (keys.ContainsKey(LoraRole.Magnitude))
            {
                throw new RecipesException(
                    file.Path,
                    $"{keys[LoraRole.Magnitude]} makes a {LycorisDelta.Kind(keys)} weight-decomposed, "
                        + "which is not read",
                    "Merge it into its base model with the program that made it.");
            }

            var (delta, rank) = LycorisDelta.Product(keys.ToDictionary(pair => pair.Key, pair => Read(pair.Value)));
            var scale = rank is { } width ? Alpha(width) / width : 1;
            return new DeltaAdapter(
                place.Component,
                place.Path,
                layer,
                LycorisDelta.Kind(keys),
                delta.mul(scale).reshape(weight).to(type, device, copy: true));
        }

        var down = Read(keys[LoraRole.Down]);
        if (keys.TryGetValue(LoraRole.Mid, out var mid))
        {
            // The core and the 1 × 1 map before it are together one convolution of the core's size.
            down = einsum("rjkl,ji->rikl", Read(mid), down.flatten(1));
        }

        var (downShape, upShape) = LoraAdapter.Shapes(layer, Rank);
        return new LoraAdapter(
            place.Component,
            place.Path,
            layer,
            down.reshape(downShape).to(type, device, copy: true),
            Read(keys[LoraRole.Up]).reshape(upShape).to(type, device, copy: true),
            Alpha(Rank),
            magnitude: keys.TryGetValue(LoraRole.Magnitude, out var magnitude)
                ? Read(magnitude).reshape(-1).to(type, device, copy: true)
                : null);
    }

    private IEnumerable<(LoraRole Role, long[] Shape)> Expected()
    {
        var (down, up) = LoraAdapter.Shapes(place.Layer, Rank);
        if (keys.TryGetValue(LoraRole.Mid, out var mid))
        {
            var inner = file.Info(mid).Shape is [_, var width, ..] ? width : 0;
            yield return (LoraRole.Mid, [Rank, inner, .. weight[2..]]);
            yield return (LoraRole.Down, [inner, weight[1]]);
        }
        else
        {
            yield return (LoraRole.Down, down);
        }

        yield return (LoraRole.Up, up);
        if (keys.TryGetValue(LoraRole.Magnitude, out var magnitude))
        {
            // PEFT's vectors are [out] and [1, out, 1, 1]; LyCORIS's are [out, 1, ..], or [1, in, ..] over the inputs.
            var stored = file.Info(magnitude).Shape;
            var overInputs = stored is [1, ..] && magnitude.EndsWith(".dora_scale", StringComparison.Ordinal);
            var fits = stored.Aggregate(1L, (product, size) => product * size) == weight[0]
                && (!overInputs || weight[0] == 1);
            yield return (LoraRole.Magnitude, fits ? stored : [weight[0]]);
        }
    }

    private long First(LoraRole role, int dimension)
    {
        var shape = file.Info(keys[role]).Shape;
        return shape.Length > dimension ? shape[dimension] : 0;
    }

    /// <summary>A linear map may be stored as a 1 × 1 convolution and the reverse.</summary>
    private string? Compare(string key, long[] shape)
    {
        var stored = file.Info(key).Shape;
        return Core(stored).SequenceEqual(Core(shape)) && !shape.Contains(0)
            ? null
            : $"{key} is [{string.Join(", ", stored)}], the layer takes [{string.Join(", ", shape)}]";

        static long[] Core(long[] shape) => shape is [_, _, 1, 1] ? shape[..2] : shape;
    }

    private double Alpha(long rank)
    {
        var alpha = keys.TryGetValue(LoraRole.Alpha, out var key)
            ? Read(key).reshape(-1)[0].item<float>()
            : metadata?.AlphaOf(place.Component, place.Path, rank) ?? rank;
        if (!(alpha > 0) || !double.IsFinite(alpha))
        {
            var text = alpha.ToString(CultureInfo.InvariantCulture);
            throw new RecipesException(
                file.Path,
                $"alpha of {place.Component}.{place.Path} is {text}",
                "Get the file again from where it came.");
        }

        return alpha;
    }

    /// <summary>A tensor in float32 on the CPU.</summary>
    private Tensor Read(string key)
    {
        var values = file.Read(key, dtype: ScalarType.Float32);
        using var finite = values.isfinite();
        using var all = finite.all();
        return all.item<bool>()
            ? values
            : throw new RecipesException(
                file.Path,
                $"{key} holds values that are infinite or not numbers",
                "Get the file again from where it came, or take an earlier save of the training.");
    }
}
