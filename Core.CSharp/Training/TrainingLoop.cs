using System.Diagnostics;
using Recipes.Core.Native;

namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="TrainingLoop"/>.</summary>
public sealed record TrainingLoopOptions
{
    /// <summary>Optimiser steps in all, those before resuming included.</summary>
    public required long Steps { get; init; }

    /// <summary>Where checkpoints go; null for none.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>Steps between checkpoints; null for one when interrupted only.</summary>
    public long? CheckpointEvery { get; init; }

    /// <summary>Tells this plan from others.</summary>
    public string PlanHash { get; init; } = "";

    /// <summary>What to do when memory runs out, as a sentence.</summary>
    public string MemoryCure { get; init; } = "Lower the batch or the size.";

    /// <summary>
    /// Called after each step with the steps done; gives further figures by name, to be reported with the step's own.
    /// </summary>
    public Func<long, IReadOnlyDictionary<string, double>>? After { get; init; }
}

/// <summary>Progress after one step.</summary>
/// <param name="Step">Steps done, from 1.</param>
/// <param name="Total">Steps in all.</param>
/// <param name="Loss">What was minimised.</param>
/// <param name="InstanceLoss">The part of the instances.</param>
/// <param name="PriorLoss">The part of the class images before its weight.</param>
/// <param name="GradientNorm">Joint norm of the gradients before clipping.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="SecondsPerStep">Mean since the start or resumption.</param>
public sealed record TrainingStep(
    long Step,
    long Total,
    double Loss,
    double InstanceLoss,
    double? PriorLoss,
    double GradientNorm,
    double Rate,
    double SecondsPerStep)
{
    /// <summary>Figures that are measured now and then, by name, such as validation_loss.</summary>
    public IReadOnlyDictionary<string, double> Further { get; init; } = new Dictionary<string, double>();
}

/// <summary>How a training ended.</summary>
public enum TrainingStatus
{
    /// <summary>All steps are done.</summary>
    Completed,

    /// <summary>It was cancelled between two steps, after writing a checkpoint.</summary>
    Interrupted,
}

/// <summary>Runs a training step again and again: resuming, progress, checkpoints, interruption.</summary>
public static class TrainingLoop
{
    /// <summary>Runs all steps that are not done yet.</summary>
    /// <param name="step">What to run.</param>
    /// <param name="options">How often, and where checkpoints go.</param>
    /// <param name="progress">Told of every step, on this thread or wherever it posts to.</param>
    /// <param name="cancellation">Ends the run after the step that is running, with a checkpoint.</param>
    /// <returns>How it ended and how many steps are done.</returns>
    /// <exception cref="RecipesException">
    /// The loss is not a number, memory ran out, a checkpoint is of another plan or cannot be written; the last good one
    /// is kept.
    /// </exception>
    public static (TrainingStatus Status, long Done) Run(
        ITrainingStep step,
        TrainingLoopOptions options,
        IProgress<TrainingStep>? progress,
        CancellationToken cancellation)
    {
        if (options.CheckpointEvery is <= 0)
        {
            throw new RecipesException(
                "CheckpointEvery",
                $"{options.CheckpointEvery} is not a number of steps",
                "Set 1 or more, or leave it out.");
        }

        var folder = options.CheckpointFolder;
        var start = folder is null ? 0 : TrainingCheckpoint.Resume(folder, step, options.PlanHash);
        var saved = start;
        var read = start;
        var pace = new ReadingPace();
        var clock = Stopwatch.StartNew();
        Dictionary<long, IReadOnlyDictionary<string, double>> measured = [];
        for (var index = start; index < options.Steps; index++)
        {
            if (cancellation.IsCancellationRequested)
            {
                Read(index);
                Save(index);
                return (TrainingStatus.Interrupted, index);
            }

            var done = index + 1;
            Guarded(done, () => step.Start(index));
            if (options.After?.Invoke(done) is { Count: > 0 } figures)
            {
                measured[done] = figures;
            }

            var saves = done % options.CheckpointEvery == 0
                || (done == options.Steps && options.CheckpointEvery is not null);
            if (saves || done == options.Steps || !step.RunsAhead || done - read >= pace.Steps)
            {
                Read(done);
            }

            if (saves)
            {
                Save(done);
            }
        }

        return (TrainingStatus.Completed, Math.Max(start, options.Steps));

        // Reports all steps up to one, which the device may still be busy with.
        void Read(long done)
        {
            IReadOnlyList<StepResult> results = [];
            Guarded(done, () => results = step.Read());
            pace.Took(clock.Elapsed, results.Count);
            var seconds = clock.Elapsed.TotalSeconds / Math.Max(1, done - start);
            foreach (var result in results)
            {
                read++;
                if (!double.IsFinite(result.Loss) || !double.IsFinite(result.GradientNorm))
                {
                    throw Diverged(read, result, Kept());
                }

                progress?.Report(Report(read, result, seconds));
            }
        }

        TrainingStep Report(long done, StepResult result, double seconds)
        {
            var further = new Dictionary<string, double>(result.Further);
            if (measured.Remove(done, out var figures))
            {
                foreach (var (name, value) in figures)
                {
                    further[name] = value;
                }
            }

            return new TrainingStep(
                done,
                options.Steps,
                result.Loss,
                result.InstanceLoss,
                result.PriorLoss,
                result.GradientNorm,
                result.Rate,
                seconds)
            {
                Further = further,
            };
        }

        void Guarded(long done, Action action)
        {
            try
            {
                action();
            }
            catch (Exception e) when (OutOfMemory.Is(e))
            {
                throw Exhausted(done, options.MemoryCure, e, Kept());
            }
        }

        long? Kept() => folder is not null && saved > 0 ? saved : null;

        void Save(long done)
        {
            if (folder is not null && done > saved)
            {
                TrainingCheckpoint.Write(folder, step, done, options.PlanHash);
                saved = done;
            }
        }
    }

    private static RecipesException Exhausted(long step, string cure, Exception error, long? kept) =>
        new(
            $"Step {step}",
            $"memory ran out ({OutOfMemory.Line(error)})",
            cure
                + (kept is { } good
                    ? $" The checkpoint of step {good} is kept: the same training goes on from it where there is room."
                    : ""),
            error);

    private static RecipesException Diverged(long step, StepResult result, long? kept) =>
        new(
            $"Step {step}",
            $"the loss is {result.Loss} and the gradients' norm {result.GradientNorm}",
            $"Lower the learning rate (it was {result.Rate:g3}), set a clip norm of 1 or less, or train in float32."
                + (kept is { } good ? $" The checkpoint of step {good} is kept." : ""));
}
