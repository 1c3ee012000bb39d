using System.Text.RegularExpressions;

namespace Recipes.Core.Adapters;

/// <summary>
/// Which layers an adapter sits on, by name and without native code, so that a plan can check its targets. A target
/// is a group (see <see cref="Groups"/>), the end of a layer's name ("to_q", "attn2.to_k", "ff.net.0.proj"), or such
/// an end with stars for any run of characters ("down_blocks.*.to_q").
/// </summary>
public static class LoraTargets
{
    /// <summary>Named groups of targets.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Groups { get; } =
        new Dictionary<string, IReadOnlyList<string>>
        {
            ["attention"] = ["to_q", "to_k", "to_v", "to_out.0"],
            ["self-attention"] = ["attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0"],
            ["cross-attention"] = ["attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"],
            ["feed-forward"] = ["ff.net.0.proj", "ff.net.2"],
            ["projection"] = ["proj_in", "proj_out"],
            ["convolution"] = ["conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv"],
            ["text-attention"] = ["q_proj", "k_proj", "v_proj", "out_proj"],
            ["text-feed-forward"] = ["fc1", "fc2"],
        };

    /// <summary>A group's targets, or the target itself. Groups may be written with spaces and capitals.</summary>
    public static IReadOnlyList<string> Expand(string target) =>
        Groups.TryGetValue(target.Trim().ToLowerInvariant().Replace(' ', '-'), out var group) ? group : [target];

    /// <summary>Whether a target covers the layer of this name.</summary>
    public static bool Matches(string target, string layer) => Expand(target).Any(end => MatchesEnd(end, layer));

    /// <summary>The layers that any of the targets covers, in their own order.</summary>
    /// <param name="targets">Groups, ends of names or patterns.</param>
    /// <param name="layers">Names of all layers there are.</param>
    /// <param name="where">What to call the list of targets in messages.</param>
    /// <exception cref="RecipesException">No targets, or one that covers nothing.</exception>
    public static IReadOnlyList<string> Select(
        IReadOnlyList<string> targets, IReadOnlyList<string> layers, string where)
    {
        if (targets.Count == 0)
        {
            throw new RecipesException(where, "there are no targets", "Name at least one, such as attention.");
        }

        foreach (var target in targets)
        {
            if (!layers.Any(layer => Matches(target, layer)))
            {
                var nearest = string.Join(" or ", Nearest(target, layers));
                throw new RecipesException(
                    where,
                    $"target {target} matches 0 of {layers.Count} layers",
                    $"Did you mean {nearest}?");
            }
        }

        return [.. layers.Where(layer => targets.Any(target => Matches(target, layer)))];
    }

    /// <summary>The three groups or ends of layers' names most like a target, best first.</summary>
    public static IReadOnlyList<string> Nearest(string target, IReadOnlyList<string> layers)
    {
        var groups = Groups.Keys.Where(group => layers.Any(layer => Matches(group, layer)));
        return
        [
            .. layers.SelectMany(Ends)
                .Concat(groups)
                .Distinct()
                .OrderBy(candidate => Distance(target, candidate))
                .ThenBy(candidate => candidate, StringComparer.Ordinal)
                .Take(3),
        ];
    }

    private static bool MatchesEnd(string end, string layer) =>
        end.Contains('*')
            ? Regex.IsMatch(layer, $"(^|\\.){Regex.Escape(end).Replace("\\*", ".*")}$", RegexOptions.CultureInvariant)
            : layer == end || layer.EndsWith("." + end, StringComparison.Ordinal);

    /// <summary>The ends of a name that mean something by themselves: not those that start with a number.</summary>
    private static IEnumerable<string> Ends(string layer)
    {
        var parts = layer.Split('.');
        for (var length = 1; length <= Math.Min(3, parts.Length); length++)
        {
            if (!char.IsAsciiDigit(parts[^length][0]))
            {
                yield return string.Join('.', parts[^length..]);
            }
        }
    }

    /// <summary>
    /// Levenshtein's distance: insertions, deletions and replacements that turn one text into the other.
    /// </summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
