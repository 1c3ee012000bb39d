using System.Text;

namespace Recipes.Core.Weights;

/// <summary>
/// JSON as Python writes it: with NaN, Infinity and -Infinity, which JSON does not have. They are read as texts.
/// </summary>
internal static class PythonJson
{
    private static readonly byte[][] Words =
        [.. new[] { "-Infinity", "Infinity", "NaN" }.Select(Encoding.UTF8.GetBytes)];

    /// <summary>A file's bytes, such numbers in quotes.</summary>
    public static byte[] Read(string path) => Quote(File.ReadAllBytes(path));

    private static byte[] Quote(byte[] json)
    {
        if (!Words.Any(word => json.AsSpan().IndexOf(word) >= 0))
        {
            return json;
        }

        var quoted = new List<byte>(json.Length + 16);
        var inText = false;
        for (var i = 0; i < json.Length; i++)
        {
            var word = inText ? null : Words.FirstOrDefault(word => json.AsSpan(i).StartsWith(word));
            if (word is not null)
            {
                quoted.AddRange([(byte)'"', .. word, (byte)'"']);
                i += word.Length - 1;
                continue;
            }

            quoted.Add(json[i]);
            if (inText && json[i] == '\\' && i + 1 < json.Length)
            {
                quoted.Add(json[++i]);
            }
            else if (json[i] == '"')
            {
                inText = !inText;
            }
        }

        return [.. quoted];
    }
}
