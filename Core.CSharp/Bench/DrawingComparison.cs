using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>
/// Pictures that are drawn by recordings kept from the drawings before, against those of fresh recordings and of plain
/// operations: several prompts and sizes one after another.
/// </summary>
/// <param name="PlainReason">Why a drawing was not recorded; null where all were.</param>
/// <param name="Kept">Greatest ‖kept - fresh‖ / ‖fresh‖ of a picture.</param>
/// <param name="Plain">Greatest ‖kept - plain‖ / ‖plain‖.</param>
/// <param name="Prompts">‖difference‖ / ‖first‖ of two prompts' pictures: what a mistaken prompt would look like.</param>
public sealed record DrawingComparison(string? PlainReason, double Kept, double Plain, double Prompts)
{
    private const int Steps = 10;

    private static readonly (string Prompt, int Width, int Height)[] Asked =
    [
        ("a photo of a dog", 128, 128),
        ("a red house on a hill", 128, 128),
        ("a photo of a dog", 192, 128),
        ("a red house on a hill", 192, 128),
        ("a photo of a dog", 128, 128),
        ("a photo of a dog", 128, 128),
        ("two cats asleep", 128, 128),
    ];

    /// <summary>Whether all were recorded, and kept recordings draw what fresh ones do, far nearer than another prompt's.</summary>
    public bool Agrees => PlainReason is null && Kept <= Math.Max(1e-6, 0.1 * Prompts);

    /// <summary>Compares on a small model with random weights; null where there is nothing to compare.</summary>
    public static DrawingComparison? Run()
    {
        if (!Fused.Available || !CudaGraph.Available)
        {
            return null;
        }

        using var trial = new TrialModel();
        using var scope = NewDisposeScope();
        using var model = trial.Load();
        string? reason = null;
        var kept = Asked.Select(asked => Draw(model, asked, ref reason)).ToList();
        var fresh = Asked.Select(asked =>
        {
            model.UNet.ForgetRecordings();
            return Draw(model, asked, ref reason);
        }).ToList();
        model.UNet.ForgetRecordings();
        var enabled = Fused.Enabled;
        try
        {
            Fused.Enabled = false;
            var plain = Asked.Select(asked => Draw(model, asked, ref reason)).ToList();
            return new DrawingComparison(
                reason,
                kept.Zip(fresh, FusedComparison.Distance).Max(),
                kept.Zip(plain, FusedComparison.Distance).Max(),
                FusedComparison.Distance(kept[1], kept[0]));
        }
        finally
        {
            Fused.Enabled = enabled;
            model.UNet.ForgetRecordings();
        }
    }

    private static Tensor Draw(
        StableDiffusionModel model, (string Prompt, int Width, int Height) asked, ref string? plainReason)
    {
        var drawn = TextToImage.RunTensor(
            model,
            new TextToImageRequest
            {
                Prompts = [asked.Prompt],
                Seeds = [11],
                Steps = Steps,
                Guidance = 3,
                Width = asked.Width,
                Height = asked.Height,
            });
        plainReason ??= model.UNet.DrawingPlainReason;
        return drawn;
    }
}
