using Recipes.Core.Adapters;
using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Networks;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// A drawing's recordings and the memory they use, kept with the UNet for the next drawing of the same kind. Another
/// drawing's texts, pictures, latents and steps are copied into that memory. They fit while every weight lies where it lay and the
/// same adapters sit on the networks at the same scales; a network keeps one such set.
/// </summary>
/// <param name="kind">Shapes and settings that the recordings have fixed.</param>
/// <param name="networks">From <see cref="Lie"/>, when they were made.</param>
/// <param name="context">The text, with its keys and values.</param>
/// <param name="conditions">What the UNet is told besides, owned.</param>
/// <param name="read">What the parts read, owned.</param>
/// <param name="latents">The latents and the steps that are taken.</param>
internal sealed class KeptRecordings(
    string kind,
    object[] networks,
    TextContext context,
    UNetConditions conditions,
    Tensor[] read,
    LatentState latents) : IDisposable
{
    /// <summary>Of the pictures.</summary>
    public RecordedDecoder Decoder { get; } = new();

    /// <summary>By variant.</summary>
    public Dictionary<string, CudaGraph?> Recordings { get; } = [];

    /// <summary>Whether the last drawing's steps were taken by the recordings.</summary>
    public bool TakesSteps { get; set; }

    public TextContext Context => context;

    public UNetConditions Conditions => conditions;

    public LatentState Latents => latents;

    /// <summary>Whether no part has memory that recordings read.</summary>
    public bool ReadsNothing => read.Length == 0;

    /// <summary>The memory of a drawing, and no recordings yet.</summary>
    /// <param name="kind">Shapes and settings.</param>
    /// <param name="networks">From <see cref="Lie"/>.</param>
    /// <param name="states">The text, copied.</param>
    /// <param name="told">What the UNet is told besides, copied.</param>
    /// <param name="parts">What the parts read, taken over.</param>
    /// <param name="latents">Taken over.</param>
    public static KeptRecordings Of(
        string kind,
        object[] networks,
        Tensor states,
        UNetConditions told,
        IReadOnlyList<Tensor> parts,
        LatentState latents) => new(
            kind,
            networks,
            new TextContext(Own(states), reused: true),
            told with
            {
                PooledText = told.PooledText is { } pooled ? Own(pooled) : null,
                TimeIds = told.TimeIds is { } ids ? Own(ids) : null,
                ClassLabels = told.ClassLabels is { } labels ? Own(labels) : null,
            },
            [.. parts.Select(tensor => tensor.alias().DetachFromDisposeScope())],
            latents);

    /// <summary>All that recordings of networks take for granted: where weights lie, adapters and their scales.</summary>
    public static object[] Lie(IEnumerable<nn.Module> networks)
    {
        var all = new List<object>();
        foreach (var module in networks.SelectMany(network => network.modules().Prepend(network)).Distinct())
        {
            foreach (var (_, parameter) in module.named_parameters(recurse: false))
            {
                all.Add(KernelArgument.Of(parameter));
            }

            if (module is not IAdaptable layer)
            {
                continue;
            }

            foreach (var adapter in layer.Adapters)
            {
                all.Add(adapter);
                all.Add(adapter is WeightAdapter weight ? weight.Scale : 0.0);
                if (adapter is LoraAdapter lora)
                {
                    all.Add(KernelArgument.Of(lora.Down));
                    all.Add(KernelArgument.Of(lora.Up));
                }
            }
        }

        return [.. all];
    }

    /// <summary>Whether they serve a drawing.</summary>
    public bool Fits(string wanted, object[] now) => kind == wanted && networks.AsSpan().SequenceEqual(now);

    /// <summary>Readies the decoder for an autoencoder.</summary>
    public void Prepare(AutoencoderKL vae) => Decoder.Prepare(vae);

    /// <summary>A picture of latents, unscaled, by a recording from the second of a shape on.</summary>
    public Tensor Decode(AutoencoderKL vae, Tensor unscaled) =>
        Decoder.Decode(vae, unscaled, Recordings.Values.OfType<CudaGraph>().FirstOrDefault());

    /// <summary>Takes another drawing's texts and pictures in.</summary>
    public void Refill(Tensor states, UNetConditions told, IReadOnlyList<Tensor> parts)
    {
        context.Refill(states);
        Copy(conditions.PooledText, told.PooledText);
        Copy(conditions.TimeIds, told.TimeIds);
        Copy(conditions.ClassLabels, told.ClassLabels);
        for (var i = 0; i < read.Length; i++)
        {
            read[i].copy_(parts[i]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Decoder.Dispose();
        foreach (var recording in Recordings.Values)
        {
            recording?.Dispose();
        }

        latents.Dispose();
        context.States.Dispose();
        context.Dispose();
        conditions.PooledText?.Dispose();
        conditions.TimeIds?.Dispose();
        conditions.ClassLabels?.Dispose();
        foreach (var tensor in read)
        {
            tensor.Dispose();
        }
    }

    /// <summary>A copy that outlives scopes.</summary>
    private static Tensor Own(Tensor tensor) => tensor.clone().DetachFromDisposeScope();

    private static void Copy(Tensor? to, Tensor? from)
    {
        if (to is not null && from is not null)
        {
            to.copy_(from);
        }
    }
}
