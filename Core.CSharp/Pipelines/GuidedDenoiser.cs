using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>
/// The UNet, led by prompts and away from negative ones: u + s·(c - u) (Ho and Salimans 2022, equation 6), both
/// halves in one batch. The text is encoded once.
/// </summary>
internal sealed class GuidedDenoiser : IDisposable
{
    private readonly UNet2DConditionModel unet;
    private readonly TextContext context;
    private readonly double guidance;

    /// <param name="model">The model.</param>
    /// <param name="prompts">One for each image.</param>
    /// <param name="negatives">One for each image.</param>
    /// <param name="guidance">s; at 1 and below the negative prompts have no part.</param>
    public GuidedDenoiser(
        StableDiffusionModel model, IReadOnlyList<string> prompts, IReadOnlyList<string> negatives, double guidance)
    {
        unet = model.UNet;
        this.guidance = guidance;
        var states = model.EncodePrompts(Guided ? [.. negatives, .. prompts] : prompts);
        context = new TextContext(states.to_type(unet.DType).DetachFromDisposeScope(), reused: true);
    }

    private bool Guided => guidance > 1;

    /// <summary>The prediction for latents at a timestep, float32 of the latents' shape.</summary>
    public Tensor Predict(Tensor latents, double timestep)
    {
        using var scope = NewDisposeScope();
        var input = Guided ? cat([latents, latents], 0) : latents;
        var time = tensor((float)timestep, device: unet.Device).reshape(1);
        var output = unet.forward(input, time, context).to_type(ScalarType.Float32);
        if (!Guided)
        {
            return output.MoveToOuterDisposeScope();
        }

        var halves = output.chunk(2, 0);
        return halves[1].sub(halves[0]).mul_(guidance).add_(halves[0]).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        context.States.Dispose();
        context.Dispose();
    }
}
