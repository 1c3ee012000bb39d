namespace Recipes.Core.Pocket.Pretraining;

/// <summary>The budget of one stage of pretraining.</summary>
public sealed record StageOptions
{
    /// <summary>Optimiser steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Scenes a step.</summary>
    public required int Batch { get; init; }

    /// <summary>Highest learning rate; a cosine takes it down to a hundredth.</summary>
    public required double Rate { get; init; }

    /// <summary>Steps of linear warm-up.</summary>
    public int Warmup { get; init; } = 200;

    /// <summary>Decoupled weight decay of AdamW.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Highest decay of the moving average of the weights.</summary>
    public double AverageDecay { get; init; } = 0.999;

    /// <summary>Largest gradient norm.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>
    /// The share of icons that towers see in other colours and shapes, 0 to 1: they then know things by more than the
    /// few drawings there are.
    /// </summary>
    public double Vary { get; init; }

    /// <summary>Root seed of every random stream of the stage.</summary>
    public string Seed { get; init; } = "0";

    /// <summary>The state to resume from, and to leave behind at the end of the work; none when null.</summary>
    public string? StateFile { get; init; }

    /// <summary>When to stop early, keeping the state.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>The learning rate of one step, counted from 0.</summary>
    public double RateAt(long step)
    {
        if (step < Warmup)
        {
            return Rate * (step + 1) / Warmup;
        }

        var share = Math.Min(1, (step - Warmup) / (double)Math.Max(1, Steps - Warmup));
        return Rate * (0.01 + (0.99 * 0.5 * (1 + Math.Cos(Math.PI * share))));
    }
}
