using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// Evaluations of the network, recorded and replayed. The very first of a shape is run as usual: it readies libraries
/// and keeps the text's keys and values. Whoever gave the recordings frees them.
/// </summary>
/// <param name="evaluate">An evaluation of an index, on memory at fixed places; operations of the device alone.</param>
/// <param name="possible">Whether they can be recorded, from <see cref="CanRecord"/>.</param>
/// <param name="ready">Whether the first evaluation of a variant can be recorded already.</param>
/// <param name="recordings">Those of an earlier drawing, by variant; empty for none.</param>
internal sealed class RecordedEvaluations(
    Action<int> evaluate, bool possible, Func<bool> ready, Dictionary<string, CudaGraph?> recordings)
{
    private const int Least = 6;

    private bool possible = possible;

    /// <summary>Whether there is a recording of every variant that was asked for, and of one at least.</summary>
    public bool Complete => possible && recordings.Count > 0 && recordings.Values.All(found => found is not null);

    /// <summary>Why evaluations were not recorded although they could have been; null otherwise.</summary>
    public string? PlainReason { get; private set; }

    /// <summary>Whether a drawing of so many evaluations is recorded; few are not worth it.</summary>
    public static bool CanRecord(int evaluations, Device device) =>
        evaluations >= Least && device.type == TorchSharp.DeviceType.CUDA && CudaGraph.Available;

    /// <summary>Makes an evaluation.</summary>
    /// <param name="index">Of the evaluation.</param>
    /// <param name="variant">Evaluations of one variant differ in what lies in memory alone.</param>
    public void Run(int index, string variant)
    {
        if (!possible)
        {
            evaluate(index);
            return;
        }

        if (!recordings.TryGetValue(variant, out var recording))
        {
            recordings.Add(variant, null);
            if (!ready())
            {
                evaluate(index);
                return;
            }
        }

        try
        {
            // Recorded only, not run: memory is as it was.
            recording ??= CudaGraph.Record(
                () => evaluate(index), 0, recordings.Values.OfType<CudaGraph>().FirstOrDefault());
            recordings[variant] = recording;
        }
        catch (Exception e) when (CudaGraph.Refuses(e))
        {
            // This network or libtorch cannot be recorded; it is run as usual.
            possible = false;
            PlainReason = e.Message.Split('\n')[0];
            evaluate(index);
            return;
        }

        recording.Replay();
    }
}
