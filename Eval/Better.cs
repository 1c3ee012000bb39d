namespace Recipes.Eval;

/// <summary>Which way a figure has to go to be a better one.</summary>
public enum Better
{
    /// <summary>No way: it describes, and does not judge.</summary>
    Neither,

    /// <summary>Up, such as a likeness.</summary>
    Higher,

    /// <summary>Down, such as a distance.</summary>
    Lower,
}
