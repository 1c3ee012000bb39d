using System.Runtime.InteropServices;
using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// The network's part of an evaluation, recorded and replayed. The very first run at a shape is as usual: it readies
/// libraries and keeps the text's keys and values.
/// </summary>
/// <param name="predict">Latents, timestep [1] and index to a prediction; operations of the device alone.</param>
/// <param name="evaluations">How many there will be; few are not worth a recording.</param>
/// <param name="ready">Whether the first evaluation for latents of a shape can be recorded already.</param>
internal sealed class RecordedUNet(
    Func<Tensor, Tensor, int, Tensor> predict, int evaluations, Func<Tensor, bool> ready) : IDisposable
{
    private const int Least = 6;

    private readonly Dictionary<string, Recording?> recordings = [];
    private bool possible = evaluations >= Least;

    /// <summary>The prediction, in the caller's dispose scope.</summary>
    /// <param name="latents">On the network's device.</param>
    /// <param name="timestep">[1].</param>
    /// <param name="index">Of the evaluation.</param>
    /// <param name="variant">Evaluations of one variant differ in latents and timestep alone.</param>
    public Tensor Run(Tensor latents, Tensor timestep, int index, string variant)
    {
        if (!possible || latents.device_type != TorchSharp.DeviceType.CUDA || !CudaGraph.Available)
        {
            return predict(latents, timestep, index);
        }

        if (!recordings.TryGetValue(variant, out var recording))
        {
            recordings.Add(variant, null);
            if (!ready(latents))
            {
                return predict(latents, timestep, index);
            }
        }

        try
        {
            recording ??= new Recording(predict, latents, timestep, index);
            recordings[variant] = recording;
        }
        catch (ExternalException)
        {
            // This network or libtorch cannot be recorded; it is run as usual.
            possible = false;
            return predict(latents, timestep, index);
        }

        return recording.Run(latents, timestep);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var recording in recordings.Values)
        {
            recording?.Dispose();
        }

        recordings.Clear();
    }

    private sealed class Recording : IDisposable
    {
        private readonly Tensor latents;
        private readonly Tensor timestep;
        private readonly Tensor output;
        private readonly CudaGraph graph;

        public Recording(Func<Tensor, Tensor, int, Tensor> predict, Tensor likeLatents, Tensor likeTimestep, int index)
        {
            latents = likeLatents.clone().DetachFromDisposeScope();
            timestep = likeTimestep.clone().DetachFromDisposeScope();
            output = empty_like(likeLatents, ScalarType.Float32).DetachFromDisposeScope();
            try
            {
                graph = CudaGraph.Record(Predict, 0);
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

        public Tensor Run(Tensor from, Tensor time)
        {
            latents.copy_(from);
            timestep.copy_(time);
            graph.Replay();
            return output.clone();
        }

        public void Dispose()
        {
            graph.Dispose();
            Free();
        }

        private void Free()
        {
            latents.Dispose();
            timestep.Dispose();
            output.Dispose();
        }
    }
}
