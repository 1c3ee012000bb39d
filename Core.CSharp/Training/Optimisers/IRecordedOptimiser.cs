using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// An optimiser whose step can be operations of the device alone, by kernels of this program, so that it can be recorded
/// and replayed. The other members may be called only where <see cref="UsesKernel"/>, but for <see cref="Average"/>.
/// </summary>
internal interface IRecordedOptimiser : IOptimiser
{
    /// <summary>What the kernels share; null where none is used.</summary>
    KernelWeights? Kernel { get; }

    /// <summary>
    /// Whether gradients are clipped and weights updated by kernels, whose work can be recorded by
    /// <see cref="Update"/>. Gradients are then let go after a step rather than zeroed.
    /// </summary>
    bool UsesKernel => Kernel is not null;

    /// <summary>The names of <see cref="DeviceFigures"/>, in order; those of <see cref="IOptimiser.Figures"/>.</summary>
    IReadOnlyList<string> FigureNames => [];

    /// <summary>
    /// <see cref="IOptimiser.Figures"/> as <see cref="Update"/> writes them, float32 [k] on the device, k often 0; always
    /// the same memory, not the caller's.
    /// </summary>
    Tensor DeviceFigures => Kernel!.NoFigures;

    /// <summary>Sets the rate of the updates that follow, outside of any recording.</summary>
    void SetRate(double rate) => Kernel!.SetRate(rate);

    /// <summary>The same from the device, for a recording.</summary>
    /// <param name="rate">[1], float32.</param>
    void SetRate(Tensor rate) => Kernel!.SetRate(rate);

    /// <summary>Notes which parameters have gradients, which recordings of <see cref="Update"/> take as given.</summary>
    void Prepare()
    {
        // Most find them in each update.
    }

    /// <summary>Updates by the kernels: operations of the device alone.</summary>
    /// <param name="norm">The gradients' joint norm, float32 scalar on the device; null for no clipping.</param>
    /// <param name="limit">Greatest norm.</param>
    void Update(Tensor? norm, double limit);

    /// <summary>Counts a step on the host, as the device does in <see cref="Update"/>.</summary>
    void Advance()
    {
        // Most count nothing on the host.
    }

    /// <summary>
    /// Has the kernels move running averages towards the weights in their own pass over memory.
    /// </summary>
    /// <param name="following">Float32, one for each of the masters; not owned. Null for no more.</param>
    /// <param name="shares">By how much they move in a step, counted from 0.</param>
    /// <returns>False, and nothing done, where no kernel is used.</returns>
    bool Average(IReadOnlyList<Tensor>? following, Func<long, double>? shares = null)
    {
        Kernel?.Average(following, shares);
        return UsesKernel;
    }

    /// <summary>By how much averages move in a step, counted from 0; null where none do.</summary>
    Func<long, double>? Shares => Kernel?.Shares;

    /// <summary>Sets by how much averages move in the updates that follow, outside of any recording.</summary>
    void SetShare(double share) => Kernel!.SetShare(share);

    /// <summary>The same from the device, for a recording.</summary>
    /// <param name="share">[1], float32.</param>
    void SetShare(Tensor share) => Kernel!.SetShare(share);

    /// <summary>Sets what a step that is not recorded needs besides its rate.</summary>
    /// <param name="step">Counted from 0.</param>
    void Begin(long step)
    {
        if (UsesKernel && Shares is { } shares)
        {
            SetShare(shares(step));
        }
    }
}
