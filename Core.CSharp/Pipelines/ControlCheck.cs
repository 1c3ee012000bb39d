namespace Recipes.Core.Pipelines;

/// <summary>Refuses controls that cannot steer a request, before anything is computed.</summary>
internal static class ControlCheck
{
    /// <param name="request">Who asks.</param>
    /// <param name="control">What is checked.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="model">The base model.</param>
    /// <param name="height">Of the latents.</param>
    /// <param name="width">Of the latents.</param>
    /// <exception cref="RecipesException">The first fault found.</exception>
    public static void Run(
        DrawingRequest request, Control control, string name, StableDiffusionModel model, long height, long width)
    {
        var network = control.Network;
        network.Config.RequireFit(model.UNet.Config);
        request.Require(
            network.DType == model.UNet.DType && network.Device.ToString() == model.UNet.Device.ToString(),
            $"{name}'s network is in {network.DType} on {network.Device}, the model in {model.UNet.DType} on "
                + $"{model.UNet.Device}",
            "Load both in one type on one device.");
        request.Require(
            double.IsFinite(control.Scale), $"{name}'s scale is {control.Scale}", "Give a number, such as 1.");
        request.Require(
            control.Start is >= 0 and < 1 && control.End is > 0 and <= 1 && control.Start < control.End,
            $"{name} starts at {control.Start} and ends at {control.End} of the steps",
            "Give a start and a larger end from 0 to 1, such as 0 and 0.8.");
        CheckPictures(request, control, name, height, width);
    }

    private static void CheckPictures(DrawingRequest request, Control control, string name, long height, long width)
    {
        var (pictures, config) = (control.Pictures, control.Network.Config);
        request.Require(
            pictures is not null && pictures.numel() > 0,
            $"{name} has no picture",
            "Give it one for each image, or one for all.");
        request.Require(
            pictures!.dim() == 4 && pictures.shape[1] == config.ConditioningChannels,
            $"{name}'s pictures are [{string.Join(", ", pictures.shape)}], "
                + $"not [n, {config.ConditioningChannels}, height, width]",
            "Make them of pictures with ControlTensor.FromImages.");
        var (high, wide) = (height * config.Factor, width * config.Factor);
        request.Require(
            pictures.shape[2] == high && pictures.shape[3] == wide,
            $"{name}'s pictures are {pictures.shape[3]}x{pictures.shape[2]} pixels, the images {wide}x{high}",
            $"Resize or crop them to {wide}x{high}, or ask for images of their size.");
        request.RequireRows(pictures, $"pictures of {name}");
        request.RequireWithin(pictures, 0, $"pictures of {name}");
    }
}
