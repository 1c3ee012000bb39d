using System.Text.Json;
using System.Text.Json.Nodes;
using Recipes.Core.Weights;

namespace Recipes.Core.Adapters;

/// <summary>
/// Ranks and alphas in an adapter file's header, under lora_adapter_metadata: PEFT's configuration of each
/// component, its keys prefixed by the component's name.
/// </summary>
public sealed class LoraMetadata
{
    /// <summary>The header's key.</summary>
    public const string Key = "lora_adapter_metadata";

    private readonly JsonObject values;

    private LoraMetadata(JsonObject values)
    {
        this.values = values;
    }

    /// <summary>The header's configuration, or null where there is none.</summary>
    /// <exception cref="RecipesException">It is no JSON object.</exception>
    internal static LoraMetadata? Peft(SafeTensorsFile file)
    {
        if (!file.Metadata.TryGetValue(Key, out var text))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(text) is JsonObject parsed
                ? new LoraMetadata(parsed)
                : throw new JsonException("it is no object");
        }
        catch (JsonException e)
        {
            throw new RecipesException(
                file.Path,
                $"{Key} in its header cannot be read ({e.Message.TrimEnd('.')})",
                "Get the file again from where it came.",
                e);
        }
    }

    /// <summary>The alpha that the configuration states for a layer, or null.</summary>
    internal double? AlphaOf(string component, string path, long rank)
    {
        var alpha = Number($"{component}.lora_alpha");
        if (values[$"{component}.alpha_pattern"] is JsonObject patterns)
        {
            foreach (var (pattern, value) in patterns)
            {
                if (LoraTargets.Matches(pattern, path) && value is not null)
                {
                    alpha = value.GetValue<double>();
                    break;
                }
            }
        }

        // Rank-stabilised LoRA divides by the root of the rank instead of the rank.
        return values[$"{component}.use_rslora"]?.GetValueKind() == JsonValueKind.True
            ? alpha * Math.Sqrt(rank)
            : alpha;
    }

    /// <summary>The configuration of a set, as the header holds it.</summary>
    internal static string Write(LoraSet set)
    {
        var json = new JsonObject();
        foreach (var component in set.Adapters.GroupBy(adapter => adapter.Component))
        {
            var rank = MostCommon(component.Select(adapter => adapter.Rank));
            var alpha = MostCommon(component.Select(adapter => adapter.Alpha));
            json[$"{component.Key}.peft_type"] = "LORA";
            json[$"{component.Key}.r"] = rank;
            json[$"{component.Key}.lora_alpha"] = alpha;
            json[$"{component.Key}.lora_dropout"] = component.First().Dropout;
            json[$"{component.Key}.bias"] = "none";
            json[$"{component.Key}.use_dora"] = component.Any(adapter => adapter.Magnitude is not null);
            json[$"{component.Key}.target_modules"] = new JsonArray(
                [.. component.Select(adapter => JsonValue.Create(adapter.Path))]);
            json[$"{component.Key}.rank_pattern"] = Others(
                component.Where(adapter => adapter.Rank != rank), adapter => adapter.Rank);
            json[$"{component.Key}.alpha_pattern"] = Others(
                component.Where(adapter => adapter.Alpha != alpha), adapter => adapter.Alpha);
        }

        return json.ToJsonString();
    }

    private static JsonObject Others(IEnumerable<LoraAdapter> adapters, Func<LoraAdapter, JsonNode> value) =>
        new(adapters.Select(adapter => KeyValuePair.Create(adapter.Path, (JsonNode?)value(adapter))));

    private static T MostCommon<T>(IEnumerable<T> values) =>
        values.GroupBy(value => value).OrderByDescending(group => group.Count()).First().Key;

    private double? Number(string key) =>
        values[key] is { } value && value.GetValueKind() == JsonValueKind.Number ? value.GetValue<double>() : null;
}
