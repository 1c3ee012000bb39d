using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>
/// A Stable Diffusion model at rest: the shapes of its networks, and their weights on demand. Opening it reads
/// configs alone.
/// </summary>
public interface IModelSource : IDisposable
{
    /// <summary>The folder or file, for messages.</summary>
    string Where { get; }

    /// <summary>The diffusers pipeline it was published for, one of <see cref="PipelineClasses"/>.</summary>
    string PipelineClass { get; }

    UNetConfig UNet { get; }

    VaeConfig Vae { get; }

    /// <summary>One; two for SDXL.</summary>
    IReadOnlyList<ClipTextConfig> TextEncoders { get; }

    /// <summary>One for each text encoder.</summary>
    IReadOnlyList<ClipTokenizer> Tokenizers { get; }

    /// <summary>The noise it was trained with, and the sampler it was published with.</summary>
    SchedulerConfig Scheduler { get; }

    /// <summary>The noise of the small picture, in upscalers only.</summary>
    SchedulerConfig? LowResScheduler { get; }

    /// <summary>Whether the states of a negative prompt that is not given are zeros, as SDXL was trained.</summary>
    bool ForceZerosForEmptyPrompt => TextEncoders.Count > 1;

    /// <summary>The highest noise level of the small picture, in upscalers.</summary>
    int MaxNoiseLevel => 350;

    /// <summary>Fills every weight of a network, in the network's own type and place.</summary>
    /// <param name="network">Built with this source's config of the component.</param>
    /// <param name="component">"unet", "vae", "text_encoder" or "text_encoder_2".</param>
    /// <exception cref="RecipesException">The weights do not fit the network.</exception>
    void Fill(nn.Module network, string component);
}
