using Recipes.Core.Weights.Original;
using static TorchSharp.torch;

namespace Recipes.Core.Weights;

/// <summary>A network's weights out of safetensors files.</summary>
public static class StateDict
{
    private const int Listed = 10;

    /// <summary>
    /// Fills every parameter and buffer of a network, in small pieces, so that no second copy of the weights is held.
    /// Strict: each must come from exactly one key, with its shape, and every key must be used.
    /// </summary>
    /// <param name="module">The network; its weights are converted to the type and device it has.</param>
    /// <param name="files">The files that together hold it.</param>
    /// <param name="rename">A file's key to the network's, or null for a key to skip; the same by default.</param>
    /// <param name="where">What to call the weights in messages: the model's folder or file.</param>
    /// <exception cref="RecipesException">
    /// Keys are missing, unused or doubled, shapes differ, or weights are infinite or not numbers.
    /// </exception>
    public static void Load(
        nn.Module module, IReadOnlyList<SafeTensorsFile> files, Func<string, string?>? rename, string where)
    {
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        var targets = module.state_dict();
        var faults = new List<string>();
        var sources = Match(files, rename, targets, faults);
        Fill(
            module,
            targets,
            sources,
            faults,
            where,
            "Check that the folder holds the model its config.json describes, and download it again if it does.");
    }

    /// <summary>Fills every parameter and buffer of a network from parts of tensors, as strictly.</summary>
    /// <param name="module">The network; its weights are converted to the type and device it has.</param>
    /// <param name="sources">The part for each of the network's keys.</param>
    /// <param name="where">What to call the weights in messages.</param>
    internal static void Load(nn.Module module, IReadOnlyDictionary<string, TensorPart> sources, string where)
    {
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        var targets = module.state_dict();
        var faults = new List<string>();
        Report(faults, [.. targets.Keys.Where(key => !sources.ContainsKey(key))], "missing");
        Report(faults, [.. sources.Keys.Where(key => !targets.ContainsKey(key))], "not known to the network");
        Fill(module, targets, sources, faults, where, "Check the configs beside the file, or download the file again.");
    }

    private static void Fill(
        nn.Module module,
        IDictionary<string, Tensor> targets,
        IReadOnlyDictionary<string, TensorPart> sources,
        List<string> faults,
        string where,
        string cure)
    {
        var misshapen = new List<string>();
        foreach (var (key, part) in sources)
        {
            if (targets.TryGetValue(key, out var target) && !part.Shape.SequenceEqual(target.shape))
            {
                misshapen.Add($"{part.Name} {part.ShapeText} instead of [{string.Join(", ", target.shape)}]");
            }
        }

        Report(faults, misshapen, "of another shape");
        if (faults.Count == 0)
        {
            var broken = WeightFill.Run(sources.Select(pair => (pair.Value, targets[pair.Key])));
            Report(faults, broken, "with infinite values or values that are not numbers");
        }

        if (faults.Count > 0)
        {
            throw new RecipesException(
                where, $"the weights do not fit the {module.GetName()}: {string.Join("; ", faults)}", cure);
        }
    }

    /// <summary>Which file and key fills which of the network's tensors.</summary>
    private static Dictionary<string, TensorPart> Match(
        IReadOnlyList<SafeTensorsFile> files,
        Func<string, string?>? rename,
        IDictionary<string, Tensor> targets,
        List<string> faults)
    {
        var sources = new Dictionary<string, TensorPart>();
        var unused = new List<string>();
        var doubled = new List<string>();
        foreach (var file in files)
        {
            foreach (var name in file.Tensors.Keys)
            {
                var key = rename is null ? name : rename(name);
                if (key is null)
                {
                    continue;
                }

                if (!targets.ContainsKey(key))
                {
                    unused.Add(name);
                }
                else if (!sources.TryAdd(key, new TensorPart(file, name, Arrangement.Same)))
                {
                    doubled.Add(name);
                }
            }
        }

        Report(faults, [.. targets.Keys.Where(key => !sources.ContainsKey(key))], "missing");
        Report(faults, unused, "not known to the network");
        Report(faults, doubled, "given twice");
        return sources;
    }

    private static void Report(List<string> faults, IReadOnlyList<string> names, string what)
    {
        if (names.Count > 0)
        {
            var rest = names.Count > Listed ? $" and {names.Count - Listed} more" : "";
            faults.Add($"{names.Count} {what} ({string.Join(", ", names.Take(Listed))}{rest})");
        }
    }
}
