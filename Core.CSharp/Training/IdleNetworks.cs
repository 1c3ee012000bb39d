using Recipes.Core.Data;
using Recipes.Core.Native;
using Recipes.Core.Pipelines;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The networks of a model that its training's steps do without: the autoencoder once all latents are kept, the text
/// encoders once all captions' states are. They lie in the host's memory meanwhile, as the device has less of it.
/// </summary>
internal sealed class IdleNetworks : IDisposable
{
    private readonly Device device;
    private readonly IReadOnlyList<nn.Module> networks;

    /// <summary>Moves them off the device, until this is disposed of.</summary>
    /// <param name="model">Whose networks; on the CPU all stay where they are.</param>
    /// <param name="options">What is trained, and how pictures are cut.</param>
    public IdleNetworks(StableDiffusionModel model, DiffusionTrainingOptions options)
    {
        device = model.Device;
        networks = device.type == DeviceType.CPU ? [] : Of(model, options);
        Leave();
    }

    /// <summary>The networks that steps do without.</summary>
    public static IReadOnlyList<nn.Module> Of(StableDiffusionModel model, DiffusionTrainingOptions options) =>
    [
        // Random crops are encoded at each visit.
        .. options.Crop == CropRule.Random ? (IEnumerable<nn.Module>)[] : [model.Vae],
        .. options.Parts.ChangesText ? (IEnumerable<nn.Module>)[] : model.TextEncoders,
    ];

    /// <summary>Puts them back for something that needs all of the model, until the value returned is disposed of.</summary>
    public IDisposable BackForNow()
    {
        Move(device);
        return new Leaving(this);
    }

    /// <inheritdoc/>
    public void Dispose() => Move(device);

    private void Leave()
    {
        Move(CPU);
        if (networks.Count > 0)
        {
            DeviceMemory.Trim();
        }
    }

    private void Move(Device to)
    {
        foreach (var network in networks)
        {
            network.to(to);
            foreach (var parameter in network.parameters())
            {
                // Made anew in the scope of whoever asks, but the network's own.
                parameter.DetachFromDisposeScope();
            }
        }
    }

    private sealed class Leaving(IdleNetworks owner) : IDisposable
    {
        public void Dispose() => owner.Leave();
    }
}
