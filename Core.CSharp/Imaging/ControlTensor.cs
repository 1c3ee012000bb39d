using static TorchSharp.torch;

namespace Recipes.Core.Imaging;

/// <summary>Control pictures as ControlNets take them.</summary>
public static class ControlTensor
{
    /// <summary>
    /// Float32 [n, 3, height, width] on the CPU; bytes 0 to 255 become 0 to 1, unlike pictures to be drawn.
    /// </summary>
    /// <exception cref="ArgumentException">There is no picture, or their sizes differ.</exception>
    public static Tensor FromImages(IReadOnlyList<Image> images) =>
        ImageTensor.FromImages(images, value => value / 255f);
}
