namespace Recipes.Core;

/// <summary>An error the user can mend: where it is, what is wrong, and what to do about it.</summary>
public sealed class RecipesException : Exception
{
    /// <param name="where">The file, folder, key or setting at fault.</param>
    /// <param name="fault">What is wrong with it, with the values found.</param>
    /// <param name="cure">What to type or do. Never empty.</param>
    /// <param name="inner">The exception behind it, where there is one.</param>
    public RecipesException(string where, string fault, string cure, Exception? inner = null)
        : base($"{where}: {fault}. {cure}", inner)
    {
        Where = where;
        Fault = fault;
        Cure = cure;
    }

    /// <summary>The file, folder, key or setting at fault.</summary>
    public string Where { get; }

    /// <summary>What is wrong.</summary>
    public string Fault { get; }

    /// <summary>What to do about it.</summary>
    public string Cure { get; }
}
