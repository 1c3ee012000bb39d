namespace Recipes.Core.Data;

/// <summary>
/// Aspect-ratio buckets: for each width the greatest height that keeps the area within the square's, and the other way
/// round. Pictures go to the shape nearest to their own, by the ratio of the ratios.
/// </summary>
public static class Buckets
{
    /// <summary>All buckets, narrow ones first.</summary>
    public static IReadOnlyList<Bucket> All(BucketOptions options)
    {
        var square = new Bucket(options.Size, options.Size);
        if (!options.Shapes)
        {
            return [square];
        }

        var found = new HashSet<Bucket> { square };
        for (var side = options.Step; side <= options.Longest; side += options.Step)
        {
            var other = Greatest(square.Area / side, options.Step);
            if (other >= options.Step && other <= options.Longest)
            {
                found.Add(new Bucket(side, other));
                found.Add(new Bucket(other, side));
            }
        }

        return [.. found.OrderBy(bucket => bucket.Ratio).ThenBy(bucket => bucket.Width)];
    }

    /// <summary>The bucket of a picture.</summary>
    /// <param name="width">The picture's width in pixels.</param>
    /// <param name="height">Its height.</param>
    /// <param name="options">The sizes there are.</param>
    /// <param name="where">The picture's name, for messages.</param>
    /// <exception cref="RecipesException">It is smaller than one step, and must not be enlarged.</exception>
    public static Bucket Of(int width, int height, BucketOptions options, string where)
    {
        var ratio = Math.Log((double)width / height);
        var nearest = All(options)
            .OrderBy(bucket => Math.Round(Math.Abs(Math.Log(bucket.Ratio) - ratio), 9))
            .ThenByDescending(bucket => bucket.Area)
            .ThenBy(bucket => bucket.Width)
            .First();
        if (options.Upscale || (nearest.Width <= width && nearest.Height <= height))
        {
            return nearest;
        }

        if (width < options.Step || height < options.Step || !options.Shapes)
        {
            throw new RecipesException(
                where,
                $"it is {width}x{height} px, smaller than {(options.Shapes ? $"a step of {options.Step}" : nearest)}",
                "Replace it by a larger one, take it out, or allow it to be enlarged.");
        }

        return Smaller(width, height, options);
    }

    /// <summary>The bucket within a small picture: its own sides, cut down to steps.</summary>
    private static Bucket Smaller(int width, int height, BucketOptions options)
    {
        var area = (long)options.Size * options.Size;
        var shorter = Math.Min(options.Longest, Greatest(Math.Min(width, height), options.Step));
        var longer = Math.Min(
            Math.Min(options.Longest, Greatest(Math.Max(width, height), options.Step)),
            Greatest(area / shorter, options.Step));
        return width <= height ? new Bucket(shorter, longer) : new Bucket(longer, shorter);
    }

    private static int Greatest(long limit, int step) => (int)(limit / step * step);
}
