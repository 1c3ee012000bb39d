namespace Recipes.Core.Pocket.Pretraining;

/// <summary>How far a stage is.</summary>
/// <param name="Stage">vae, clip or unet.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Loss of this step.</param>
/// <param name="SecondsPerStep">Mean over the steps since the last report.</param>
public sealed record StageProgress(string Stage, long Step, int Steps, double Loss, double SecondsPerStep);
