namespace Recipes.Core.Training;

/// <summary>What to lower when a training runs out of memory.</summary>
internal static class MemoryCure
{
    /// <summary>A sentence that names what there is to lower, the cheapest in time last.</summary>
    /// <param name="batch">Pictures of a concept in a pass.</param>
    /// <param name="size">Side of the pictures, in pixels.</param>
    /// <param name="optimiser">The optimiser.</param>
    /// <param name="recomputes">Whether gradient checkpointing is on; null where it cannot be.</param>
    public static string Of(int batch, int size, OptimiserOptions optimiser, bool? recomputes)
    {
        var smaller = batch > 1 ? $"lower the batch (it is {batch}) or the size" : "lower the size";
        var ways = new List<string> { $"{smaller} (it is {size} pixels)" };
        if (recomputes == false)
        {
            ways.Add("switch gradient checkpointing on");
        }

        if (optimiser is AdamWOptions { Moments: Precision.Float32 })
        {
            ways.Add("keep AdamW's moments in bfloat16");
        }

        var text = ways.Count == 1 ? ways[0] : $"{string.Join(", ", ways.SkipLast(1))}, or {ways[^1]}";
        return $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
    }
}
