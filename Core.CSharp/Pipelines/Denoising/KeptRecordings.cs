using Recipes.Core.Adapters;
using Recipes.Core.Kernels;
using Recipes.Core.Networks;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// A drawing's recordings and the memory they read, kept with the UNet for the next drawing of the same kind. Another
/// drawing's texts and pictures are copied into that memory. They fit while every weight lies where it lay and the
/// same adapters sit on the networks at the same scales; a network keeps one such set.
/// </summary>
/// <param name="kind">Shapes and settings that the recordings have fixed.</param>
/// <param name="networks">From <see cref="Lie"/>, when they were made.</param>
/// <param name="context">The text, with its keys and values.</param>
/// <param name="conditions">What the UNet is told besides, owned.</param>
/// <param name="read">What the parts read, owned.</param>
/// <param name="recordings">By variant.</param>
/// <param name="decoder">Of the pictures.</param>
internal sealed class KeptRecordings(
    string kind,
    object[] networks,
    TextContext context,
    UNetConditions conditions,
    Tensor[] read,
    Dictionary<string, UNetRecording?> recordings,
    RecordedDecoder decoder) : IDisposable
{
    public RecordedDecoder Decoder => decoder;

    public TextContext Context => context;

    public UNetConditions Conditions => conditions;

    public Tensor[] Read => read;

    public Dictionary<string, UNetRecording?> Recordings => recordings;

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
    public void Prepare(AutoencoderKL vae) => decoder.Prepare(vae);

    /// <summary>A picture of latents, unscaled, by a recording from the second of a shape on.</summary>
    public Tensor Decode(AutoencoderKL vae, Tensor latents) =>
        decoder.Decode(vae, latents, recordings.Values.OfType<UNetRecording>().FirstOrDefault()?.Graph);

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
        decoder.Dispose();
        foreach (var recording in recordings.Values)
        {
            recording?.Dispose();
        }

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

    private static void Copy(Tensor? to, Tensor? from)
    {
        if (to is not null && from is not null)
        {
            to.copy_(from);
        }
    }
}
