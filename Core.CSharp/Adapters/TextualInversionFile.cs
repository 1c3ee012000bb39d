using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>How files of learned tokens are spelt.</summary>
public enum EmbeddingNaming
{
    /// <summary>One tensor under the token's own name.</summary>
    Diffusers,

    /// <summary>One tensor named emb_params; the token is the file's name.</summary>
    A1111,
}

/// <summary>
/// Reads and writes learned tokens: diffusers' files (one tensor named as the token), A1111's (emb_params, the token
/// being the file's name) and pairs for SDXL's text encoders (clip_l and clip_g).
/// </summary>
public static class TextualInversionFile
{
    private const int Listed = 10;
    private const string Anonymous = "emb_params";
    private static readonly (string First, string Second)[] Pairs =
        [("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1")];

    /// <summary>Reads a file.</summary>
    /// <param name="path">A safetensors file.</param>
    /// <param name="token">What to call the token; by default what the file says, or else its name.</param>
    /// <exception cref="RecipesException">
    /// It is a pickle, holds something else, or values that are not numbers.
    /// </exception>
    public static TextualInversion Read(string path, string? token = null)
    {
        if (Path.GetExtension(path).ToLowerInvariant() is ".pt" or ".pth" or ".bin" or ".ckpt")
        {
            throw new RecipesException(
                path,
                "it is a pickle, which can run any program while it is read",
                "Convert it to .safetensors in the program it came from, or get it in that form.");
        }

        using var file = SafeTensorsFile.Open(path);
        using var scope = NewDisposeScope();
        IReadOnlyList<string> keys = [.. file.Tensors.Keys];
        var name = token ?? Path.GetFileNameWithoutExtension(path);
        foreach (var (first, second) in Pairs)
        {
            if (keys.Count > 0 && keys.All(key => key == first || key == second))
            {
                return Make(name, [.. keys.Order(StringComparer.Ordinal).Select(key => (key, key == first ? 0 : 1))]);
            }
        }

        if (keys is not [var only])
        {
            throw new RecipesException(
                path,
                $"it holds {keys.Count} tensors ({string.Join(", ", keys.Take(Listed))}), "
                    + "not one token's or clip_l and clip_g",
                "Name a file of learned tokens; one file holds one token.");
        }

        return Make(only == Anonymous ? name : token ?? only, [(only, (int?)null)]);

        TextualInversion Make(string called, IReadOnlyList<(string Key, int? Encoder)> parts)
        {
            TokenVectors[] vectors = [.. parts.Select(part => new TokenVectors(Rows(file, part.Key), part.Encoder))];
            if (vectors.DistinctBy(part => part.Rows.shape[0]).Count() > 1)
            {
                throw new RecipesException(
                    path,
                    $"it has {vectors[0].Rows.shape[0]} vectors for one text encoder and "
                        + $"{vectors[1].Rows.shape[0]} for the other",
                    "Get the file again from where it came.");
            }

            return new TextualInversion(called, vectors)
            {
                Source = path,
                Family = AdapterFamily.InHeader(file.Metadata),
            };
        }
    }

    /// <summary>Writes a token in float32; one with vectors for two text encoders always as such a pair.</summary>
    /// <param name="inversion">The token.</param>
    /// <param name="path">The file; A1111's programs take the token from its name.</param>
    /// <param name="naming">How the tensor is called.</param>
    /// <param name="metadata">Strings for the header, to which hashes are added.</param>
    /// <exception cref="RecipesException">It cannot be written.</exception>
    public static void Write(
        TextualInversion inversion,
        string path,
        EmbeddingNaming naming = EmbeddingNaming.Diffusers,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var tensors = inversion.Parts
            .Select((part, index) => KeyValuePair.Create(
                inversion.Parts.Count > 1 ? (part.Encoder ?? index) == 0 ? Pairs[0].First : Pairs[0].Second
                    : naming == EmbeddingNaming.A1111 ? Anonymous
                    : inversion.Token,
                part.Rows.detach().to(ScalarType.Float32)))
            .ToList();
        var header = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>()) { ["format"] = "pt" };
        AdapterHashes.AddTo(header, tensors);
        SafeTensorsWriter.Write(path, tensors, header);
    }

    private static Tensor Rows(SafeTensorsFile file, string key)
    {
        var info = file.Info(key);
        if (info.Shape is not ([> 0] or [> 0, > 0]))
        {
            throw new RecipesException(
                file.Path,
                $"{key} is {info.ShapeText}, not [vectors, width] or [width]",
                "Name a file of learned tokens.");
        }

        var values = file.Read(key, dtype: ScalarType.Float32);
        return values.isfinite().all().item<bool>()
            ? values.reshape(-1, info.Shape[^1])
            : throw new RecipesException(
                file.Path,
                $"{key} holds values that are infinite or not numbers",
                "Get the file again from where it came, or take an earlier save of the training.");
    }
}
