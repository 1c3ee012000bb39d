using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>The adapters trained or loaded together, over one or several networks of a pipeline.</summary>
public sealed class LoraSet : IDisposable
{
    private static readonly Dictionary<string, string> Empty = [];

    private readonly List<WeightAdapter> all;
    private readonly IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> originals;
    private readonly List<(Tensor Weight, Tensor Delta)> merged = [];
    private double scale = 1;

    /// <param name="adapters">The adapters, which become this set's own.</param>
    /// <param name="originals">For each component its layers' names in the original layout.</param>
    /// <param name="metadata">The strings of the file's header.</param>
    internal LoraSet(
        IEnumerable<WeightAdapter> adapters,
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> originals,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        all = [.. adapters];
        this.originals = originals;
        Adapters = [.. all.OfType<LoraAdapter>()];
        Deltas = [.. all.OfType<DeltaAdapter>()];
        Metadata = metadata ?? Empty;
    }

    /// <summary>The adapters of two halves, LoRA and DoRA, in the networks' order.</summary>
    public IReadOnlyList<LoraAdapter> Adapters { get; }

    /// <summary>Adapters of other kinds, out of files: sampled and merged, but neither trained nor written.</summary>
    public IReadOnlyList<DeltaAdapter> Deltas { get; }

    /// <summary>The strings in the header of the file it was read from.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Whether the layers' own weights now hold the adapters.</summary>
    public bool IsMerged { get; internal set; }

    /// <summary>All adapters of any kind.</summary>
    internal IReadOnlyList<WeightAdapter> All => all;

    /// <summary>For each component its layers' names in the original layout.</summary>
    internal IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> OriginalLayers => originals;

    /// <summary>
    /// All weights that can be trained, under the names of the PEFT layout: unet.PATH.lora_A.weight, where A is not a
    /// frozen share of a basis, unet.PATH.lora_B.weight and, with DoRA, unet.PATH.lora_magnitude_vector.
    /// </summary>
    public IReadOnlyList<NamedParameter> Parameters =>
    [
        .. Adapters.SelectMany(adapter => (NamedParameter[])
        [
            .. adapter.IsFrozen
                ? (NamedParameter[])[]
                : [new($"{adapter.Name}.lora_A.weight", adapter.Down)],
            new($"{adapter.Name}.lora_B.weight", adapter.Up),
            .. adapter.Magnitude is { } magnitude
                ? (NamedParameter[])[new($"{adapter.Name}.lora_magnitude_vector", magnitude)]
                : [],
        ]),
    ];

    /// <summary>The user's strength of all adapters: 1 as trained, 0 for none.</summary>
    /// <exception cref="RecipesException">The adapters are merged.</exception>
    public double Scale
    {
        get => scale;
        set
        {
            if (IsMerged && value != scale)
            {
                throw new RecipesException(
                    "LoraSet.Scale",
                    $"the adapters are merged at scale {scale}, {value} would have no effect",
                    "Take them out again with Unmerge first.");
            }

            scale = value;
            all.ForEach(adapter => adapter.Scale = value);
        }
    }

    /// <summary>Puts fresh adapters, which change nothing yet, on all layers that the options' targets cover.</summary>
    /// <param name="network">The network; its own weights are left as they are.</param>
    /// <param name="component">Its name in a pipeline: unet, text_encoder.</param>
    /// <param name="options">Rank, alpha, targets.</param>
    /// <param name="generator">Draws the weights, on the CPU, in the network's order.</param>
    /// <exception cref="RecipesException">A target covers nothing, or a rank is out of range.</exception>
    public static LoraSet Attach(nn.Module network, string component, LoraOptions options, Generator generator)
    {
        options.Check();
        var layers = Layers(network);
        var chosen = LoraTargets.Select(options.Targets, [.. layers.Keys], $"Lora.Targets of {component}");
        var set = new LoraSet(
            chosen.Select(path => LoraAdapter.Create(component, path, layers[path], options, generator)),
            new Dictionary<string, IReadOnlyDictionary<string, string>> { [component] = Originals(component, layers) });
        set.Attach();
        return set;
    }

    /// <summary>
    /// Loads an adapter file of any of the layouts of <see cref="LoraNaming"/> and puts it on the networks.
    /// </summary>
    /// <param name="path">The safetensors file.</param>
    /// <param name="networks">The networks by component: unet, text_encoder, text_encoder_2.</param>
    /// <exception cref="RecipesException">
    /// It is for another family of models, of a kind that is not read, or has keys that fit no layer, halves of pairs,
    /// shapes that do not fit, or values that are not numbers.
    /// </exception>
    public static LoraSet Load(string path, IReadOnlyDictionary<string, nn.Module> networks)
    {
        using var file = SafeTensorsFile.Open(path);
        var set = LoraReader.Read(file, networks);
        set.Attach();
        return set;
    }

    /// <summary>One set of all adapters of several, which are then no longer to be disposed of.</summary>
    public static LoraSet Join(params IReadOnlyList<LoraSet> sets) => new(
        sets.SelectMany(set => set.all),
        sets.SelectMany(set => set.originals).DistinctBy(pair => pair.Key).ToDictionary());

    /// <summary>Writes the adapters, with rank and alpha of each in the header.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="metadata">Further strings for the header; see <see cref="LoraMetadata"/>.</param>
    /// <param name="naming">How keys are spelt.</param>
    /// <param name="values">
    /// Values to write instead of a parameter's own, by the names of <see cref="Parameters"/>: float32 masters,
    /// averages.
    /// </param>
    public void Save(
        string path,
        IReadOnlyDictionary<string, string>? metadata = null,
        LoraNaming naming = LoraNaming.Diffusers,
        IReadOnlyDictionary<string, Tensor>? values = null) =>
        LoraWriter.Write(path, this, metadata, naming, values);

    /// <summary>What decides dropout in the next passes: one int64 on the networks' device; null for no dropout.</summary>
    internal void DropBy(Tensor? key)
    {
        for (var place = 0; place < Adapters.Count; place++)
        {
            Adapters[place].LeftOut = key is null ? null : new DropoutDraw(key, place);
        }
    }

    /// <summary>Puts the adapters on their layers, where they are not yet.</summary>
    /// <exception cref="RecipesException">They are merged.</exception>
    public void Attach()
    {
        RefuseMerged("attached");
        foreach (var adapter in all.Where(adapter => !adapter.Layer.Adapters.Contains(adapter)))
        {
            adapter.Layer.Adapters.Add(adapter);
        }
    }

    /// <summary>Takes the adapters off their layers; they keep their weights.</summary>
    public void Detach() => all.ForEach(adapter => adapter.Layer.Adapters.Remove(adapter));

    /// <summary>
    /// Adds the adapters, at their scale, to the layers' own weights and takes them off: the same outputs, up to
    /// rounding, without their cost.
    /// </summary>
    /// <param name="reversible">
    /// Whether <see cref="Unmerge"/> shall be possible, which keeps the changes in memory.
    /// </param>
    /// <exception cref="RecipesException">They are merged already.</exception>
    public void Merge(bool reversible = false)
    {
        RefuseMerged("merged");
        using var _ = no_grad();
        foreach (var adapter in all)
        {
            var delta = adapter.Delta();
            Add(adapter.Layer.Weight, delta);
            if (reversible)
            {
                merged.Add((adapter.Layer.Weight, delta.DetachFromDisposeScope()));
            }
            else
            {
                delta.Dispose();
            }
        }

        Detach();
        IsMerged = true;
    }

    /// <summary>
    /// Subtracts again what <see cref="Merge"/> added, whatever else was merged meanwhile, and puts the adapters back
    /// on their layers. The weights come back up to rounding of their type.
    /// </summary>
    /// <exception cref="RecipesException">They were not merged reversibly.</exception>
    public void Unmerge()
    {
        if (merged.Count == 0)
        {
            throw new RecipesException(
                "LoraSet.Unmerge", "the adapters are not merged reversibly", "Merge with reversible: true before.");
        }

        using var _ = no_grad();
        foreach (var (weight, delta) in merged)
        {
            Add(weight, delta.neg_());
            delta.Dispose();
        }

        merged.Clear();
        IsMerged = false;
        Attach();
    }

    /// <summary>
    /// Adds the adapters of one network to a state dictionary of it, where keys are layer names with ".weight".
    /// </summary>
    /// <exception cref="RecipesException">A layer is not there.</exception>
    public void MergeInto(IReadOnlyDictionary<string, Tensor> weights, string component)
    {
        using var _ = no_grad();
        foreach (var adapter in all.Where(adapter => adapter.Component == component))
        {
            if (!weights.TryGetValue($"{adapter.Path}.weight", out var weight))
            {
                throw new RecipesException(
                    component,
                    $"there is no weight {adapter.Path}.weight to merge into",
                    "Merge into the network the adapter was made for.");
            }

            using var delta = adapter.Delta();
            Add(weight, delta);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        all.ForEach(adapter => adapter.Dispose());
        merged.ForEach(pair => pair.Delta.Dispose());
        merged.Clear();
    }

    /// <summary>The names of a network's layers in the original layout; none for text encoders.</summary>
    internal static IReadOnlyDictionary<string, string> Originals(
        string component, IReadOnlyDictionary<string, IAdaptable> layers) =>
        component == "unet" ? OriginalNames.Of([.. layers.Keys]) : Empty;

    /// <summary>A layer's name in the original layout, where it has one.</summary>
    internal string? OriginalOf(LoraAdapter adapter) =>
        originals.GetValueOrDefault(adapter.Component)?.GetValueOrDefault(adapter.Path);

    /// <summary>The layers of a network that adapters can sit on, by name, in order.</summary>
    internal static IReadOnlyDictionary<string, IAdaptable> Layers(nn.Module network) =>
        network.named_modules()
            .Where(item => item.Item2 is IAdaptable)
            .ToDictionary(item => item.Item1, item => (IAdaptable)item.Item2);

    private static void Add(Tensor weight, Tensor delta)
    {
        using var wide = weight.to(ScalarType.Float32);
        using var sum = wide + delta.to(wide.device);
        weight.copy_(sum);
    }

    private void RefuseMerged(string doing)
    {
        if (IsMerged)
        {
            throw new RecipesException(
                "LoraSet",
                $"the adapters are merged into the layers' weights and would count twice if {doing} now",
                "Take them out again with Unmerge first.");
        }
    }
}
