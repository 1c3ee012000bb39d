using System.Text.RegularExpressions;

namespace Recipes.Core.Hub;

/// <summary>
/// Which files of a repository in diffusers layout a model needs: the configs, tokenizers and schedulers, and of each
/// network the safetensors of one precision. Safety checkers, pickles and other frameworks' weights are left alone.
/// </summary>
internal sealed partial record ModelFiles(IReadOnlyList<string> Files, string? Fault, string Cure)
{
    private const string Index = "model_index.json";
    private static readonly string[] Networks = ["unet", "vae", "text_encoder", "text_encoder_2"];

    private static readonly (string Folder, bool Needed, string[] Must, string[] May)[] Settings =
    [
        ("scheduler", true, ["scheduler_config.json"], []),
        ("low_res_scheduler", false, ["scheduler_config.json"], []),
        ("tokenizer", true, ["vocab.json", "merges.txt"], TokenizerExtras),
        ("tokenizer_2", false, ["vocab.json", "merges.txt"], TokenizerExtras),
    ];

    private static string[] TokenizerExtras =>
        ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    /// <summary>The files, or why there is no complete set of them.</summary>
    /// <param name="paths">Every file that is there, with / between parts.</param>
    /// <param name="model">The variant, or the one file, that is wanted.</param>
    /// <param name="parts">
    /// The files that an index of shards lists, or null where it cannot be read; then the shards' own numbering counts.
    /// </param>
    public static ModelFiles Select(
        IReadOnlyCollection<string> paths, HubModel model, Func<string, IReadOnlyCollection<string>?> parts)
    {
        var all = paths.ToHashSet(StringComparer.Ordinal);
        if (model.File is { } only)
        {
            return all.Contains(only) ? new ModelFiles([only], null, "") : Missing(only, Single(all));
        }

        if (!all.Contains(Index))
        {
            return Missing(Index, Single(all));
        }

        var files = new List<string> { Index };
        foreach (var (folder, needed, must, may) in Settings)
        {
            if (!needed && !Holds(all, folder))
            {
                continue;
            }

            if (must.FirstOrDefault(name => !all.Contains($"{folder}/{name}")) is { } absent)
            {
                return Missing($"{folder}/{absent}", "Choose a Stable Diffusion 1, Stable Diffusion 2 or SDXL model.");
            }

            files.AddRange(must.Concat(may.Where(name => all.Contains($"{folder}/{name}")))
                .Select(name => $"{folder}/{name}"));
        }

        var hasVariant = false;
        foreach (var network in Networks.Where(network => network != "text_encoder_2" || Holds(all, network)))
        {
            if (!all.Contains($"{network}/config.json"))
            {
                return Missing(
                    $"{network}/config.json", "Choose a Stable Diffusion 1, Stable Diffusion 2 or SDXL model.");
            }

            files.Add($"{network}/config.json");
            var stem = network.StartsWith("text", StringComparison.Ordinal) ? "model" : "diffusion_pytorch_model";
            var (found, fault) = model.Variant is null
                ? (null, null)
                : Weights(all, network, stem, model.Variant, parts);
            hasVariant |= found is not null;
            if (found is null && fault is null)
            {
                (found, fault) = Weights(all, network, stem, null, parts);
            }

            if (found is null)
            {
                return new ModelFiles([], fault ?? NoWeights(all, network), NoWeightsCure(all, network));
            }

            files.AddRange(found);
        }

        return model.Variant is null || hasVariant
            ? new ModelFiles(files, null, "")
            : new ModelFiles([], $"it has no weights of variant {model.Variant}", NoVariantCure(all));
    }

    /// <summary>
    /// Whether a loader that is given a folder with all these files would choose others than these: it prefers full
    /// precision.
    /// </summary>
    public bool IsHiddenIn(IReadOnlyCollection<string> paths) =>
        paths.Except(Files).Any(path =>
            path.EndsWith(".safetensors", StringComparison.Ordinal)
            && Networks.Any(network => path.StartsWith(network + "/", StringComparison.Ordinal)));

    private static bool Holds(HashSet<string> all, string folder) =>
        all.Any(path => path.StartsWith(folder + "/", StringComparison.Ordinal));

    private static ModelFiles Missing(string file, string cure) => new([], $"it has no {file}", cure);

    private static string Single(HashSet<string> all) =>
        all.Where(path => path.EndsWith(".safetensors", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .FirstOrDefault() is { } single
            ? $"Name one of its files, as in file = \"{single}\"."
            : "Choose a repository in diffusers layout, or one with .safetensors checkpoints.";

    /// <summary>The files of one network; nothing and no fault where there are none of that variant.</summary>
    private static (List<string>? Files, string? Fault) Weights(
        HashSet<string> all,
        string network,
        string stem,
        string? variant,
        Func<string, IReadOnlyCollection<string>?> parts)
    {
        var dotted = variant is null ? "" : $".{variant}";
        var whole = $"{network}/{stem}{dotted}.safetensors";
        if (all.Contains(whole))
        {
            return ([whole], null);
        }

        var index = $"{network}/{stem}.safetensors.index{dotted}.json";
        if (!all.Contains(index))
        {
            return (null, null);
        }

        var listed = parts(index)?.Select(name => $"{network}/{name}").ToList()
            ?? Numbered(all, $"{network}/{stem}{dotted}");
        return listed.FirstOrDefault(part => !all.Contains(part)) is { } missing
            ? (null, $"{missing}, a part of its weights, is missing")
            : listed.Count == 0 ? (null, $"{index} lists no weights")
            : ([index, .. listed], null);
    }

    /// <summary>stem-00001-of-00003.safetensors and so on, those included that should be there.</summary>
    private static List<string> Numbered(HashSet<string> all, string stem)
    {
        var counts = all.Where(path => path.StartsWith(stem + "-", StringComparison.Ordinal))
            .Select(path => ShardPattern().Match(path[stem.Length..]))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)
            .ToList();
        return counts.Count == 0
            ? []
            :
            [
                .. Enumerable.Range(1, int.Parse(counts[0]))
                    .Select(part => $"{stem}-{part:D5}-of-{counts[0]}.safetensors"),
            ];
    }

    private static List<string> Variants(HashSet<string> all, string folder) =>
    [
        .. all.Where(path => path.StartsWith(folder, StringComparison.Ordinal))
            .Select(path => VariantPattern().Match(path))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value + match.Groups[2].Value)
            .Distinct()
            .Order(StringComparer.Ordinal),
    ];

    private static string NoWeights(HashSet<string> all, string network)
    {
        var pickle = all.Where(path => path.StartsWith(network + "/", StringComparison.Ordinal))
            .Where(path => Path.GetExtension(path) is ".bin" or ".ckpt" or ".pt" or ".pth")
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
        return Variants(all, network + "/") is { Count: > 0 } variants
                ? $"{network} has weights of variant {string.Join(" and ", variants)} only"
            : pickle is not null
                ? $"the only weights of {network} are {Path.GetFileName(pickle)}, a pickle, which may run code"
            : $"{network} has no weights in safetensors";
    }

    private static string NoWeightsCure(HashSet<string> all, string network) =>
        Variants(all, network + "/") is { Count: > 0 } variants
            ? $"Write variant = \"{variants[0]}\"."
            : "Choose a revision or a repository that has safetensors.";

    private static string NoVariantCure(HashSet<string> all) =>
        Variants(all, "") is { Count: > 0 } variants
            ? $"Variants it has: {string.Join(", ", variants)}; without one it comes in full precision."
            : "It comes in full precision only: leave the variant out.";

    [GeneratedRegex(@"^-\d{5}-of-(\d{5})\.safetensors$")]
    private static partial Regex ShardPattern();

    [GeneratedRegex(@"/[A-Za-z_]+(?:\.([A-Za-z0-9_]+)\.safetensors|\.safetensors\.index\.([A-Za-z0-9_]+)\.json)$")]
    private static partial Regex VariantPattern();
}
