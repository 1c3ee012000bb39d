namespace Recipes.Core.Schedules;

/// <summary>Models that predict the clean sample, which some samplers have no step for.</summary>
internal static class SamplePrediction
{
    public static void Refuse(SchedulerConfig config, string sampler)
    {
        if (config.PredictionType == PredictionType.Sample)
        {
            throw new RecipesException(
                config.Where,
                $"\"prediction_type\" is \"sample\", which {sampler} cannot step from",
                "Take another sampler, as ddim or euler.");
        }
    }
}
