using System.Globalization;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>Writes adapter files in float32 with ranks, alphas and hashes in the header.</summary>
internal static class LoraWriter
{
    public static void Write(
        string path,
        LoraSet set,
        IReadOnlyDictionary<string, string>? metadata,
        LoraNaming naming,
        IReadOnlyDictionary<string, Tensor>? values)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (set.Deltas.Count > 0)
        {
            throw new RecipesException(
                path,
                $"{set.Deltas.Count} adapters are {set.Deltas[0].Kind}, which is read but not written",
                "Keep the file they came in, or merge them into the model and save that.");
        }

        if (naming == LoraNaming.Diffusers && !LoraStems.IsAttentionOnly(set.Adapters))
        {
            naming = LoraNaming.Peft;
        }

        var tensors = set.Adapters
            .SelectMany(adapter => naming is LoraNaming.Kohya or LoraNaming.KohyaOriginal
                ? Kohya(set, adapter, naming, values)
                : Peft(adapter, naming, values))
            .ToList();
        var header = Header(set, metadata, naming);
        AdapterHashes.AddTo(header, tensors);
        SafeTensorsWriter.Write(path, tensors, header);
    }

    private static KeyValuePair<string, Tensor>[] Peft(
        LoraAdapter adapter, LoraNaming naming, IReadOnlyDictionary<string, Tensor>? values)
    {
        var (down, up, magnitude) = LoraStems.Keys(naming, adapter.Component, adapter.Path);
        var (a, b, m) = Values(adapter, values);
        return
        [
            new(down, a),
            new(up, b),
            .. m is null ? (KeyValuePair<string, Tensor>[])[]
                : [new(magnitude, a.dim() > 2 ? m.reshape(1, -1, 1, 1) : m)],
        ];
    }

    private static KeyValuePair<string, Tensor>[] Kohya(
        LoraSet set, LoraAdapter adapter, LoraNaming naming, IReadOnlyDictionary<string, Tensor>? values)
    {
        var original = naming == LoraNaming.KohyaOriginal;
        var stem = LoraStems.Kohya(
            adapter.Component,
            adapter.Path,
            original ? set.OriginalOf(adapter) : null,
            original || set.Adapters.Any(other => other.Component == "text_encoder_2"));
        var (a, b, m) = Values(adapter, values);
        return
        [
            new($"{stem}.lora_down.weight", a),
            new($"{stem}.lora_up.weight", b),
            new($"{stem}.alpha", tensor((float)adapter.Alpha)),
            .. m is null ? (KeyValuePair<string, Tensor>[])[]
                : [new($"{stem}.dora_scale", m.reshape([-1, .. a.shape[1..].Select(_ => 1L)]))],
        ];
    }

    /// <summary>A, B and, with DoRA, the magnitudes in float32: given ones, or the adapter's own.</summary>
    private static (Tensor Down, Tensor Up, Tensor? Magnitude) Values(
        LoraAdapter adapter, IReadOnlyDictionary<string, Tensor>? values)
    {
        return (
            Value("lora_A.weight", adapter.Down),
            Value("lora_B.weight", adapter.Up),
            adapter.Magnitude is { } magnitude ? Value("lora_magnitude_vector", magnitude) : null);

        Tensor Value(string part, Tensor own) =>
            (values?.GetValueOrDefault($"{adapter.Name}.{part}") ?? own).detach().to(ScalarType.Float32);
    }

    private static Dictionary<string, string> Header(
        LoraSet set, IReadOnlyDictionary<string, string>? metadata, LoraNaming naming)
    {
        var header = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>()) { ["format"] = "pt" };
        if (naming is LoraNaming.Kohya or LoraNaming.KohyaOriginal)
        {
            header.TryAdd("ss_network_module", "networks.lora");
            var rank = set.Adapters.Max(adapter => adapter.Rank);
            var alpha = set.Adapters.Max(adapter => adapter.Alpha);
            header["ss_network_dim"] = rank.ToString(CultureInfo.InvariantCulture);
            header["ss_network_alpha"] = alpha.ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            header[LoraMetadata.Key] = LoraMetadata.Write(set);
        }

        return header;
    }
}
