using Recipes.Core.Adapters;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What a training left: trained adapters, still on the model, or the model's own changed weights.</summary>
public sealed class TrainingResult : IDisposable
{
    private readonly IReadOnlyDictionary<string, Tensor> weights;

    internal TrainingResult(
        TrainingStatus status, long steps, LoraSet? adapters, IReadOnlyDictionary<string, Tensor> weights)
    {
        Status = status;
        Steps = steps;
        Adapters = adapters;
        this.weights = weights;
    }

    /// <summary>Whether all steps are done.</summary>
    public TrainingStatus Status { get; }

    /// <summary>Steps done, those before resuming included.</summary>
    public long Steps { get; }

    /// <summary>The trained adapters; null where the model itself was trained.</summary>
    public LoraSet? Adapters { get; }

    /// <summary>
    /// Trained weights in float32 by name: unet.PATH.lora_A.weight, or unet.PATH.weight without adapters.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Weights => weights;

    /// <summary>Different class pictures visited, out of those there are.</summary>
    public (int Visited, int Count) ClassImages { get; init; }

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
                "the training changed the model itself, there are no adapters",
                "Save the model instead.");
        }

        Adapters.Save(path, metadata, naming, weights);
    }

    /// <summary>Takes the adapters off the model and frees them.</summary>
    public void Dispose()
    {
        foreach (var weight in weights.Values)
        {
            weight.Dispose();
        }

        Adapters?.Dispose();
    }
}
