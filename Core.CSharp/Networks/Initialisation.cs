using Recipes.Core.Networks.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// Fresh weights for networks trained from nothing, drawn from one generator so that a seed repeats them. The numbers come
/// from the CPU, as TorchSharp's generators do, so that a seed gives the same on every device.
/// </summary>
public static class Initialisation
{
    /// <summary>
    /// PyTorch's defaults: linear maps and convolutions uniform in ±1/√fan-in (Kaiming with a = √5), norms 1 and 0,
    /// embeddings normal with standard deviation <paramref name="embedding"/>.
    /// </summary>
    public static void Fill(nn.Module network, Generator generator, double embedding = 0.02)
    {
        using var _ = no_grad();
        // TorchSharp's modules() leaves the network itself out; it may have parameters of its own.
        foreach (var module in network.modules().Prepend(network).Distinct())
        {
            if (module is IAdaptable layer)
            {
                var bound = 1 / Math.Sqrt(layer.Weight.numel() / layer.Weight.shape[0]);
                foreach (var (_, parameter) in module.named_parameters(recurse: false))
                {
                    Draw(parameter, values => values.uniform_(-bound, bound, generator));
                }
            }
            else if (module is IInitialised own)
            {
                own.Fill(generator);
            }
            else
            {
                foreach (var (key, parameter) in module.named_parameters(recurse: false))
                {
                    if (parameter.dim() > 1)
                    {
                        Draw(parameter, values => values.normal_(0, embedding, generator));
                    }
                    else
                    {
                        parameter.fill_(key == "bias" ? 0 : 1);
                    }
                }
            }
        }
    }

    private static void Draw(Tensor parameter, Action<Tensor> draw)
    {
        if (parameter.device_type == DeviceType.CPU)
        {
            draw(parameter);
            return;
        }

        using var values = empty(parameter.shape, dtype: parameter.dtype, device: CPU);
        draw(values);
        parameter.copy_(values);
    }
}
