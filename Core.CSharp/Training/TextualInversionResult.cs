using Recipes.Core.Adapters;
using Recipes.Core.Pipelines;

namespace Recipes.Core.Training;

/// <summary>What a textual inversion left: the token, still on the model until this is disposed of.</summary>
public sealed class TextualInversionResult : IDisposable
{
    private readonly StableDiffusionModel model;

    internal TextualInversionResult(
        StableDiffusionModel model, TrainingStatus status, long steps, TextualInversion inversion)
    {
        this.model = model;
        Status = status;
        Steps = steps;
        Inversion = inversion;
    }

    /// <summary>Whether all steps are done.</summary>
    public TrainingStatus Status { get; }

    /// <summary>Steps done, those before resuming included.</summary>
    public long Steps { get; }

    /// <summary>The token and its vectors, which <see cref="TextualInversionFile"/> writes.</summary>
    public TextualInversion Inversion { get; }

    /// <summary>Takes the token off the model and frees its vectors.</summary>
    public void Dispose()
    {
        model.LearnedTokens.Remove(Inversion.Token);
        Inversion.Dispose();
    }
}
