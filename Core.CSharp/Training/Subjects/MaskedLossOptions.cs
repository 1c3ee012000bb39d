namespace Recipes.Core.Training.Subjects;

/// <summary>Settings of a loss that counts a picture's pixels by a mask.</summary>
public sealed record MaskedLossOptions
{
    /// <summary>What the loss is a mean over; there is no default.</summary>
    public required MaskNormalisation Normalisation { get; init; }

    /// <summary>How much pixels outside the mask count, from 0 to below 1.</summary>
    public double Background { get; init; }

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A number is out of range, or the normalisation is none of the two.</exception>
    public void Check()
    {
        if (!Enum.IsDefined(Normalisation))
        {
            throw new RecipesException(
                "MaskedLoss.Normalisation",
                $"{(int)Normalisation} is no way to normalise a masked loss",
                "Choose PerArea or PerPixel.");
        }

        if (Background is not (>= 0 and < 1))
        {
            throw new RecipesException(
                "MaskedLoss.Background",
                $"pixels outside the mask would count {Background}",
                "Set a weight from 0 to below 1, or leave the masks out.");
        }
    }
}
