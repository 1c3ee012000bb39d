using Recipes.Core.Pipelines;

namespace Recipes.Core.Training;

/// <summary>
/// What looks at the model between two steps: the loss on pictures held out, and previews. Both see it as it would be
/// used: averages in the weights' place, nothing left out.
/// </summary>
internal sealed class TrainingWatch(
    StableDiffusionModel model,
    DiffusionTrainingOptions options,
    ValidationLoss? validation,
    EmaStep? averaged,
    DropoutDraws dropout,
    IdleNetworks idle)
{
    /// <summary>After a step: the figures measured then, none at most steps.</summary>
    /// <param name="done">Steps done.</param>
    public IReadOnlyDictionary<string, double> Look(long done)
    {
        var measures = validation is not null && Due(options.Validation!.Every);
        var shows = options.Preview is { } preview && Due(preview.Every);
        if (!measures && !shows)
        {
            return new Dictionary<string, double>();
        }

        dropout.Pause();
        using var averages = averaged?.ApplyForNow();
        if (shows)
        {
            using var all = idle.BackForNow();
            options.Preview!.Show(done, model);
        }

        return measures ? validation!.Measure() : new Dictionary<string, double>();

        bool Due(long every) => done % every == 0 || done == options.Steps;
    }
}
