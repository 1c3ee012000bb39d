using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>Whether work that no recording bears is refused without harm, and the device goes on as before.</summary>
public static class RefusedRecording
{
    /// <summary>Tries it, and records and replays good work afterwards; null where nothing can be recorded.</summary>
    public static bool? Run()
    {
        if (!CudaGraph.Available)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var count = zeros(1, device: CUDA);
        try
        {
            // A copy to the host waits for the device.
            using var none = CudaGraph.Record(() => count.add(1).cpu().Dispose(), 0);
            return false;
        }
        catch (Exception e) when (CudaGraph.Refuses(e))
        {
            using var graph = CudaGraph.Record(() => count.add_(1), 0);
            graph.Replay();
            graph.Replay();
            return count.cpu().item<float>() == 2;
        }
    }
}
