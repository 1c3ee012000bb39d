using System.Security.Cryptography;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// Hashes of an adapter's tensors that other programs look for in its header: sshs_model_hash, the SHA-256 of all
/// bytes after the header; sshs_legacy_hash, the first eight digits of the SHA-256 of 64 KiB from 1 MiB on, of the
/// file as it is with its ss_ strings alone; and ModelSpec's modelspec.hash_sha256, the first with 0x before it.
/// </summary>
public static class AdapterHashes
{
    private const int LegacyStart = 0x100000;
    private const int LegacyLength = 0x10000;

    /// <summary>
    /// Adds the hashes to a header: the sshs_ ones where it has ss_ strings, ModelSpec's where it has that one's.
    /// </summary>
    /// <param name="header">The strings, changed in place.</param>
    /// <param name="tensors">What the file will hold.</param>
    public static void AddTo(Dictionary<string, string> header, IReadOnlyList<KeyValuePair<string, Tensor>> tensors)
    {
        var immutable = header.Where(pair => pair.Key.StartsWith("ss_", StringComparison.Ordinal)).ToDictionary();
        var spec = header.Keys.Any(key => key.StartsWith("modelspec.", StringComparison.Ordinal));
        if (immutable.Count == 0 && !spec)
        {
            return;
        }

        var (model, legacy) = Of(tensors, immutable);
        if (immutable.Count > 0)
        {
            header["sshs_model_hash"] = model;
            header["sshs_legacy_hash"] = legacy;
        }

        if (spec)
        {
            header["modelspec.hash_sha256"] = $"0x{model}";
        }
    }

    /// <summary>Both hashes of a file with these tensors and strings, in lower-case hexadecimal.</summary>
    public static (string Model, string Legacy) Of(
        IReadOnlyList<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var model = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var legacy = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var at = 0L;
        var inHeader = true;
        SafeTensorsWriter.Pour("the adapter", tensors, metadata, bytes =>
        {
            if (!inHeader)
            {
                model.AppendData(bytes);
            }

            inHeader = false;
            var start = Math.Clamp(LegacyStart - at, 0, bytes.Length);
            var end = Math.Clamp(LegacyStart + LegacyLength - at, 0, bytes.Length);
            legacy.AppendData(bytes[(int)start..(int)end]);
            at += bytes.Length;
        });
        return (
            Convert.ToHexStringLower(model.GetHashAndReset()),
            Convert.ToHexStringLower(legacy.GetHashAndReset())[..8]);
    }
}
