using System.Globalization;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// A training run's state in one safetensors file, replaced as a whole or not at all. Its header holds the number of
/// steps done and the hash of the plan.
/// </summary>
public static class TrainingCheckpoint
{
    /// <summary>The file's name in a run's checkpoint folder.</summary>
    public const string FileName = "checkpoint.safetensors";

    private const string StepKey = "recipes.step";
    private const string PlanKey = "recipes.plan_sha256";
    private const string DrawsKey = "recipes.draws";

    // Raised whenever seed, stream and step come to mean other numbers: no run goes on with those of another version.
    private const string Draws = "2";

    /// <summary>Writes the state after so many steps. The file before stays as it was if this fails.</summary>
    /// <exception cref="RecipesException">The disk is full, or the folder cannot be written.</exception>
    public static void Write(string folder, ITrainingStep step, long done, string planHash)
    {
        using var scope = NewDisposeScope();
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                folder,
                $"the folder cannot be made ({e.Message.TrimEnd('.')})",
                "Choose another folder for the run.",
                e);
        }

        SafeTensorsWriter.Write(
            Path.Combine(folder, FileName),
            step.SaveState(),
            new Dictionary<string, string>
            {
                [StepKey] = done.ToString(CultureInfo.InvariantCulture),
                [PlanKey] = planHash,
                [DrawsKey] = Draws,
            });
    }

    /// <summary>Takes the state back; 0 where there is no checkpoint.</summary>
    /// <returns>Steps done.</returns>
    /// <exception cref="RecipesException">
    /// It is of another plan or of a version with other random numbers, or lacks something.
    /// </exception>
    public static long Resume(string folder, ITrainingStep step, string planHash)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return 0;
        }

        using var file = SafeTensorsFile.Open(path);
        var found = file.Metadata.GetValueOrDefault(PlanKey);
        if (found != planHash)
        {
            throw new RecipesException(
                path,
                $"it is of plan {Short(found)}, this is plan {Short(planHash)}",
                "Go back to that plan, or start a new run in another folder.");
        }

        if (file.Metadata.GetValueOrDefault(DrawsKey) != Draws)
        {
            throw new RecipesException(
                path,
                "it was written by a version of this program that draws other random numbers",
                "Go on with that version, or delete the file to start from the first step.");
        }

        var text = file.Metadata.GetValueOrDefault(StepKey);
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var done))
        {
            throw new RecipesException(
                path,
                $"its header has no {StepKey}",
                "Delete the file to start from the first step.");
        }

        using var scope = NewDisposeScope();
        step.RestoreState(name => file.Read(name));
        return done;
    }

    private static string Short(string? hash) => hash is null ? "unknown" : hash[..Math.Min(12, hash.Length)];
}
