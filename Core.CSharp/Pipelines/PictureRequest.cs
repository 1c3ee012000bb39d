using Recipes.Core.Pipelines.Denoising;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>What pipelines are asked that begin with pictures.</summary>
public abstract record PictureRequest : DrawingRequest
{
    /// <summary>
    /// [n, 3, height, width], -1 to 1, as ImageTensor.FromImages gives them; one for each image, one for each prompt,
    /// or one for all. The sides are multiples of the autoencoder's factor, and those of the images drawn. Not owned.
    /// </summary>
    public required Tensor Pictures { get; init; }

    /// <summary>
    /// The share of the steps that is taken, over 0 to 1: how far an image may be from its picture.
    /// </summary>
    public abstract double Strength { get; init; }

    internal override int Taken => Math.Min((int)(Steps * Strength), Steps);

    /// <summary>The first evaluation that is made.</summary>
    internal int First(DrawingGroup group) => (Steps - Taken) * group.Sampling.Order;

    /// <inheritdoc/>
    internal override void Check()
    {
        base.Check();
        Require(Strength is > 0 and <= 1, $"the strength is {Strength}", "Give a number over 0, up to 1.");
        Require(
            Taken > 0,
            $"a strength of {Strength} leaves none of {Steps} steps",
            $"Give a strength of {1.0 / Steps:0.###} or more, or take more steps.");
        Require(
            Pictures.dim() == 4 && Pictures.shape[1] == 3,
            $"the pictures are [{string.Join(", ", Pictures.shape)}], not [n, 3, height, width]",
            "Make them of pictures with ImageTensor.FromImages.");
        RequireRows(Pictures, "pictures");
        RequireWithin(Pictures, -1, "pictures");
    }

    /// <summary>Refuses pictures of a size the model cannot take, and controls of another.</summary>
    internal void CheckSize(StableDiffusionModel model)
    {
        var factor = model.Vae.Config.Factor;
        var (height, width) = (Pictures.shape[2], Pictures.shape[3]);
        Require(
            height > 0 && width > 0 && height % factor == 0 && width % factor == 0,
            $"the pictures are {width}x{height} pixels",
            $"Resize or crop them to multiples of {factor}, such as "
                + $"{Math.Max(1, width / factor) * factor}x{Math.Max(1, height / factor) * factor}.");
        CheckControls(model, height / factor, width / factor);
    }
}
