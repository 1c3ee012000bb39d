using Recipes.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Caches;

/// <summary>What besides weights and data decides the last bits of a result.</summary>
internal static class ComputedBy
{
    /// <summary>
    /// This build of the program, the libtorch it runs on, and the device; on the CPU the number of threads too, which
    /// sums depend on.
    /// </summary>
    public static string On(Device device)
    {
        var program = typeof(ComputedBy).Module.ModuleVersionId.ToString("N");
        var where = device.type == DeviceType.CPU ? $"cpu {get_num_threads()}" : $"{device.type}".ToLowerInvariant();
        return $"program {program}\nlibtorch {LibTorch.Load().Version}\ndevice {where}";
    }
}
