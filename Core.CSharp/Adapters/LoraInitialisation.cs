namespace Recipes.Core.Adapters;

/// <summary>What A of a fresh low-rank adapter is drawn from; B is zero, so that it changes nothing yet.</summary>
public enum LoraInitialisation
{
    /// <summary>Uniform in ±1/√fan-in: Kaiming with a = √5, as most programs do.</summary>
    Kaiming,

    /// <summary>Normal with a standard deviation of 1/rank (Hu et al., section 4.1; the scale is PEFT's).</summary>
    Gaussian,

    /// <summary>Rows of length 1 at right angles, out of a normal draw.</summary>
    Orthogonal,
}
