using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <content>What a checkpoint keeps.</content>
public sealed partial class AdamW
{
    /// <summary>What is remembered of each parameter, by name. The tensors are the live ones, not copies.</summary>
    public IReadOnlyDictionary<string, AdamWState> State =>
        Enumerable.Range(0, parameters.Length).ToDictionary(
            index => parameters[index].Name,
            index => new AdamWState(first[index], second[index], masters[index], steps[index]));

    /// <summary>
    /// The state as named tensors, for a checkpoint: NAME.first, NAME.second, NAME.master and NAME.steps.
    /// </summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Save()
    {
        for (var index = 0; index < parameters.Length; index++)
        {
            var name = parameters[index].Name;
            yield return new($"{name}.first", first[index]);
            yield return new($"{name}.second", second[index]);
            yield return new($"{name}.master", masters[index]);
            yield return new($"{name}.steps", tensor(steps[index], dtype: ScalarType.Int64));
        }
    }

    /// <summary>Takes the state back from named tensors, and the parameters with it.</summary>
    /// <param name="read">The tensor of a name that <see cref="Save"/> gave.</param>
    public void Restore(Func<string, Tensor> read)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        for (var index = 0; index < parameters.Length; index++)
        {
            var name = parameters[index].Name;
            first[index].copy_(read($"{name}.first"));
            second[index].copy_(read($"{name}.second"));
            masters[index].copy_(read($"{name}.master"));
            steps[index] = read($"{name}.steps").to(ScalarType.Int64).item<long>();
            countOf[index].fill_(steps[index]);
            if (!ReferenceEquals(masters[index], parameters[index].Parameter))
            {
                parameters[index].Parameter.copy_(masters[index]);
            }
        }
    }
}
