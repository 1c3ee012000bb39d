using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// What <see cref="AdamW"/> remembers of one parameter: its first and second moment, the weight in float32 and the
/// number of steps it has taken.
/// </summary>
/// <param name="First">Running mean of the gradient, of the moments' type.</param>
/// <param name="Second">Running mean of the gradient's square, likewise.</param>
/// <param name="Master">The weight in float32; the parameter itself where that is float32.</param>
/// <param name="Steps">Steps taken.</param>
public sealed record AdamWState(Tensor First, Tensor Second, Tensor Master, long Steps);
