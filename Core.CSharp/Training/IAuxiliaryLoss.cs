using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>A further term of the training loss, which may look at where the network's attention went.</summary>
public interface IAuxiliaryLoss
{
    /// <summary>Its factor in the loss, above 0.</summary>
    double Weight { get; }

    /// <summary>
    /// The resolutions of attention maps it looks at, as factors by which they are smaller than the latents.
    /// </summary>
    IReadOnlyList<int> Factors { get; }

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A number is out of range.</exception>
    void Check();

    /// <summary>The term before its weight, a float32 scalar within the gradient.</summary>
    /// <param name="maps">The maps of its resolutions, from the pass whose prediction is being compared.</param>
    /// <param name="batch">What the pass was given.</param>
    Tensor Compute(IReadOnlyList<AttentionMap> maps, DenoisingBatch batch);
}
