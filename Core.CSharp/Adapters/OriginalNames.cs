using System.Text.RegularExpressions;

namespace Recipes.Core.Adapters;

/// <summary>
/// The names that a UNet's layers have in checkpoints of the original layout (input_blocks.4.1.proj_in), which SDXL's
/// adapters in kohya's layout are spelt after. Built from the layers of the network at hand, whatever its depth.
/// </summary>
internal static partial class OriginalNames
{
    /// <summary>Diffusers' layer names to the original ones.</summary>
    public static IReadOnlyDictionary<string, string> Of(IReadOnlyCollection<string> layers)
    {
        var down = Starts(layers, "down_blocks", "downsamplers", first: 1);
        var up = Starts(layers, "up_blocks", "", first: 0);
        var names = new Dictionary<string, string>();
        foreach (var layer in layers)
        {
            if (Name(layer, layers, down, up) is { } name)
            {
                names[layer] = name;
            }
        }

        return names;
    }

    private static string? Name(
        string layer, IReadOnlyCollection<string> layers, IReadOnlyList<Span> down, IReadOnlyList<Span> up)
    {
        if (Inner().Match(layer) is not { Success: true } match)
        {
            return layer switch
            {
                "conv_in" => "input_blocks.0.0",
                "conv_out" => "out.2",
                "time_embedding.linear_1" => "time_embed.0",
                "time_embedding.linear_2" => "time_embed.2",
                "add_embedding.linear_1" => "label_emb.0.0",
                "add_embedding.linear_2" => "label_emb.0.2",
                _ => null,
            };
        }

        var (part, rest) = (match.Groups["part"].Value, match.Groups["rest"].Value);
        var item = int.Parse(match.Groups["item"].ValueSpan);
        var inner = part == "resnets" ? InResnet(rest) : rest;
        if (match.Groups["block"].ValueSpan is "mid_block")
        {
            return $"middle_block.{(part == "attentions" ? 1 : item * 2)}.{inner}";
        }

        var index = int.Parse(match.Groups["index"].ValueSpan);
        if (match.Groups["block"].ValueSpan is "down_blocks")
        {
            return part == "downsamplers"
                ? $"input_blocks.{down[index].Start + down[index].Count}.0.op"
                : $"input_blocks.{down[index].Start + item}.{(part == "attentions" ? 1 : 0)}.{inner}";
        }

        if (part == "upsamplers")
        {
            var looks = layers.Any(
                other => other.StartsWith($"up_blocks.{index}.attentions.", StringComparison.Ordinal));
            return $"output_blocks.{up[index].Start + up[index].Count - 1}.{(looks ? 2 : 1)}.{inner}";
        }

        return $"output_blocks.{up[index].Start + item}.{(part == "attentions" ? 1 : 0)}.{inner}";
    }

    private static string InResnet(string rest) => rest switch
    {
        "conv1" => "in_layers.2",
        "conv2" => "out_layers.3",
        "time_emb_proj" => "emb_layers.1",
        "conv_shortcut" => "skip_connection",
        _ => rest,
    };

    /// <summary>Where each block begins in the original's running count, and how many layers it has.</summary>
    private static List<Span> Starts(IReadOnlyCollection<string> layers, string blocks, string sampler, int first)
    {
        var spans = new List<Span>();
        for (var (index, start) = (0, first); ; index++)
        {
            var block = $"{blocks}.{index}.";
            var inside = layers.Where(layer => layer.StartsWith(block, StringComparison.Ordinal)).ToList();
            if (inside.Count == 0)
            {
                return spans;
            }

            var count = inside.Select(layer => Inner().Match(layer))
                .Where(match => match.Groups["part"].ValueSpan is "resnets")
                .Select(match => match.Groups["item"].Value)
                .Distinct()
                .Count();
            spans.Add(new Span(start, count));
            var sampled = sampler.Length > 0
                && inside.Any(layer => layer.StartsWith(block + sampler, StringComparison.Ordinal));
            start += count + (sampled ? 1 : 0);
        }
    }

    [GeneratedRegex(
        @"^(?<block>down_blocks|mid_block|up_blocks)(\.(?<index>\d+))?\."
            + @"(?<part>resnets|attentions|downsamplers|upsamplers)\.(?<item>\d+)\.(?<rest>.+)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Inner();

    private readonly record struct Span(int Start, int Count);
}
