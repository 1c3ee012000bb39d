using System.Runtime.InteropServices;
using Recipes.Core.Adapters;
using Recipes.Core.Data;
using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Training;
using Recipes.Core.Training.Subjects;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>A kind of training, run with this program's kernels and with plain operations.</summary>
/// <param name="Name">What is trained, and how.</param>
/// <param name="PlainReason">Why its steps were not recorded; null where they were.</param>
/// <param name="Curve">Greatest relative distance of the two loss curves.</param>
public sealed record KindComparison(string Name, string? PlainReason, double Curve)
{
    private const int Steps = 12;
    private const string Caption = "a photo of sks dog";

    /// <summary>Why the kind could not be trained on this machine; null where it could.</summary>
    public string? Fault { get; init; }

    /// <summary>Whether it could be trained, and the curves are as near as <see cref="FusedComparison.Band"/> asks.</summary>
    public bool Agrees => Fault is null && Curve <= FusedComparison.Band;

    /// <summary>Compares every kind on a small model with random weights; nothing where there is nothing to compare.</summary>
    public static IEnumerable<KindComparison> Run()
    {
        if (!Fused.Available || !CudaGraph.Available)
        {
            yield break;
        }

        using var trial = new TrialModel();
        foreach (var (name, change) in Kinds(trial))
        {
            yield return Compared(trial, name, change);
        }
    }

    /// <summary>One kind; a fault of one is no reason to leave out the others.</summary>
    private static KindComparison Compared(
        TrialModel trial, string name, Func<DiffusionTrainingOptions, DiffusionTrainingOptions> change)
    {
        try
        {
            var (plain, _) = Train(trial, change, fused: false);
            var (fused, reason) = Train(trial, change, fused: true);
            return new KindComparison(name, reason, plain.Zip(fused, (a, b) => Math.Abs(a - b) / Math.Abs(a)).Max());
        }
        catch (Exception e) when (e is ExternalException or InvalidOperationException or RecipesException)
        {
            return new KindComparison(name, null, double.NaN) { Fault = e.Message.Split('\n')[0] };
        }
    }

    /// <summary>The kinds by name, each as a change of the first.</summary>
    internal static IReadOnlyDictionary<string, Func<DiffusionTrainingOptions, DiffusionTrainingOptions>> Kinds(
        TrialModel trial)
    {
        var lora = new LoraOptions { Rank = 4 };
        var token = new NewToken { Token = "<new>", Initialiser = "dog" };
        return new Dictionary<string, Func<DiffusionTrainingOptions, DiffusionTrainingOptions>>
        {
            ["LoRA"] = options => options,
            ["text encoder's LoRA"] = options => options with
            {
                Parts = new TrainedParts { UNetLora = lora, TextLora = lora with { Targets = ["text-attention"] } },
            },
            ["all weights and the text encoder's"] = options => Everything(options) with
            {
                Parts = new TrainedParts { UNetWeights = TrainedParts.Everything, TextWeights = TrainedParts.Everything },
            },
            ["textual inversion"] = options => options with
            {
                Concepts = [Concept([Bare(trial, 0, "a photo of <new>"), Bare(trial, 1, "a <new>")], null)],
                Parts = new TrainedParts { Tokens = [token] },
            },
            ["Custom Diffusion"] = options => options with
            {
                Concepts = [Concept([Bare(trial, 0, "a photo of <new>"), Bare(trial, 1, "a <new>")], null)],
                Parts = new TrainedParts { Tokens = [token], UNetWeights = TrainedParts.KeysAndValues },
            },
            ["ControlNet"] = options => options with
            {
                Concepts = [Concept([Controlled(trial, 0), Controlled(trial, 1)], null)],
            },
            ["LoRA with dropout"] = options => options with
            {
                Parts = new TrainedParts { UNetLora = lora with { Dropout = 0.3 } },
            },
            ["DoRA with dropout"] = options => options with
            {
                Parts = new TrainedParts { UNetLora = lora with { Dropout = 0.3, Dora = true } },
            },
            ["LoRA with dropout, recomputed"] = options => options with
            {
                Parts = new TrainedParts { UNetLora = lora with { Dropout = 0.3 } },
                GradientCheckpointing = true,
            },
            ["LoRA with Lion"] = options => Stepped(
                options,
                step => step with
                {
                    Optimiser = new LionOptions(),
                    Rate = new LearningRate { Rate = 3e-4, Steps = Steps },
                }),
            ["LoRA with Prodigy"] = options => Stepped(
                options,
                step => step with
                {
                    // A distance to begin with by which so few steps show.
                    Optimiser = new ProdigyOptions { FirstDistance = 1e-3 },
                    Rate = new LearningRate { Rate = 1, Steps = Steps },
                }),
            ["average of the weights"] = options => options with { Ema = new EmaOptions { Decay = 0.9 } },
            ["two passes a step"] = options => Stepped(options, step => step with { Accumulation = 2 }),
            ["buckets"] = options => options with
            {
                Concepts = [Concept([Bare(trial, 0), Bare(trial, 1), Wide(trial, 2), Wide(trial, 3)], null)],
            },
            ["min-SNR"] = options => Stepped(
                options, step => step with { Loss = new DiffusionLossOptions { MinSnrGamma = 5 } }),
            ["Huber"] = options => Stepped(
                options,
                step => step with
                {
                    Loss = new DiffusionLossOptions { Error = new ErrorOptions { Kind = ErrorKind.Huber } },
                }),
            ["masked loss"] = options => options with
            {
                Concepts = [Concept([Masked(trial, 0), Masked(trial, 1)], null)],
                MaskedLoss = new MaskedLossOptions { Normalisation = MaskNormalisation.PerArea, Background = 0.1 },
            },
            ["attention masks"] = options => Stepped(
                options with { Concepts = [Concept([Placed(trial, 0), Placed(trial, 1)], null)] },
                step => step with { Auxiliary = [new AttentionMaskLoss { Factors = [1, 2] }] }),
            ["offset and perturbed noise, dropped captions"] = options => options with
            {
                Noise = new NoiseOptions { Offset = 0.1, Perturbation = 0.1 },
                CaptionDropout = 0.3,
            },
            ["upscaler"] = options => options with { Upscaler = new UpscalerOptions() },
            ["upscaler, all weights"] = options => Everything(options) with { Upscaler = new UpscalerOptions() },
            ["class pictures"] = options => options with
            {
                Concepts = [Concept([Bare(trial, 0), Bare(trial, 1)], [Bare(trial, 4, "a photo of a dog"), Bare(trial, 5, "a dog")])],
            },
            ["all weights"] = options => Everything(options),
            ["all weights, recomputed, narrow moments"] = options => Stepped(
                Everything(options) with { GradientCheckpointing = true },
                step => step with { Optimiser = new AdamWOptions { Moments = Precision.BFloat16 } }),
        };
    }

    /// <summary>The losses of a training of one kind, and why its steps were not recorded.</summary>
    internal static (IReadOnlyList<double> Losses, string? PlainReason) Train(
        TrialModel trial, Func<DiffusionTrainingOptions, DiffusionTrainingOptions> change, bool fused)
    {
        using var scope = NewDisposeScope();
        var enabled = Fused.Enabled;
        try
        {
            Fused.Enabled = fused;
            var options = change(First(trial));
            using var model = trial.Load(options.Upscaler is not null);
            options = Stepped(options, step => step with { Recorded = fused });
            using var control = options.Concepts[0].Pictures[0].Control is null ? null : TrialModel.Control(model);
            if (control is not null)
            {
                options = options with { Parts = new TrainedParts { ControlNet = control } };
            }

            var losses = new Losses();
            using var result = DiffusionTrainer.Run(model, options, losses);
            return (losses.Found, result.PlainReason);
        }
        finally
        {
            Fused.Enabled = enabled;
        }
    }

    private static DiffusionTrainingOptions First(TrialModel trial) => new()
    {
        Concepts = [Concept([Bare(trial, 0), Bare(trial, 1)], null)],
        Parts = new TrainedParts { UNetLora = new LoraOptions { Rank = 4 } },
        Step = new DenoisingStepOptions { Rate = new LearningRate { Rate = 1e-3, Steps = Steps } },
        Buckets = new BucketOptions { Size = TrialModel.Side },
        Batch = 2,
        Seed = "kinds",
        Precision = Precision.BFloat16,
    };

    private static DiffusionTrainingOptions Everything(DiffusionTrainingOptions options) => Stepped(
        options with { Parts = new TrainedParts { UNetWeights = TrainedParts.Everything } },
        step => step with { Rate = new LearningRate { Rate = 1e-5, Steps = Steps } });

    private static DiffusionTrainingOptions Stepped(
        DiffusionTrainingOptions options, Func<DenoisingStepOptions, DenoisingStepOptions> change) =>
        options with { Step = change(options.Step) };

    private static Concept Concept(IReadOnlyList<TrainingPicture> own, IReadOnlyList<TrainingPicture>? classes) => new()
    {
        Name = "sks dog",
        Pictures = own,
        Prior = classes is null ? null : new ConceptPrior { Pictures = classes },
    };

    private static TrainingPicture Bare(TrialModel trial, int number, string caption = Caption) =>
        new(trial.Picture(number), caption);

    private static TrainingPicture Wide(TrialModel trial, int number) =>
        new(trial.Picture(number, 3 * TrialModel.Side / 2, TrialModel.Side / 2), Caption);

    private static TrainingPicture Masked(TrialModel trial, int number) =>
        Bare(trial, number) with { Mask = trial.Mask() };

    private static TrainingPicture Placed(TrialModel trial, int number) =>
        Bare(trial, number) with { Subjects = [new PictureSubject("sks dog", trial.Mask())] };

    private static TrainingPicture Controlled(TrialModel trial, int number) =>
        Bare(trial, number) with { Control = trial.Picture(number + 8) };

    private sealed class Losses : IProgress<TrainingStep>
    {
        public List<double> Found { get; } = [];

        public void Report(TrainingStep value) => Found.Add(value.Loss);
    }
}
