namespace Recipes.Core.Pocket.Pretraining;

/// <summary>What a stage leaves.</summary>
/// <param name="Weights">The averaged weights.</param>
/// <param name="Done">Whether it reached its last step.</param>
public sealed record StageResult(HalfWeights Weights, bool Done);
