using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using GroupNorm = Recipes.Core.Networks.Layers.GroupNorm;
using Linear = Recipes.Core.Networks.Layers.Linear;

namespace Recipes.Core.Networks.Blocks;

/// <summary>
/// Self-attention of one head over the pixels, added to them. Unlike the UNet's, all maps have biases.
/// </summary>
internal sealed class VaeAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm group_norm;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;

    public VaeAttention(long width, long groups, double eps, Device? device, ScalarType? dtype)
        : base(nameof(VaeAttention))
    {
        group_norm = new GroupNorm(groups, width, eps, device, dtype);
        to_q = new Linear(width, width, device: device, dtype: dtype);
        to_k = new Linear(width, width, device: device, dtype: dtype);
        to_v = new Linear(width, width, device: device, dtype: dtype);
        to_out = new ModuleList<Linear>(new Linear(width, width, device: device, dtype: dtype));
        RegisterComponents();
    }

    /// <param name="input">[batch, width, h, w].</param>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var rows = group_norm.forward(input).flatten(2).transpose(1, 2).contiguous();
        var attended = Attention.Attend(
            Attention.Split(to_q.forward(rows), 1),
            Attention.Split(to_k.forward(rows), 1),
            Attention.Split(to_v.forward(rows), 1));
        var hidden = to_out[0].forward(attended).transpose(1, 2).reshape(input.shape);
        return hidden.add(input).MoveToOuterDisposeScope();
    }
}
