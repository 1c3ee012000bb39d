using Recipes.Core.Data;

namespace Recipes.Core.Training;

/// <summary>The loss on pictures that are not trained on, always with the same noise and times.</summary>
public sealed record ValidationOptions
{
    /// <summary>The pictures, in none of the concepts.</summary>
    public required IReadOnlyList<TrainingPicture> Pictures { get; init; }

    /// <summary>Steps from one measurement to the next.</summary>
    public required long Every { get; init; }

    /// <summary>Times at which each picture is tried, spread evenly over the schedule.</summary>
    public int Times { get; init; } = 4;

    /// <summary>Refuses settings that measure nothing.</summary>
    /// <exception cref="RecipesException">A setting is out of range.</exception>
    public void Check()
    {
        Require(Pictures.Count > 0, "Pictures", "there are none", "Name some that are not trained on.");
        Require(Every >= 1, "Every", $"{Every} is not a number of steps", "Set 1 or more.");
        Require(Times >= 1, "Times", $"{Times} times measure nothing", "Set 1 or more.");
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"Validation.{setting}", fault, cure);
        }
    }
}
