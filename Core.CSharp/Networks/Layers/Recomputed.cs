using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>
/// Gradient checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", section 4): a part of a
/// network that keeps its inputs alone and runs again when its gradient is asked for. It may be recorded in a graph.
/// </summary>
internal static class Recomputed
{
    /// <summary>Runs a part so that only its inputs are kept.</summary>
    /// <param name="part">
    /// The same operations both times, on the tensors it is given and on parameters; gives one fresh tensor.
    /// </param>
    /// <param name="inputs">
    /// At least one must require gradients where parameters of the part do: no gradient comes by otherwise.
    /// </param>
    public static Tensor Run(Func<Tensor[], Tensor> part, params Tensor[] inputs)
    {
        int[] led = [.. Enumerable.Range(0, inputs.Length).Where(index => inputs[index].requires_grad)];
        if (!is_grad_enabled() || led.Length == 0)
        {
            return part(inputs);
        }

        Tensor output;
        using (no_grad())
        {
            output = part(inputs);
        }

        Tensor[] saved = [.. inputs.Select(CustomGradient.Save)];
        CustomGradient.Attach([.. led.Select(index => inputs[index])], [output], saved, Again);
        return output;

        Tensor?[] Again(Tensor?[] gradients)
        {
            using var scope = NewDisposeScope();
            Tensor[] given = [.. saved.Select(tensor => tensor.detach())];
            foreach (var index in led)
            {
                given[index].requires_grad = true;
            }

            using (enable_grad())
            {
                part(given).backward([gradients[0]!]);
            }

            return [.. led.Select(index => given[index].grad?.DetachFromDisposeScope())];
        }
    }
}
