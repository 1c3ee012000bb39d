using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// Guidance, a sampler's step, and what the network is told next, all in place and decided by numbers on the device, so
/// that a recording of it takes every step of a drawing.
/// </summary>
internal static class SamplerKernel
{
    private const int Threads = 256;
    private const int MostSlots = 8;

    /// <summary>Takes the step of the memory's row, which moves on to the next.</summary>
    /// <param name="memory">Read and overwritten.</param>
    /// <param name="answer">
    /// The network's, [images, ..]; guided where it is [2 · images, ..]: for negative prompts, then for prompts.
    /// </param>
    /// <param name="guidance">How far the one is led to the other (Ho and Salimans 2022, equation 6).</param>
    public static void Step(SamplerMemory memory, Tensor answer, double guidance)
    {
        using var scope = NewDisposeScope();
        if (Takes(memory, answer))
        {
            Launch(memory, answer, guidance);
        }
        else
        {
            Plain(memory, answer, guidance);
        }
    }

    /// <summary>The same by plain operations, on any device.</summary>
    internal static void Plain(SamplerMemory memory, Tensor answer, double guidance)
    {
        var (slots, number) = (memory.Slots, memory.Number);
        var wide = answer.to_type(ScalarType.Float32);
        if (answer.shape[0] != slots.shape[1])
        {
            var halves = wide.chunk(2, 0);
            wide = halves[0].add(halves[1].sub(halves[0]), guidance);
        }

        var row = memory.Table.index_select(0, memory.Row).flatten();
        var matrix = row.narrow(0, 0, number * (number + 2)).reshape(number, number + 2, 1);
        var known = cat([slots.flatten(1), wide.reshape(1, -1), memory.Fresh.reshape(1, -1)], 0);
        slots.copy_(matrix.mul(known.unsqueeze(0)).sum(1).reshape(slots.shape));
        var input = slots[0].mul(row.narrow(0, row.numel() - 2, 1));
        memory.Input.reshape([memory.Copies, .. input.shape]).copy_(input.unsqueeze(0).expand(memory.Copies, -1, -1, -1, -1));
        memory.Timestep.copy_(row.narrow(0, row.numel() - 1, 1));
        memory.Row.add_(1);
    }

    private static bool Takes(SamplerMemory memory, Tensor answer) =>
        answer.device_type == DeviceType.CUDA
        && answer.dtype is ScalarType.BFloat16 or ScalarType.Float32
        && memory.Input.dtype is ScalarType.BFloat16 or ScalarType.Float32
        && memory.Number <= MostSlots
        && Fused.Enabled
        && Fused.Available;

    private static void Launch(SamplerMemory memory, Tensor answer, double guidance)
    {
        // Pixels one after another, whatever lies between two of them: channels-last as well as contiguous.
        var from = answer.stride(2) == answer.shape[3] * answer.stride(3) ? answer : answer.contiguous();
        var shape = memory.Fresh.shape;
        var (narrow, wide) = Typed(from);
        var (narrowInput, wideInput) = Typed(memory.Input);
        Fused.Library.Launch(
            "sampler_step",
            ((int)((memory.Fresh.numel() + Threads - 1) / Threads), 1),
            (Threads, 1),
            0,
            narrow,
            wide,
            from.stride(0),
            from.stride(1),
            from.stride(3),
            from.shape[0] == shape[0] ? 0 : 1,
            KernelArgument.Of(guidance),
            KernelArgument.Of(memory.Table),
            KernelArgument.Of(memory.Row),
            KernelArgument.Of(memory.Fresh),
            KernelArgument.Of(memory.Slots),
            narrowInput,
            wideInput,
            KernelArgument.Of(memory.Timestep),
            Fused.Library.Counters(1),
            shape[0],
            shape[1],
            shape[2] * shape[3],
            memory.Number,
            memory.Copies);
    }

    /// <summary>A tensor's address as bfloat16 and as float32; 0 for what it is not.</summary>
    private static (long Narrow, long Wide) Typed(Tensor tensor)
    {
        var address = KernelArgument.Of(tensor);
        return tensor.dtype == ScalarType.BFloat16 ? (address, 0) : (0, address);
    }
}
