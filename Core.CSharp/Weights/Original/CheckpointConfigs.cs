using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;

namespace Recipes.Core.Weights.Original;

/// <summary>
/// The folder that states what a checkpoint's shapes cannot tell: configs, tokenizers and schedulers in diffusers
/// layout, as many of them as there are. What it states of shapes must agree with the file.
/// </summary>
/// <param name="folder">The folder; null for none.</param>
internal sealed class CheckpointConfigs(string? folder)
{
    private const string Cure = "Give the configs of the model the file was made of, or none.";

    /// <summary>The folder looked for beside a file: NAME.configs for NAME.safetensors.</summary>
    public static string Beside(string file) => System.IO.Path.ChangeExtension(file, ".configs");

    /// <summary>The folder named, or else the one beside the file where there is one.</summary>
    /// <exception cref="RecipesException">The folder named does not exist.</exception>
    public static CheckpointConfigs Find(string file, string? named)
    {
        if (named is not null && !Directory.Exists(named))
        {
            throw new RecipesException(
                named, "there is no such folder", "Check the path, or leave the configs out.");
        }

        return new CheckpointConfigs(named ?? (Directory.Exists(Beside(file)) ? Beside(file) : null));
    }

    /// <summary>The path of a part's folder, or null where it lacks the file.</summary>
    public string? Part(string part, string file = "config.json") =>
        folder is not null && File.Exists(Path.Combine(folder, part, file)) ? Path.Combine(folder, part) : null;

    /// <summary>The UNet's config where one is stated, else the one found.</summary>
    public UNetConfig UNet(UNetConfig found)
    {
        if (Part("unet") is not { } part)
        {
            return found;
        }

        var stated = UNetConfig.Read(part);
        Agree(
            stated.Where,
            ("in_channels", stated.InChannels, found.InChannels),
            ("out_channels", stated.OutChannels, found.OutChannels),
            ("block_out_channels", List(stated.BlockOutChannels), List(found.BlockOutChannels)),
            ("layers_per_block", stated.LayersPerBlock, found.LayersPerBlock),
            ("down_block_types", List(stated.DownBlockTypes), List(found.DownBlockTypes)),
            ("up_block_types", List(stated.UpBlockTypes), List(found.UpBlockTypes)),
            ("cross_attention_dim", stated.CrossAttentionDim, found.CrossAttentionDim),
            ("use_linear_projection", stated.UseLinearProjection, found.UseLinearProjection),
            ("num_class_embeds", stated.NumClassEmbeds, found.NumClassEmbeds),
            ("projection_class_embeddings_input_dim",
                stated.ProjectionClassEmbeddingsInputDim, found.ProjectionClassEmbeddingsInputDim));
        return stated;
    }

    /// <summary>The autoencoder's config where one is stated, else the one found.</summary>
    public VaeConfig Vae(VaeConfig found)
    {
        if (Part("vae") is not { } part)
        {
            return found;
        }

        var stated = VaeConfig.Read(part);
        Agree(
            stated.Where,
            ("in_channels", stated.InChannels, found.InChannels),
            ("out_channels", stated.OutChannels, found.OutChannels),
            ("latent_channels", stated.LatentChannels, found.LatentChannels),
            ("block_out_channels", List(stated.BlockOutChannels), List(found.BlockOutChannels)),
            ("layers_per_block", stated.LayersPerBlock, found.LayersPerBlock));
        return stated;
    }

    /// <summary>A text encoder's config where one is stated, else the one found.</summary>
    public ClipTextConfig Text(string component, ClipTextConfig found)
    {
        if (Part(component) is not { } part)
        {
            return found;
        }

        var stated = ClipTextConfig.Read(part);
        Agree(
            stated.Where,
            ("vocab_size", stated.VocabSize, found.VocabSize),
            ("hidden_size", stated.HiddenSize, found.HiddenSize),
            ("intermediate_size", stated.IntermediateSize, found.IntermediateSize),
            ("num_hidden_layers", stated.NumHiddenLayers, found.NumHiddenLayers),
            ("max_position_embeddings", stated.MaxPositionEmbeddings, found.MaxPositionEmbeddings),
            ("projection_dim", stated.ProjectionDim, found.ProjectionDim));
        return stated;
    }

    /// <summary>A scheduler where one is stated, else the one found.</summary>
    public SchedulerConfig Scheduler(string component, SchedulerConfig found) =>
        Part(component, "scheduler_config.json") is { } part ? SchedulerConfig.Read(part) : found;

    /// <summary>A tokenizer where one is stated, else CLIP's own with that token for padding.</summary>
    /// <param name="component">tokenizer or tokenizer_2.</param>
    /// <param name="pad">The token that fills prompts up.</param>
    /// <param name="text">The text encoder it is for.</param>
    /// <exception cref="RecipesException">CLIP's own has more tokens than the text encoder knows.</exception>
    public ClipTokenizer Tokenizer(string component, string pad, ClipTextConfig text)
    {
        if (Part(component, "vocab.json") is { } part)
        {
            return ClipTokenizer.Load(part);
        }

        var own = ClipTokenizer.Clip(pad);
        return own.Count <= text.VocabSize
            ? own
            : throw new RecipesException(
                text.Where,
                $"its text encoder knows {text.VocabSize} tokens, CLIP's tokenizer has {own.Count}",
                $"Put the model's own vocab.json, merges.txt and tokenizer_config.json into "
                    + $"{Path.Combine(folder ?? Beside(text.Where), component)}.");
    }

    private static string List<T>(IEnumerable<T> values) => $"[{string.Join(", ", values)}]";

    private static void Agree(string where, params (string Field, object? Stated, object? Found)[] fields)
    {
        foreach (var (field, stated, found) in fields)
        {
            if (!Equals(stated, found))
            {
                throw new RecipesException(
                    where, $"\"{field}\" is {stated ?? "null"}, the checkpoint's weights have {found ?? "none"}", Cure);
            }
        }
    }
}
