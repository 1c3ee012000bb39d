using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// The network's part of an evaluation, recorded and replayed. The very first run at a shape is as usual: it readies
/// libraries and keeps the text's keys and values. Whoever gave the recordings frees them.
/// </summary>
/// <param name="predict">Latents, timestep [1] and index to a prediction; operations of the device alone.</param>
/// <param name="evaluations">How many there will be; few are not worth a recording.</param>
/// <param name="ready">Whether the first evaluation for latents of a shape can be recorded already.</param>
/// <param name="recordings">Those of an earlier drawing, by variant; empty for none.</param>
internal sealed class RecordedUNet(
    Func<Tensor, Tensor, int, Tensor> predict,
    int evaluations,
    Func<Tensor, bool> ready,
    Dictionary<string, UNetRecording?> recordings)
{
    private const int Least = 6;

    private bool possible = CanRecord(evaluations);

    /// <summary>Whether there is a recording of every variant that was asked for, and of one at least.</summary>
    public bool Complete => possible && recordings.Count > 0 && recordings.Values.All(found => found is not null);

    /// <summary>Why evaluations were not recorded although they could have been; null otherwise.</summary>
    public string? PlainReason { get; private set; }

    /// <summary>How many there are.</summary>
    public int Count => recordings.Count;

    /// <summary>Whether a drawing of so many evaluations is recorded.</summary>
    public static bool CanRecord(int evaluations) => evaluations >= Least && CudaGraph.Available;

    /// <summary>The prediction, in the caller's dispose scope.</summary>
    /// <param name="latents">On the network's device.</param>
    /// <param name="timestep">[1].</param>
    /// <param name="index">Of the evaluation.</param>
    /// <param name="variant">Evaluations of one variant differ in latents and timestep alone.</param>
    public Tensor Run(Tensor latents, Tensor timestep, int index, string variant)
    {
        if (!possible || latents.device_type != TorchSharp.DeviceType.CUDA)
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
            recording ??= new UNetRecording(
                predict, latents, timestep, index, recordings.Values.OfType<UNetRecording>().FirstOrDefault());
            recordings[variant] = recording;
        }
        catch (Exception e) when (CudaGraph.Refuses(e))
        {
            // This network or libtorch cannot be recorded; it is run as usual.
            possible = false;
            PlainReason = e.Message.Split('\n')[0];
            return predict(latents, timestep, index);
        }

        return recording.Run(latents, timestep);
    }
}
