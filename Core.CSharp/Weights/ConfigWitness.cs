using System.Globalization;
using System.Text.RegularExpressions;

namespace Recipes.Core.Weights;

/// <summary>
/// Holds a component's config against the shapes in the headers of its weights, so that a folder whose parts are of
/// different models is refused before anything is loaded. Only what both state is compared; missing and unused keys are
/// for the loading to tell.
/// </summary>
internal static partial class ConfigWitness
{
    private const string Cure = "Take the config and the weights from the same model.";

    /// <summary>Compares every number of the config that a weight's shape tells.</summary>
    /// <param name="component">unet, vae, text_encoder or text_encoder_2.</param>
    /// <param name="config">Its config.json.</param>
    /// <param name="tensors">What the headers list.</param>
    /// <exception cref="RecipesException">One of them differs: it names the key, both numbers and the weight.</exception>
    public static void Check(string component, ConfigFile config, IEnumerable<TensorInfo> tensors)
    {
        var shapes = new Dictionary<string, IReadOnlyList<long>>();
        foreach (var tensor in tensors)
        {
            shapes[tensor.Name] = tensor.Shape;
        }

        var check = new Comparison(config, shapes);
        switch (component)
        {
            case "unet":
                UNet(check);
                break;
            case "vae":
                Vae(check);
                break;
            default:
                Text(check);
                break;
        }
    }

    private static void UNet(Comparison check)
    {
        check.Side("in_channels", "conv_in.weight", 1);
        check.Side("out_channels", "conv_out.weight", 0);
        check.Levels("block_out_channels", "down_blocks");
        check.Number("layers_per_block", check.Members("down_blocks.0.resnets"), "down_blocks.0.resnets");
        check.Side("num_class_embeds", "class_embedding.weight", 0);
        check.Side("projection_class_embeddings_input_dim", "add_embedding.linear_1.weight", 1);
        if (check.Names.FirstOrDefault(name => name.EndsWith(".attn2.to_k.weight", StringComparison.Ordinal)) is { } keys)
        {
            check.Side("cross_attention_dim", keys, 1);
        }
    }

    private static void Vae(Comparison check)
    {
        check.Side("in_channels", "encoder.conv_in.weight", 1);
        check.Side("out_channels", "decoder.conv_out.weight", 0);
        check.Side("latent_channels", "decoder.conv_in.weight", 1);
        check.Levels("block_out_channels", "encoder.down_blocks");
        check.Number("layers_per_block", check.Members("encoder.down_blocks.0.resnets"), "encoder.down_blocks.0.resnets");
    }

    private static void Text(Comparison check)
    {
        check.Side("vocab_size", "text_model.embeddings.token_embedding.weight", 0);
        check.Side("hidden_size", "text_model.embeddings.token_embedding.weight", 1);
        check.Side("max_position_embeddings", "text_model.embeddings.position_embedding.weight", 0);
        check.Side("intermediate_size", "text_model.encoder.layers.0.mlp.fc1.weight", 0);
        check.Side("projection_dim", "text_projection.weight", 0);
        check.Number("num_hidden_layers", check.Members("text_model.encoder.layers"), "text_model.encoder.layers");
    }

    [GeneratedRegex(@"^\.(?<number>\d+)\.")]
    private static partial Regex Index();

    private sealed class Comparison(ConfigFile config, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes)
    {
        public IEnumerable<string> Names => shapes.Keys.Order(StringComparer.Ordinal);

        /// <summary>One side of one weight.</summary>
        public void Side(string key, string weight, int axis)
        {
            if (shapes.TryGetValue(weight, out var shape) && shape.Count > axis)
            {
                Number(key, shape[axis], weight);
            }
        }

        /// <summary>A number, or a list whose first is meant. Where the config or the weights are silent, nothing.</summary>
        public void Number(string key, long? found, string weight)
        {
            if (found is { } right && config.Numbers(key) is [var stated, ..] && stated != right)
            {
                throw Differs(key, stated, right, weight);
            }
        }

        /// <summary>A list with one number a level: as many as there are levels, each the width of its blocks.</summary>
        public void Levels(string key, string levels)
        {
            if (config.Numbers(key) is not { } stated || Members(levels) is not { } count)
            {
                return;
            }

            if (stated.Count != count)
            {
                throw new RecipesException(
                    config.Path, $"{key} has {stated.Count} levels, but the weights have {count} {levels}", Cure);
            }

            for (var level = 0; level < stated.Count; level++)
            {
                var weight = $"{levels}.{level}.resnets.0.conv1.weight";
                if (shapes.TryGetValue(weight, out var shape) && shape[0] != stated[level])
                {
                    throw Differs(key, stated[level], shape[0], weight);
                }
            }
        }

        /// <summary>How many numbered members a list of modules has; null where there is none.</summary>
        public long? Members(string list)
        {
            var numbers = shapes.Keys
                .Where(name => name.StartsWith(list, StringComparison.Ordinal))
                .Select(name => Index().Match(name[list.Length..]))
                .Where(match => match.Success)
                .Select(match => long.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture))
                .ToHashSet();
            return numbers.Count > 0 ? numbers.Count : null;
        }

        private RecipesException Differs(string key, long stated, long right, string weight) => new(
            config.Path, $"{key} is {stated}, but the weights are made for {right} ({weight})", Cure);
    }
}
