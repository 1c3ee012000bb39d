using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Pipelines;
using Recipes.Core.Pipelines.Denoising;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>
/// A sampler whose steps are taken inside the recording of a network's evaluation, against steps taken outside of it.
/// </summary>
/// <param name="Name">The sampler's.</param>
/// <param name="Inside">Whether all drawings that could have taken them inside did.</param>
/// <param name="Error">
/// ‖sample - exact‖ / ‖exact‖ at the end of a way through given answers, against the sampler's own steps in float64.
/// </param>
/// <param name="Apart">‖inside - outside‖ / ‖outside‖ of a picture, with this program's kernels.</param>
/// <param name="PlainApart">The same by plain operations.</param>
/// <param name="Seeds">‖difference‖ / ‖first‖ of two seeds' pictures: what wrong noise would look like.</param>
public sealed record SamplerComparison(
    string Name, bool Inside, double Error, double Apart, double PlainApart, double Seeds)
{
    private const int Steps = 8;
    private const double Scale = 3;

    // Float32's rounding of a few steps, where predicted clean samples are small differences of large values.
    private const double Exact = 1e-4;

    private static readonly string[] Names = ["ddim", "euler", "euler-a", "dpm++2m", "unipc", "heun", "pndm"];

    /// <summary>Whether steps inside are taken, exactly, and draw the pictures that steps outside do.</summary>
    public bool Agrees => Inside && Error <= Exact && Math.Max(Apart, PlainApart) <= 0.1 * Seeds;

    /// <summary>Compares on a small model with random weights; nothing where there is nothing to compare.</summary>
    public static IReadOnlyList<SamplerComparison> Run()
    {
        if (!Fused.Available || !CudaGraph.Available)
        {
            return [];
        }

        using var trial = new TrialModel();
        using var model = trial.Load();
        var enabled = Fused.Enabled;
        try
        {
            return [.. Names.Select(name => Compare(model, name))];
        }
        finally
        {
            Fused.Enabled = enabled;
            model.UNet.ForgetRecordings();
        }
    }

    /// <summary>
    /// The end of a way through random answers, guided, by <see cref="LatentState"/>, against the sampler's own steps in
    /// float64 on the CPU.
    /// </summary>
    /// <param name="sampler">No limit may act on it.</param>
    /// <param name="steps">Its steps.</param>
    /// <param name="first">The evaluation to begin with.</param>
    /// <param name="device">Where the state lies.</param>
    /// <param name="type">The network's.</param>
    internal static double ErrorOf(ISampler sampler, int steps, int first, Device device, ScalarType type)
    {
        using var none = no_grad();
        using var scope = NewDisposeScope();
        using var sampling = sampler.Begin(steps);
        using var answers = NoiseSource.PerImage([1]);
        using var mine = NoiseSource.PerImage([2]);
        using var theirs = NoiseSource.PerImage([2]);
        long[] shape = [2, 4, 8, 8];
        var exact = answers.Normal(shape, CPU, ScalarType.Float64).mul(sampling.InitialSigma);
        var table = StepTable.Of(sampling, first)
            ?? throw new ArgumentException("its steps are not linear", nameof(sampler));
        using var state = new LatentState(exact.to(device), 2, table, type);
        state.Begin(exact.to(ScalarType.Float32, device), table);
        for (var index = first; index < sampling.Timesteps.Count; index++)
        {
            using var inner = NewDisposeScope();
            var answer = answers.Normal([4, 4, 8, 8], CPU, ScalarType.Float32).to_type(type);
            state.Draw(mine);
            state.Step(ChannelsLast.Of(answer.to(device)), new Guidance(Scale, 0));
            var led = new Guidance(Scale, 0).Apply(answer.to_type(ScalarType.Float64));
            exact = sampling.Step(led, index, exact, theirs).MoveToOuterDisposeScope();
        }

        return FusedComparison.Distance(state.Sample().cpu(), exact);
    }

    private static SamplerComparison Compare(StableDiffusionModel model, string name)
    {
        using var scope = NewDisposeScope();
        var sampler = Samplers.Named(name, model.Scheduler with { ClipSample = false });
        var inside = true;
        Fused.Enabled = true;
        var error = ErrorOf(sampler, Steps, 0, model.Device, ScalarType.BFloat16);
        var outside = Draw(11, watched: true);
        var apart = FusedComparison.Distance(Draw(11), outside);
        var seeds = FusedComparison.Distance(Draw(12), outside);
        Fused.Enabled = false;
        var plain = Draw(11, watched: true);
        return new(name, inside, error, apart, FusedComparison.Distance(Draw(11), plain), seeds);

        Tensor Draw(ulong seed, bool watched = false)
        {
            var drawn = TextToImage.RunTensor(
                model,
                new TextToImageRequest
                {
                    Prompts = ["a photo of a dog"],
                    Seeds = [seed],
                    Steps = Steps,
                    Guidance = Scale,
                    Sampler = sampler,
                    Width = TrialModel.Side,
                    Height = TrialModel.Side,
                    AfterStep = watched ? _ => null : null,
                });
            inside &= watched || model.UNet.Recordings is KeptRecordings { TakesSteps: true };
            return drawn;
        }
    }
}
