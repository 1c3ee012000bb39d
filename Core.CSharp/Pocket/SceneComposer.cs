using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket;

/// <summary>
/// Draws scenes in batches on any device. Icons are laid on a canvas twice as fine as the picture, then each 2x2 square
/// is averaged, which keeps edges smooth at every size.
/// </summary>
public sealed class SceneComposer : IDisposable
{
    private const int Fineness = 2;
    private readonly Tensor icons;
    private readonly Tensor across;
    private readonly int side;

    /// <param name="pack">The icons; they are copied to the device as they are, one byte a value.</param>
    /// <param name="device">Where scenes are drawn.</param>
    /// <param name="side">Pixels on a side of the pictures.</param>
    public SceneComposer(IconPack pack, Device? device = null, int side = 128)
    {
        this.side = side;
        icons = pack.ToTensor(device);
        // Pixel centres of the fine canvas, from -1 to 1 over its whole width.
        var step = 1.0 / (side * Fineness);
        across = torch.linspace(step - 1, 1 - step, side * Fineness, ScalarType.Float32, device);
    }

    /// <summary>Pictures [b, 3, side, side] float32 in [-1, 1] of the scenes with these numbers.</summary>
    /// <param name="set">The scenes; its tensors may lie on the composer's device or on the CPU.</param>
    /// <param name="scenes">int64 [b]: which scenes of the set, on the device of its tensors.</param>
    public Tensor Compose(SceneSet set, Tensor scenes)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var device = icons.device;
        return Compose(
            set.Icons.index_select(0, scenes).to(device),
            set.Places.index_select(0, scenes).to(device),
            set.Backgrounds.index_select(0, scenes).to(device),
            set.Variations?.index_select(0, scenes).to(device)).MoveToOuterDisposeScope();
    }

    /// <summary>Pictures of the scenes that the tensors of <see cref="SceneSet"/> describe.</summary>
    public Tensor Compose(Tensor icons, Tensor places, Tensor backgrounds, Tensor? variations = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var colour = backgrounds.narrow(1, 0, 3).unsqueeze(2).unsqueeze(3);
        var slope = backgrounds.narrow(1, 3, 2).unsqueeze(2);
        var rise = (slope.narrow(1, 0, 1) * across).unsqueeze(2) + (slope.narrow(1, 1, 1) * across).unsqueeze(3);
        var canvas = (colour + rise.expand(-1, 1, -1, -1)).clamp(0, 1);
        for (var slot = 0; slot < 2; slot++)
        {
            canvas = Lay(canvas, icons.select(1, slot), places.select(1, slot), variations?.select(1, slot));
        }

        return nn.functional.avg_pool2d(canvas, Fineness).clamp_(0, 1).mul_(2).sub_(1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        icons.Dispose();
        across.Dispose();
    }

    private Tensor Lay(Tensor canvas, Tensor numbers, Tensor places, Tensor? variations)
    {
        var count = numbers.shape[0];
        var shown = numbers.ge(0).to(ScalarType.Float32).div_(255).view(count, 1, 1, 1);
        var pictures = icons.index_select(0, numbers.clamp(min: 0)).to(ScalarType.Float32).mul_(shown);
        var grid = nn.functional.affine_grid(
            Inverse(places), [count, 4, side * Fineness, side * Fineness], align_corners: false);
        if (variations is not null)
        {
            pictures = IconVariation.Recolour(pictures, variations);
            grid = IconVariation.Reshape(grid, variations);
        }

        var laid = nn.functional.grid_sample(
            pictures, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false);
        return laid.narrow(1, 0, 3) + (canvas * (1 - laid.narrow(1, 3, 1)));
    }

    // [b, 2, 3]: from a point of the canvas to the point of the icon that lies there,
    // q = R(-turn) (p - centre) / side, with y pointing down and turns clockwise.
    private static Tensor Inverse(Tensor places)
    {
        var (x, y) = (places.select(1, 0), places.select(1, 1));
        var (side, turn) = (places.select(1, 2), places.select(1, 3));
        var (cosine, sine) = (turn.cos() / side, turn.sin() / side);
        var first = torch.stack([cosine, sine, -((cosine * x) + (sine * y))], 1);
        var second = torch.stack([-sine, cosine, (sine * x) - (cosine * y)], 1);
        return torch.stack([first, second], 1);
    }
}
