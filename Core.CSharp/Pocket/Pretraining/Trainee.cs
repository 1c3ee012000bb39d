using System.Globalization;
using Recipes.Core.Training;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>
/// A network in training: its weights (bfloat16 on CUDA, float32 on the CPU), AdamW with float32 masters,
/// and a moving average of the masters, which is what gets shipped.
/// </summary>
internal sealed class Trainee : IDisposable
{
    private readonly AdamW optimiser;
    private readonly Ema average;
    private readonly StageOptions options;

    public Trainee(nn.Module network, StageOptions options)
    {
        this.options = options;
        var parameters = network.named_parameters()
            .Select(item => new NamedParameter(item.name, item.parameter))
            .ToArray();
        foreach (var (_, parameter) in parameters)
        {
            parameter.requires_grad = true;
        }

        ComputeType = parameters[0].Parameter.dtype;
        optimiser = new AdamW(parameters, new AdamWOptions
        {
            Rate = options.Rate,
            Beta2 = 0.99,
            WeightDecay = options.WeightDecay,
        });
        average = new Ema(optimiser.Masters, new EmaOptions { Decay = options.AverageDecay });
    }

    /// <summary>The type the network computes in.</summary>
    public ScalarType ComputeType { get; }

    /// <summary>Backward pass, clipping, optimiser step and moving average.</summary>
    public void Update(Tensor loss, double rate)
    {
        loss.backward();
        GradientClipping.ClipByNorm(optimiser.Gradients, options.ClipNorm);
        optimiser.Step(rate);
        optimiser.ZeroGrad();
        average.Update();
    }

    /// <summary>
    /// The averaged weights in float16. They leave the float32 averages directly: bfloat16 would blur them.
    /// </summary>
    public HalfWeights Average() => new(optimiser.Parameters.Zip(
        average.Averages,
        (item, averaged) => new KeyValuePair<string, Tensor>(item.Name, averaged)));

    /// <summary>Writes weights, moments and averages.</summary>
    public void Save(string file, long step)
    {
        using var scope = NewDisposeScope();
        SafeTensorsWriter.Write(
            file,
            [.. optimiser.Save(), .. Averages()],
            new Dictionary<string, string> { ["step"] = step.ToString(CultureInfo.InvariantCulture) });
    }

    /// <summary>Takes back what <see cref="Save"/> wrote; the steps done then.</summary>
    public long Resume(string file)
    {
        using var scope = NewDisposeScope();
        using var saved = SafeTensorsFile.Open(file);
        var step = long.Parse(saved.Metadata["step"], CultureInfo.InvariantCulture);
        optimiser.Restore(name => saved.Read(name));
        average.Restore([.. Averages().Select(item => saved.Read(item.Key, item.Value.device))], step);
        return step;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        average.Dispose();
        optimiser.Dispose();
    }

    private IEnumerable<KeyValuePair<string, Tensor>> Averages() => optimiser.Parameters.Zip(
        average.Averages,
        (item, averaged) => new KeyValuePair<string, Tensor>($"{item.Name}.average", averaged));
}
