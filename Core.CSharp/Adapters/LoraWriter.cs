using System.Globalization;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>Writes adapter files in float32 with ranks and alphas in the header.</summary>
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
        if (naming == LoraNaming.Diffusers && !LoraKeys.IsAttentionOnly(set.Adapters))
        {
            naming = LoraNaming.Peft;
        }

        var tensors = new List<KeyValuePair<string, Tensor>>();
        foreach (var adapter in set.Adapters)
        {
            var (down, up) = LoraKeys.Pair(naming, adapter.Component, adapter.Path);
            tensors.Add(new(down, Value($"{adapter.Name}.lora_A.weight", adapter.Down)));
            tensors.Add(new(up, Value($"{adapter.Name}.lora_B.weight", adapter.Up)));
            if (naming == LoraNaming.Kohya)
            {
                var stem = LoraKeys.KohyaStem(adapter.Component, adapter.Path);
                tensors.Add(new($"{stem}.alpha", tensor((float)adapter.Alpha)));
            }
        }

        SafeTensorsWriter.Write(path, tensors, Header(set, metadata, naming));

        Tensor Value(string name, Tensor own) =>
            (values?.GetValueOrDefault(name) ?? own).detach().to(ScalarType.Float32);
    }

    private static Dictionary<string, string> Header(
        LoraSet set, IReadOnlyDictionary<string, string>? metadata, LoraNaming naming)
    {
        var header = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>()) { ["format"] = "pt" };
        if (naming == LoraNaming.Kohya)
        {
            header["ss_network_module"] = "networks.lora";
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
