using System.Reflection;

namespace Recipes.Core.Pocket;

/// <summary>The table of things (things.tsv beside this file): what is drawn, what it is called, what is held out.</summary>
public static class Things
{
    private const string Resource = "Recipes.Core.Pocket.things.tsv";
    private static readonly Lazy<IReadOnlyList<Thing>> Table = new(() => Parse(Text()));

    /// <summary>Every thing, in the table's order.</summary>
    public static IReadOnlyList<Thing> All => Table.Value;

    /// <summary>Reads a table: a heading line, then hex, noun, article, group and split ("train" or "held-out").</summary>
    /// <exception cref="RecipesException">A line has other than five columns, an unknown word, or repeats a key.</exception>
    public static IReadOnlyList<Thing> Parse(string table)
    {
        var things = new List<Thing>();
        var seen = new HashSet<string>();
        var lines = table.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var number = 1; number < lines.Length; number++)
        {
            var columns = lines[number].Split('\t');
            var fault =
                columns.Length != 5 ? $"{columns.Length} columns where 5 are wanted"
                : columns[2] is not ("a" or "an" or "some") ? $"the article '{columns[2]}' is not a, an or some"
                : columns[4] is not ("train" or "held-out") ? $"the split '{columns[4]}' is not train or held-out"
                : !seen.Add(columns[0]) ? $"the code {columns[0]} stands there twice"
                : !seen.Add(columns[1]) ? $"the noun '{columns[1]}' stands there twice"
                : null;
            if (fault is not null)
            {
                throw new RecipesException($"things.tsv line {number + 1}", fault, "Correct the line.");
            }

            things.Add(new Thing(columns[0], columns[1], columns[2], columns[3], columns[4] == "held-out"));
        }

        return things;
    }

    private static string Text()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new RecipesException(Resource, "the table is not in the assembly", "Build Core.CSharp again.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
