using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Recipes.Core.Native;
using SkiaSharp;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// Straight lines by M-LSD (Gu et al., "Towards light-weight and real-time line segment detection", arXiv 2106.00186),
/// white on black. The network runs in ONNX Runtime.
/// </summary>
public sealed class LineDetector : IAnnotator, IDisposable
{
    private const string Scores = "scores";
    private const string Offsets = "offsets";

    private readonly InferenceSession _session;
    private readonly string _input;
    private readonly int _side;

    /// <param name="path">
    /// The network: input [1, side, side, 4] of red, green and blue from 0 to 255 and a plane of ones; outputs
    /// <c>scores</c> [1, side / 2, side / 2, 1] and <c>offsets</c> [1, side / 2, side / 2, 4]. See
    /// <see cref="MlsdWeights"/>.
    /// </param>
    /// <exception cref="RecipesException">
    /// The file is missing, no such network, or ONNX Runtime is not there.
    /// </exception>
    public LineDetector(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path))
        {
            throw new RecipesException(path, "no such file", "Fetch the weights of M-LSD, or check the path.");
        }

        OnnxLibrary.Load();
        try
        {
            // The published files hold constants that nothing uses, which is no matter for a warning.
            using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            _session = new InferenceSession(path, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new RecipesException(
                path, $"it is no network that ONNX Runtime reads ({e.Message.Trim().TrimEnd('.')})",
                "Fetch the weights of M-LSD again.", e);
        }

        var (name, input) = _session.InputMetadata.First();
        var fits = input.Dimensions is [1 or -1, var high, var wide, 4] && high == wide && high > 0 && high % 2 == 0
            && _session.OutputMetadata.ContainsKey(Scores) && _session.OutputMetadata.ContainsKey(Offsets);
        (_input, _side) = (name, fits ? input.Dimensions[1] : 0);
        if (!fits)
        {
            var outputs = string.Join(", ", _session.OutputMetadata.Keys);
            _session.Dispose();
            throw new RecipesException(
                path,
                $"it is another network: input [{string.Join(", ", input.Dimensions)}], outputs {outputs}",
                "Give one of M-LSD with scores and offsets.");
        }
    }

    /// <inheritdoc/>
    public string Kind => "mlsd";

    /// <summary>The least score of a line, 0 to 1.</summary>
    public double Score { get; init; } = 0.15;

    /// <summary>The most lines, the surest first.</summary>
    public int Most { get; init; } = 300;

    /// <summary>The least length of a line, as a part of the picture's side (20 pixels of 512).</summary>
    public double Shortest { get; init; } = 20 / 512.0;

    /// <summary>The lines of a picture, the surest first, in its own pixels.</summary>
    /// <exception cref="RecipesException">A setting is out of its range.</exception>
    public IReadOnlyList<LineSegment> Detect(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!(Score is >= 0 and <= 1 && Most >= 1 && Shortest is >= 0 and <= 1))
        {
            throw new RecipesException(
                "control \"mlsd\"",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"a least score of {Score}, at most {Most} lines and a least length of {Shortest} cannot be"),
                "Take a score and a length of 0 to 1, and 1 line or more.");
        }

        using var outputs = _session.Run([NamedOnnxValue.CreateFromTensor(_input, Input(image))]);
        var tensors = outputs.ToDictionary(output => output.Name, output => output.AsTensor<float>());
        var lines = LineSegments.Decode(
            tensors[Scores].ToDenseTensor().Buffer.Span, tensors[Offsets].ToDenseTensor().Buffer.Span, _side / 2,
            (float)Score, Most, (float)(Shortest * _side));
        var (across, down) = ((float)image.Width / _side, (float)image.Height / _side);
        return
        [
            .. lines.Select(line =>
                new LineSegment(line.X1 * across, line.Y1 * down, line.X2 * across, line.Y2 * down, line.Score)),
        ];
    }

    /// <inheritdoc/>
    public Image Annotate(Image image)
    {
        using var sketch = new Sketch(image.Width, image.Height);
        var pen = Math.Max(1, Math.Min(image.Width, image.Height) / 512f);
        foreach (var line in Detect(image))
        {
            SKPoint[] ends = [new(line.X1, line.Y1), new(line.X2, line.Y2)];
            sketch.Line(ends, pen, SKColors.White, smooth: false);
        }

        return sketch.ToImage();
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private DenseTensor<float> Input(Image image)
    {
        var resized = Resize.To(image, _side, _side, Resampling.Bilinear);
        var values = new float[_side * _side * 4];
        for (var i = 0; i < _side * _side; i++)
        {
            for (var channel = 0; channel < Image.Channels; channel++)
            {
                values[(i * 4) + channel] = resized.Pixels[(i * Image.Channels) + channel];
            }

            values[(i * 4) + 3] = 1;
        }

        return new DenseTensor<float>(values, [1, _side, _side, 4]);
    }
}
