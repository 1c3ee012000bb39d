using Recipes.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>Trained parameters with float32 masters beside those of narrower types; what optimisers share.</summary>
internal sealed class MasterWeights : IDisposable
{
    /// <exception cref="RecipesException">No parameters, two of one name, or several devices.</exception>
    public MasterWeights(IReadOnlyList<NamedParameter> parameters, string optimiser)
    {
        Check(parameters, optimiser);
        Parameters = [.. parameters];
        using var _ = no_grad();
        Masters = [.. parameters.Select(item => Master(item.Parameter).DetachFromDisposeScope())];
        Kernel = Fused.Enabled && KernelWeights.Usable(Masters[0].device) ? new KernelWeights(Parameters, Masters) : null;
    }

    public NamedParameter[] Parameters { get; }

    public Tensor[] Masters { get; }

    /// <summary>The same for kernels; null where none can update them, or they are switched off.</summary>
    public KernelWeights? Kernel { get; }

    /// <summary>The gradients present now.</summary>
    public Tensor[] Gradients => [.. Parameters.Select(item => item.Parameter.grad).OfType<Tensor>()];

    /// <summary>A tensor like each master, filled with zeros.</summary>
    public Tensor[] Zeros()
    {
        using var _ = no_grad();
        return [.. Masters.Select(master => zeros_like(master).DetachFromDisposeScope())];
    }

    /// <summary>Whether the parameter is narrower than its master.</summary>
    public bool IsNarrow(int index) => !ReferenceEquals(Masters[index], Parameters[index].Parameter);

    /// <summary>Runs an update of each master that has a gradient, in float32, and copies the results to the parameters.</summary>
    public void Update(Action<int, Tensor, Tensor> update)
    {
        for (var index = 0; index < Parameters.Length; index++)
        {
            if (Parameters[index].Parameter.grad is { } gradient)
            {
                using var scope = NewDisposeScope();
                update(index, Masters[index], gradient.to(ScalarType.Float32));
                CopyBack(index);
            }
        }
    }

    /// <summary>Lets all gradients be zeros, in place; where kernels are used, lets them go.</summary>
    public void ZeroGrad()
    {
        if (Kernel is not null)
        {
            Kernel.LetGo();
        }
        else if (Gradients is { Length: > 0 } gradients)
        {
            TensorLists.Zero(gradients);
        }
    }

    /// <summary>Takes the masters back from a checkpoint, and the parameters with them.</summary>
    public void Restore(Func<string, Tensor> read)
    {
        for (var index = 0; index < Parameters.Length; index++)
        {
            Masters[index].copy_(read($"{Parameters[index].Name}.master"));
            CopyBack(index);
        }
    }

    /// <summary>The masters, for a checkpoint.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Save() =>
        Parameters.Zip(Masters, (item, master) => KeyValuePair.Create($"{item.Name}.master", master));

    /// <inheritdoc/>
    public void Dispose()
    {
        Kernel?.Dispose();
        for (var index = 0; index < Masters.Length; index++)
        {
            if (IsNarrow(index))
            {
                Masters[index].Dispose();
            }
        }
    }

    /// <summary>Refuses what no optimiser can train.</summary>
    public static void Check(IReadOnlyList<NamedParameter> parameters, string optimiser)
    {
        if (parameters.Count == 0)
        {
            throw new RecipesException(
                optimiser,
                "there is nothing to train",
                "Choose at least one layer or part to train.");
        }

        if (parameters.GroupBy(item => item.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new RecipesException(
                optimiser,
                $"{twice.Count()} parameters are named {twice.Key}",
                "Give every parameter a name of its own.");
        }

        var device = parameters[0].Parameter.device.ToString();
        var stray = parameters.FirstOrDefault(item => item.Parameter.device.ToString() != device);
        if (stray.Parameter is not null)
        {
            throw new RecipesException(
                optimiser,
                $"{parameters[0].Name} lies on {device}, {stray.Name} on {stray.Parameter.device}",
                "Move all that is trained to one device first.");
        }
    }

    /// <summary>A parameter in float32: itself, or a copy.</summary>
    public static Tensor Master(Parameter parameter) =>
        parameter.dtype == ScalarType.Float32 ? parameter : parameter.detach().to(ScalarType.Float32, copy: true);

    private void CopyBack(int index)
    {
        if (IsNarrow(index))
        {
            Parameters[index].Parameter.copy_(Masters[index]);
        }
    }
}
