using Recipes.Core.Adapters;
using Recipes.Core.Pipelines;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The parts of a model that a training trains, put onto it: fresh adapters, new tokens, and which of the networks' own
/// weights require gradients. Adapters and tokens stay until this is disposed of.
/// </summary>
internal sealed class TrainedNetworks : IDisposable
{
    private readonly StableDiffusionModel model;
    private readonly List<TextualInversion> tokens = [];
    private readonly List<NamedParameter> parameters = [];

    /// <param name="model">The base, all of it frozen.</param>
    /// <param name="parts">What is trained, checked.</param>
    /// <param name="streams">Draws fresh weights.</param>
    /// <exception cref="RecipesException">A target covers nothing, or a token or its initialiser cannot be used.</exception>
    public TrainedNetworks(StableDiffusionModel model, TrainedParts parts, RandomStreams streams)
    {
        this.model = model;
        try
        {
            Adapters = Attach(model, parts, streams);
            parameters.AddRange(Adapters?.Parameters ?? []);
            Own(model.UNet, "unet", parts.UNetWeights);
            for (var tower = 0; tower < model.TextEncoders.Count; tower++)
            {
                Own(model.TextEncoders[tower], StableDiffusionModel.TextComponent(tower), parts.TextWeights);
            }

            foreach (var token in parts.Tokens)
            {
                Add(token);
            }

            if (parts.ControlNet is { } network)
            {
                network.Config.RequireFit(model.UNet.Config);
                Own(network, "controlnet", TrainedParts.Everything);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>All adapters; null where there are none.</summary>
    public LoraSet? Adapters { get; }

    /// <summary>The new tokens, on the model.</summary>
    public IReadOnlyList<TextualInversion> Tokens => tokens;

    /// <summary>All that is trained.</summary>
    public IReadOnlyList<NamedParameter> Parameters => parameters;

    /// <summary>Takes adapters and tokens off the model and frees them.</summary>
    public void Dispose()
    {
        foreach (var token in tokens)
        {
            model.LearnedTokens.Remove(token.Token);
            token.Dispose();
        }

        tokens.Clear();
        Adapters?.Dispose();
    }

    private static LoraSet? Attach(StableDiffusionModel model, TrainedParts parts, RandomStreams streams)
    {
        var sets = new List<LoraSet>();
        try
        {
            if (parts.UNetLora is { } image)
            {
                Fresh(model.UNet, "unet", image);
            }

            if (parts.TextLora is { } text)
            {
                for (var tower = 0; tower < model.TextEncoders.Count; tower++)
                {
                    Fresh(model.TextEncoders[tower], StableDiffusionModel.TextComponent(tower), OfTower(text, tower), 1 + tower);
                }
            }
        }
        catch
        {
            sets.ForEach(set => set.Dispose());
            throw;
        }

        return sets.Count == 0 ? null : LoraSet.Join(sets);

        // Text encoders differ in depth: what another one has is no mistake.
        LoraOptions OfTower(LoraOptions options, int tower)
        {
            bool Covers(string target, nn.Module network) =>
                network.named_modules().Any(module => LoraTargets.Matches(target, module.name));
            return options with
            {
                Targets =
                [
                    .. options.Targets.Where(target =>
                        Covers(target, model.TextEncoders[tower])
                        || !model.TextEncoders.Any(other => Covers(target, other))),
                ],
            };
        }

        void Fresh(nn.Module network, string component, LoraOptions options, int draw = 0)
        {
            using var generator = streams.Generator(RandomStreams.Init, draw);
            sets.Add(LoraSet.Attach(network, component, options, generator));
        }
    }

    /// <summary>Lets the chosen layers' own weights and biases require gradients.</summary>
    private void Own(nn.Module network, string component, IReadOnlyList<string>? targets)
    {
        if (targets is null)
        {
            return;
        }

        var own = network.named_parameters().ToList();
        var chosen = LoraTargets.Select(
            targets, [.. own.Select(item => Layer(item.name)).Distinct()], $"Trained layers of {component}").ToHashSet();
        foreach (var (name, parameter) in own.Where(item => chosen.Contains(Layer(item.name))))
        {
            parameter.requires_grad = true;
            parameters.Add(new NamedParameter($"{component}.{name}", parameter));
        }

        static string Layer(string name) => name[..Math.Max(0, name.LastIndexOf('.'))];
    }

    private void Add(NewToken token)
    {
        var rows = model.TextEncoders.Select((_, tower) => InitialRows(token, tower)).ToList();
        var several = rows.Count > 1;
        var inversion = new TextualInversion(
            token.Token, [.. rows.Select((row, tower) => new TokenVectors(row, several ? tower : null))]);
        try
        {
            model.LearnedTokens.Add(inversion);
        }
        catch
        {
            inversion.Dispose();
            throw;
        }

        tokens.Add(inversion);
        parameters.AddRange(
            rows.Select((row, tower) => new NamedParameter($"{StableDiffusionModel.TextComponent(tower)}.{token.Token}", row)));
    }

    /// <summary>The vectors of the initialiser's tokens, in float32: one for each, or one for all.</summary>
    private Parameter InitialRows(NewToken token, int tower)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var ids = model.Tokenizers[tower].Tokenize(token.Initialiser).Select(id => (long)id).ToArray();
        if (ids.Length != 1 && ids.Length != token.Vectors)
        {
            throw new RecipesException(
                $"NewToken.Initialiser of {token.Token}",
                $"\"{token.Initialiser}\" is {ids.Length} tokens, Vectors is {token.Vectors}",
                ids.Length == 0 ? "Write a word." : $"Use a word of one token, or set Vectors to {ids.Length}.");
        }

        var encoder = model.TextEncoders[tower];
        var chosen = tensor(ids, dtype: ScalarType.Int64, device: encoder.Device);
        var rows = encoder.Tokens.forward(chosen).to(ScalarType.Float32).expand(token.Vectors, -1).clone();
        return new Parameter(rows.DetachFromDisposeScope());
    }
}
