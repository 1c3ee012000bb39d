using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// What some UNets are told besides the timestep and the text. Null where the model has no use for it.
/// </summary>
public sealed record UNetConditions
{
    /// <summary>[batch] whole numbers: the noise level of the x4 upscaler.</summary>
    public Tensor? ClassLabels { get; init; }

    /// <summary>[batch, width]: the pooled text of SDXL.</summary>
    public Tensor? PooledText { get; init; }

    /// <summary>[batch, 6]: original size, crop and target size of SDXL, height before width.</summary>
    public Tensor? TimeIds { get; init; }

    /// <summary>A ControlNet's residuals for the way down, one for each skip, in order.</summary>
    public IReadOnlyList<Tensor>? DownResiduals { get; init; }

    /// <summary>A ControlNet's residual for the middle block.</summary>
    public Tensor? MidResidual { get; init; }

    /// <summary>Records where the attentions look in the text; nothing is recorded without it.</summary>
    public AttentionRecorder? Attention { get; init; }
}
