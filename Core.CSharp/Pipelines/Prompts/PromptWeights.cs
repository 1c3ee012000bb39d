using System.Globalization;
using System.Text;

namespace Recipes.Core.Pipelines.Prompts;

/// <summary>
/// The weights of a prompt's words, in the grammar of the AUTOMATIC1111 web UI: (word) multiplies by 1.1, [word]
/// divides by 1.1, (word:1.3) multiplies by 1.3; all nest; \( \) \[ \] \\ are the characters themselves. A bracket
/// that is never closed reaches to the end, and a closing one that was never opened is text.
/// </summary>
public static class PromptWeights
{
    private const double Step = 1.1;

    /// <summary>A prompt's parts in order. Neighbours differ in weight; together they are the text to encode.</summary>
    /// <exception cref="RecipesException">A weight is not a number.</exception>
    public static IReadOnlyList<(string Text, double Weight)> Parse(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var parts = new List<(string Text, double Weight)>();
        var (round, square, text) = (new Stack<int>(), new Stack<int>(), new StringBuilder());
        for (var at = 0; at < prompt.Length; at++)
        {
            switch (prompt[at])
            {
                case '\\':
                    if (at + 1 < prompt.Length && @"\()[]".Contains(prompt[at + 1], StringComparison.Ordinal))
                    {
                        text.Append(prompt[++at]);
                    }

                    break;
                case '(':
                    Flush();
                    round.Push(parts.Count);
                    break;
                case '[':
                    Flush();
                    square.Push(parts.Count);
                    break;
                case ':' when round.Count > 0 && WeightEnd(prompt, at) is { } end:
                    Flush();
                    Multiply(round.Pop(), Number(prompt, at + 1, end));
                    at = end;
                    break;
                case ')' when round.Count > 0:
                    Flush();
                    Multiply(round.Pop(), Step);
                    break;
                case ']' when square.Count > 0:
                    Flush();
                    Multiply(square.Pop(), 1 / Step);
                    break;
                default:
                    text.Append(prompt[at]);
                    break;
            }
        }

        Flush();
        foreach (var start in round)
        {
            Multiply(start, Step);
        }

        foreach (var start in square)
        {
            Multiply(start, 1 / Step);
        }

        return Merged(parts);

        void Flush()
        {
            if (text.Length > 0)
            {
                parts.Add((text.ToString(), 1));
                text.Clear();
            }
        }

        void Multiply(int start, double factor)
        {
            for (var i = start; i < parts.Count; i++)
            {
                parts[i] = (parts[i].Text, parts[i].Weight * factor);
            }
        }
    }

    /// <summary>Where the bracket closes, if nothing but a weight stands between it and the colon.</summary>
    private static int? WeightEnd(string prompt, int colon)
    {
        var end = colon + 1;
        while (end < prompt.Length && (char.IsAsciiDigit(prompt[end]) || " .+-".Contains(prompt[end])))
        {
            end++;
        }

        var digits = prompt.AsSpan(colon + 1, end - colon - 1).ContainsAnyInRange('0', '9');
        return end < prompt.Length && prompt[end] == ')' && digits ? end : null;
    }

    private static double Number(string prompt, int start, int end) =>
        double.TryParse(prompt.AsSpan(start, end - start), CultureInfo.InvariantCulture, out var weight)
        && double.IsFinite(weight)
            ? weight
            : throw new RecipesException(
                $"The prompt \"{prompt}\"",
                $"the weight \"{prompt[start..end].Trim()}\" is not a number",
                "Write a number, as in (word:1.3), or \\( and \\) for brackets that are text.");

    /// <summary>Neighbours of one weight together: their words are cut into tokens as in plain text.</summary>
    private static List<(string Text, double Weight)> Merged(List<(string Text, double Weight)> parts)
    {
        var merged = new List<(string Text, double Weight)>();
        foreach (var (text, weight) in parts)
        {
            if (merged.Count > 0 && merged[^1].Weight == weight)
            {
                merged[^1] = (merged[^1].Text + text, weight);
            }
            else
            {
                merged.Add((text, weight));
            }
        }

        return merged;
    }
}
