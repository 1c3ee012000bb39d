using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>How far from 0 predicted clean samples may be.</summary>
internal sealed class CleanLimit
{
    private readonly double clip;
    private readonly double ratio;
    private readonly double most;

    private CleanLimit(double clip, double ratio, double most)
    {
        this.clip = clip;
        this.ratio = ratio;
        this.most = most;
    }

    /// <summary>What a config asks for; null where nothing is limited.</summary>
    /// <param name="config">Where the limits stand.</param>
    /// <param name="clips">Whether the sampler knows clip_sample.</param>
    /// <param name="thresholds">Whether the sampler knows thresholding, which then has precedence.</param>
    public static CleanLimit? From(SchedulerConfig config, bool clips, bool thresholds)
    {
        if (thresholds && config.Solver.Thresholding)
        {
            return new(0, config.Solver.DynamicThresholdingRatio, config.Solver.SampleMaxValue);
        }

        return clips && config.ClipSample ? new(config.ClipSampleRange, 0, 0) : null;
    }

    /// <summary>The samples within the limit, [n, ..]; those given are overwritten.</summary>
    public Tensor Apply(Tensor clean) => clip > 0 ? clean.clamp_(-clip, clip) : Threshold(clean);

    /// <summary>
    /// Dynamic thresholding (Saharia et al. 2022, section 2.3): each image is limited to a quantile s of its absolute
    /// values, and divided by s, which is 1 or more.
    /// </summary>
    private Tensor Threshold(Tensor clean)
    {
        var flat = clean.to_type(ScalarType.Float32).flatten(1);
        var bound = quantile(flat.abs(), tensor(ratio, flat.dtype, flat.device), 1, true).clamp_(1, most);
        return minimum(maximum(flat, bound.neg()), bound).div_(bound).reshape(clean.shape).to_type(clean.dtype);
    }
}
