using Recipes.Core.Networks.Layers;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>The adapters trained or loaded together, over one or several networks of a pipeline.</summary>
public sealed class LoraSet : IDisposable
{
    private readonly List<LoraAdapter> adapters;
    private double scale = 1;

    internal LoraSet(IEnumerable<LoraAdapter> adapters)
    {
        this.adapters = [.. adapters];
    }

    /// <summary>The adapters, in the networks' order.</summary>
    public IReadOnlyList<LoraAdapter> Adapters => adapters;

    /// <summary>
    /// All weights, under the names of the PEFT layout: unet.PATH.lora_A.weight and unet.PATH.lora_B.weight.
    /// </summary>
    public IReadOnlyList<NamedParameter> Parameters =>
    [
        .. adapters.SelectMany(adapter => (NamedParameter[])
        [
            new($"{adapter.Name}.lora_A.weight", adapter.Down),
            new($"{adapter.Name}.lora_B.weight", adapter.Up),
        ]),
    ];

    /// <summary>The user's strength of all adapters: 1 as trained, 0 for none.</summary>
    public double Scale
    {
        get => scale;
        set
        {
            scale = value;
            adapters.ForEach(adapter => adapter.Scale = value);
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
            chosen.Select(path => LoraAdapter.Create(component, path, layers[path], options, generator)));
        set.Attach();
        return set;
    }

    /// <summary>
    /// Loads an adapter file of any of the layouts of <see cref="LoraNaming"/> and puts it on the networks.
    /// </summary>
    /// <param name="path">The safetensors file.</param>
    /// <param name="networks">The networks by component: unet, text_encoder.</param>
    /// <exception cref="RecipesException">
    /// Keys that fit no layer, halves of pairs, or shapes that do not fit.
    /// </exception>
    public static LoraSet Load(string path, IReadOnlyDictionary<string, nn.Module> networks)
    {
        using var file = SafeTensorsFile.Open(path);
        var set = LoraReader.Read(file, networks);
        set.Attach();
        return set;
    }

    /// <summary>One set of all adapters of several, which are then no longer to be disposed of.</summary>
    public static LoraSet Join(params IReadOnlyList<LoraSet> sets) => new(sets.SelectMany(set => set.adapters));

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

    /// <summary>What draws dropout in the next passes, on the networks' device; null for none.</summary>
    public void DrawDropoutFrom(Generator? generator) =>
        adapters.ForEach(adapter => adapter.DropoutGenerator = generator);

    /// <summary>Puts the adapters on their layers, where they are not yet.</summary>
    public void Attach()
    {
        foreach (var adapter in adapters.Where(adapter => !adapter.Layer.Adapters.Contains(adapter)))
        {
            adapter.Layer.Adapters.Add(adapter);
        }
    }

    /// <summary>Takes the adapters off their layers; they keep their weights.</summary>
    public void Detach() => adapters.ForEach(adapter => adapter.Layer.Adapters.Remove(adapter));

    /// <summary>
    /// Adds the adapters, at their scale, to the layers' own weights and takes them off: the same outputs, up to
    /// rounding, without their cost.
    /// </summary>
    public void Merge()
    {
        using var _ = no_grad();
        foreach (var adapter in adapters)
        {
            using var delta = adapter.Delta();
            using var wide = adapter.Layer.Weight.to(ScalarType.Float32);
            using var sum = wide + delta;
            adapter.Layer.Weight.copy_(sum);
        }

        Detach();
    }

    /// <summary>
    /// Adds the adapters of one network to a state dictionary of it, where keys are layer names with ".weight".
    /// </summary>
    /// <exception cref="RecipesException">A layer is not there.</exception>
    public void MergeInto(IReadOnlyDictionary<string, Tensor> weights, string component)
    {
        using var _ = no_grad();
        foreach (var adapter in adapters.Where(adapter => adapter.Component == component))
        {
            if (!weights.TryGetValue($"{adapter.Path}.weight", out var weight))
            {
                throw new RecipesException(
                    component,
                    $"there is no weight {adapter.Path}.weight to merge into",
                    "Merge into the network the adapter was made for.");
            }

            using var delta = adapter.Delta();
            using var wide = weight.to(ScalarType.Float32);
            using var sum = wide + delta;
            weight.copy_(sum);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => adapters.ForEach(adapter => adapter.Dispose());

    /// <summary>The layers of a network that adapters can sit on, by name, in order.</summary>
    internal static IReadOnlyDictionary<string, IAdaptable> Layers(nn.Module network) =>
        network.named_modules()
            .Where(item => item.Item2 is IAdaptable)
            .ToDictionary(item => item.Item1, item => (IAdaptable)item.Item2);
}
