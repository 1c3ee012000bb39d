using Recipes.Core.Adapters;
using Recipes.Core.Training.Caches;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// What a training left: trained adapters and tokens, still on the model until this is disposed of, or the networks' own
/// changed weights.
/// </summary>
public sealed class TrainingResult : IDisposable
{
    private readonly IReadOnlyDictionary<string, Tensor> weights;
    private readonly TrainedNetworks trained;

    internal TrainingResult(
        TrainingStatus status, long steps, TrainedNetworks trained, IReadOnlyDictionary<string, Tensor> weights)
    {
        Status = status;
        Steps = steps;
        this.trained = trained;
        this.weights = weights;
    }

    /// <summary>Whether all steps are done.</summary>
    public TrainingStatus Status { get; }

    /// <summary>Steps done, those before resuming included.</summary>
    public long Steps { get; }

    /// <summary>The trained adapters; null where there are none.</summary>
    public LoraSet? Adapters => trained.Adapters;

    /// <summary>The trained tokens, which <see cref="TextualInversionFile"/> writes.</summary>
    public IReadOnlyList<TextualInversion> Tokens => trained.Tokens;

    /// <summary>
    /// Trained weights, or their averages, in float32 by name: unet.PATH.lora_A.weight of an adapter, unet.PATH.weight of
    /// the network's own, text_encoder.TOKEN of a token's vectors.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Weights => weights;

    /// <summary>How often each concept's pictures were visited.</summary>
    public IReadOnlyList<ConceptVisits> Visits { get; init; } = [];

    /// <summary>Pictures' latents that were kept from earlier runs, or for later ones.</summary>
    public CacheUse Latents { get; init; }

    /// <summary>Captions' states likewise.</summary>
    public CacheUse Texts { get; init; }

    /// <summary>
    /// Why steps on a CUDA device were not recorded and replayed, as a sentence's end; null where they were, and on
    /// other devices.
    /// </summary>
    public string? PlainReason { get; init; }

    /// <summary>Writes the adapters in float32.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="metadata">Strings for the header.</param>
    /// <param name="naming">How keys are spelt.</param>
    /// <exception cref="RecipesException">There are no adapters, or the file cannot be written.</exception>
    public void SaveAdapters(
        string path, IReadOnlyDictionary<string, string>? metadata = null, LoraNaming naming = LoraNaming.Diffusers)
    {
        if (Adapters is null)
        {
            throw new RecipesException(
                path,
                "the training has left no adapters",
                "Save its weights or tokens instead.");
        }

        Adapters.Save(path, metadata, naming, weights);
    }

    /// <summary>Takes adapters and tokens off the model and frees them.</summary>
    public void Dispose()
    {
        foreach (var weight in weights.Values)
        {
            weight.Dispose();
        }

        trained.Dispose();
    }
}
