using Recipes.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// What optimisers share whose step is done by kernels: the rate and the averages' share on the device, which parameters
/// have gradients, and the tensors of each as a kernel takes them.
/// </summary>
internal sealed class KernelWeights : IDisposable
{
    private readonly IReadOnlyList<NamedParameter> parameters;
    private readonly IReadOnlyList<Tensor> masters;
    private readonly Tensor share;
    private IReadOnlyList<Tensor>? averages;

    /// <param name="parameters">What is trained.</param>
    /// <param name="masters">Their weights in float32; not owned.</param>
    /// <param name="type">The rate's, as the kernel reads it.</param>
    public KernelWeights(
        IReadOnlyList<NamedParameter> parameters, IReadOnlyList<Tensor> masters, ScalarType type = ScalarType.Float64)
    {
        this.parameters = parameters;
        this.masters = masters;
        var device = masters[0].device;
        Rate = zeros([], type, device).DetachFromDisposeScope();
        share = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        NoFigures = zeros(0, ScalarType.Float32, device).DetachFromDisposeScope();
    }

    /// <summary>The rate, a scalar on the device.</summary>
    public Tensor Rate { get; }

    /// <summary>By how much averages follow, float32 scalar on the device; null where none do.</summary>
    public Tensor? Share => averages is null ? null : share;

    /// <summary>What an optimiser without figures reports, float32 [0] on the device.</summary>
    public Tensor NoFigures { get; }

    /// <summary>The gradients present now.</summary>
    public Tensor[] Gradients => [.. parameters.Select(item => item.Parameter.grad).OfType<Tensor>()];

    /// <summary>Whether kernels can update weights on the device.</summary>
    public static bool Usable(Device device) => device.type == DeviceType.CUDA && Fused.Available;

    /// <inheritdoc cref="IRecordedOptimiser.SetRate(double)"/>
    public void SetRate(double rate) => Rate.fill_(rate);

    /// <inheritdoc cref="IRecordedOptimiser.SetRate(Tensor)"/>
    public void SetRate(Tensor rate) => Rate.copy_(rate.squeeze(0));

    /// <inheritdoc cref="IRecordedOptimiser.Shares"/>
    public Func<long, double>? Shares { get; private set; }

    /// <inheritdoc cref="IRecordedOptimiser.SetShare(double)"/>
    public void SetShare(double value) => share.fill_(value);

    /// <inheritdoc cref="IRecordedOptimiser.SetShare(Tensor)"/>
    public void SetShare(Tensor value) => share.copy_(value.squeeze(0));

    /// <summary>Has the kernels move averages; null for no more.</summary>
    public void Average(IReadOnlyList<Tensor>? following, Func<long, double>? shares = null) =>
        (averages, Shares) = (following, shares);

    /// <summary>What has a gradient now.</summary>
    /// <param name="states">What the optimiser remembers, each a tensor for each parameter.</param>
    public List<TrainedTensors> Updating(params Tensor[][] states)
    {
        var updating = new List<TrainedTensors>();
        for (var index = 0; index < parameters.Count; index++)
        {
            if (parameters[index].Parameter.grad is { } gradient)
            {
                updating.Add(Tensors(index, gradient, states));
            }
        }

        return updating;
    }

    /// <summary>What has no gradient now, but an average that follows it.</summary>
    /// <param name="updating">From <see cref="Updating"/>.</param>
    /// <param name="states">As there.</param>
    public IEnumerable<TrainedTensors> Following(IEnumerable<TrainedTensors> updating, params Tensor[][] states) =>
        averages is null
            ? []
            : Enumerable.Range(0, parameters.Count)
                .Except(updating.Select(item => item.Place))
                .Select(index => Tensors(index, null, states));

    /// <summary>Lets all gradients go.</summary>
    public void LetGo()
    {
        foreach (var (_, parameter) in parameters)
        {
            parameter.grad = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Rate.Dispose();
        share.Dispose();
        NoFigures.Dispose();
    }

    private TrainedTensors Tensors(int index, Tensor? gradient, Tensor[][] states)
    {
        var (master, weight) = (masters[index], parameters[index].Parameter);
        if (gradient is not null && !gradient.stride().SequenceEqual(weight.stride()))
        {
            gradient = empty_like(weight).copy_(gradient);
        }

        return new TrainedTensors(
            index, ReferenceEquals(master, weight) ? null : weight, master, gradient, averages?[index])
        {
            States = [.. states.Select(state => state[index])],
        };
    }
}
