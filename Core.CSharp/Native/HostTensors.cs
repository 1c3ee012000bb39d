using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Native;

/// <summary>Tensors that the host makes for a device.</summary>
internal static class HostTensors
{
    /// <summary>
    /// The values on a device. A copy to a CUDA device goes through memory that it reads by itself, so that the host need
    /// not wait until the device has done all that was enqueued before; that memory is not used again earlier.
    /// </summary>
    /// <param name="values">On the CPU; disposed of, unless they are returned.</param>
    /// <param name="device">Where they are needed.</param>
    public static Tensor Send(Tensor values, Device device)
    {
        if (device.type != DeviceType.CUDA)
        {
            return values;
        }

        using (values)
        using (var pinned = values.pin_memory())
        {
            return pinned.to(device, non_blocking: true);
        }
    }
}
