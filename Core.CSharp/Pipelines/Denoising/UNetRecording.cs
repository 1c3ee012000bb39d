using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>An evaluation of the network, recorded.</summary>
internal sealed class UNetRecording : IDisposable
{
    private readonly Tensor latents;
    private readonly Tensor timestep;
    private readonly Tensor output;

    /// <param name="predict">Latents, timestep [1] and index to a prediction; operations of the device alone.</param>
    /// <param name="likeLatents">Of the evaluation's shape.</param>
    /// <param name="likeTimestep">[1].</param>
    /// <param name="index">Of the evaluation.</param>
    /// <param name="share">A recording whose memory is used again; null for none.</param>
    public UNetRecording(
        Func<Tensor, Tensor, int, Tensor> predict,
        Tensor likeLatents,
        Tensor likeTimestep,
        int index,
        UNetRecording? share)
    {
        latents = likeLatents.clone().DetachFromDisposeScope();
        timestep = likeTimestep.clone().DetachFromDisposeScope();
        output = empty_like(likeLatents, ScalarType.Float32).DetachFromDisposeScope();
        try
        {
            Graph = CudaGraph.Record(Predict, 0, share?.Graph);
        }
        catch
        {
            Free();
            throw;
        }

        void Predict()
        {
            using var scope = NewDisposeScope();
            output.copy_(predict(latents, timestep, index));
        }
    }

    /// <summary>What is replayed.</summary>
    public CudaGraph Graph { get; }

    /// <summary>The prediction, in the caller's dispose scope.</summary>
    public Tensor Run(Tensor from, Tensor time)
    {
        latents.copy_(from);
        timestep.copy_(time);
        Graph.Replay();
        return output.clone();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Graph.Dispose();
        Free();
    }

    private void Free()
    {
        latents.Dispose();
        timestep.Dispose();
        output.Dispose();
    }
}
