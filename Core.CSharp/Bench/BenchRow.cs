namespace Recipes.Core.Bench;

/// <summary>What one job took.</summary>
/// <param name="Job">Its name: lora, dreambooth, txt2img, controlnet.</param>
/// <param name="Batch">Pictures a step, or pictures drawn together.</param>
/// <param name="Device">The device's name.</param>
/// <param name="Milliseconds">Median of a step, or of drawing all pictures of the batch from noise to pixels.</param>
/// <param name="HostMilliseconds">
/// Median of the time until the host was free again; equal to the other where the job waits for its own figures.
/// </param>
/// <param name="SetupSeconds">From the weights to the end of the first step, warm-up and recording included.</param>
/// <param name="Recorded">Whether the work was replayed from a recorded graph.</param>
/// <param name="Fused">Whether this program's own kernels took part.</param>
/// <param name="PeakAllocated">Most bytes in tensors while it ran; null where libtorch does not tell.</param>
/// <param name="PeakReserved">
/// Most bytes taken from the device, recorded graphs included; null as above. On the CPU those of the whole process.
/// </param>
/// <param name="Cost">What it costs by its shapes alone.</param>
/// <param name="MatmulFlops">Operations a second of the device's fastest matrix products in the same type.</param>
public sealed record BenchRow(
    string Job,
    int Batch,
    string Device,
    double Milliseconds,
    double HostMilliseconds,
    double SetupSeconds,
    bool Recorded,
    bool Fused,
    long? PeakAllocated,
    long? PeakReserved,
    JobCost Cost,
    double MatmulFlops)
{
    /// <summary>Operations a second.</summary>
    public double FlopsPerSecond => Cost.Flops / (Milliseconds / 1000);

    /// <summary>The same as a share of matrix products'.</summary>
    public double Share => FlopsPerSecond / MatmulFlops;
}

/// <summary>What is measured, and how often.</summary>
public sealed record BenchOptions
{
    /// <summary>Pictures a step. DreamBooth takes as many class pictures besides.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Runs, of which the median counts.</summary>
    public int Runs { get; init; } = 20;

    /// <summary>Whether to record and replay where that can be done.</summary>
    public bool Recorded { get; init; } = true;

    /// <summary>Whether trainings recompute blocks for their gradients.</summary>
    public bool Checkpointing { get; init; }

    /// <summary>The type of AdamW's moments.</summary>
    public Training.Precision Moments { get; init; } = Training.Precision.Float32;

    /// <summary>Steps of a drawing.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>Rank of the adapters.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>Refuses numbers below 1.</summary>
    /// <exception cref="RecipesException">One is.</exception>
    internal void Check()
    {
        foreach (var (name, number) in new[]
            { (nameof(Batch), Batch), (nameof(Runs), Runs), (nameof(Steps), Steps), (nameof(Rank), Rank) })
        {
            if (number < 1)
            {
                throw new RecipesException($"bench {name}", $"{number} measures nothing", "Give 1 or more.");
            }
        }
    }
}
