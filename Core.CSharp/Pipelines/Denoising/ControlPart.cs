using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// Adds a ControlNet's residuals to what the UNet is told. The control picture's features are computed once, as they
/// are the same at every evaluation.
/// </summary>
internal sealed class ControlPart : IDenoiserPart, IDisposable
{
    private readonly Control control;
    private readonly bool halved;
    private readonly Tensor hint;
    private TextContext? prompts;

    /// <param name="control">Network, pictures and settings.</param>
    /// <param name="request">Whose images are drawn.</param>
    /// <param name="group">The images.</param>
    public ControlPart(Control control, DrawingRequest request, DrawingGroup group)
    {
        using var scope = NewDisposeScope();
        this.control = control;
        halved = group.Guided && (control.Guess || control.Network.Config.GlobalPoolConditions);
        var features = control.Network.Embed(request.Rows(control.Pictures, group.Range));
        hint = (halved || features.shape[0] == 1 ? features : group.ForUNet(features)).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public DenoiserInput Extend(DenoiserInput input)
    {
        if (!Takes(input.Index, input.Start, input.Count))
        {
            return input;
        }

        var (network, asked) = (control.Network, halved ? Prompted(input) : input);
        var latents = asked.Sample.narrow(1, 0, network.Config.Encoder.InChannels);
        var found = network.FromHint(latents, asked.Timestep, asked.Context, hint, asked.Conditions);
        var pooled = network.Config.GlobalPoolConditions;
        found = control.Guess && !pooled ? found.TimesRising(control.Scale) : found.Times(control.Scale);
        found = halved ? found.AfterZeros() : found;
        if (input.Conditions is { DownResiduals: { } down, MidResidual: { } mid })
        {
            found = new ControlNetResiduals(down, mid).Plus(found);
        }

        return input with
        {
            Conditions = input.Conditions with { DownResiduals = found.Down, MidResidual = found.Mid },
        };
    }

    /// <inheritdoc/>
    public bool Keep(TextContext context)
    {
        context.Keep(control.Network);
        return !halved;
    }

    /// <inheritdoc/>
    public IReadOnlyList<nn.Module>? Networks => halved ? null : [control.Network];

    /// <inheritdoc/>
    public string Fixed => $"{control.Scale} {control.Guess} {string.Join(',', hint.shape)}";

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Read => [hint];

    /// <inheritdoc/>
    public string Variant(int index, int start, int count) => Takes(index, start, count) ? "with" : "without";

    /// <inheritdoc/>
    public void Dispose()
    {
        hint.Dispose();
        prompts?.States.Dispose();
        prompts?.Dispose();
    }

    /// <summary>Whether the control has a part in an evaluation.</summary>
    private bool Takes(int index, int start, int all)
    {
        // As the reference compares: in double precision, both ends included.
        double made = index - start;
        double count = all - start;
        return control.Scale != 0 && made / count >= control.Start && (made + 1) / count <= control.End;
    }

    /// <summary>The prompts' half of a guided batch.</summary>
    private DenoiserInput Prompted(DenoiserInput input)
    {
        var count = input.Sample.shape[0] / 2;
        Tensor Second(Tensor rows) => rows.narrow(0, count, count);
        prompts ??= new TextContext(Second(input.Context.States).DetachFromDisposeScope(), reused: true);
        return input with
        {
            Sample = Second(input.Sample),
            Context = prompts,
            Conditions = new UNetConditions
            {
                ClassLabels = input.Conditions.ClassLabels is { } labels ? Second(labels) : null,
                PooledText = input.Conditions.PooledText is { } pooled ? Second(pooled) : null,
                TimeIds = input.Conditions.TimeIds is { } ids ? Second(ids) : null,
            },
        };
    }
}
