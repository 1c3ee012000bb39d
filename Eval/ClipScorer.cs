using Recipes.Core;
using Recipes.Core.Imaging;
using Recipes.Core.Networks;
using Recipes.Core.Text;
using static TorchSharp.torch;

namespace Recipes.Eval;

/// <summary>
/// A CLIP tower as a judge of pictures. Load it once; every embedding is brought to float32 and unit length on the CPU,
/// so
/// nothing it returns needs to be disposed.
/// </summary>
public sealed class ClipScorer : IDisposable
{
    private const int BatchSize = 32;
    private readonly ClipModel _model;
    private readonly ClipImageProcessor _processor;
    private readonly ClipTokenizer _tokenizer;

    private ClipScorer(string name, ClipModel model, ClipImageProcessor processor, ClipTokenizer tokenizer)
    {
        Name = name;
        _model = model;
        _processor = processor;
        _tokenizer = tokenizer;
    }

    /// <summary>The folder's name, which every score carries.</summary>
    public string Name { get; }

    /// <summary>Loads a CLIPModel folder: config, weights, preprocessor_config.json, tokenizer.</summary>
    /// <param name="folder">A folder in transformers layout.</param>
    /// <param name="device">The CPU by default.</param>
    /// <param name="dtype">Float32 by default; half types are quicker on a GPU and move scores in the third
    /// decimal.</param>
    /// <exception cref="RecipesException">A file is missing or does not fit the others.</exception>
    public static ClipScorer Load(string folder, Device? device = null, ScalarType? dtype = null)
    {
        var processor = ClipImageProcessor.Read(folder);
        var tokenizer = ClipTokenizer.Load(folder);
        var model = ClipModel.Load(folder, device, dtype);
        var side = model.Config.Vision.ImageSize;
        if (processor.CropSize != side)
        {
            model.Dispose();
            throw new RecipesException(
                folder,
                $"preprocessor_config.json cuts pictures to {processor.CropSize} px, but the tower sees {side} px",
                "Take both files from the same model.");
        }

        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new ClipScorer(name, model, processor, tokenizer);
    }

    /// <summary>One row a picture.</summary>
    /// <param name="images">Pictures of any size.</param>
    /// <param name="what">What they are, for errors: "generated pictures".</param>
    public Embeddings EmbedImages(IReadOnlyList<Image> images, string what = "pictures") =>
        Embed(what, images.Count, (from, count) =>
        {
            using var pixels = _processor.Process([.. images.Skip(from).Take(count)]);
            using var moved = pixels.to(_model.DType, _model.Device);
            return _model.EmbedImages(moved);
        });

    /// <summary>One row a text. What is longer than the tower's context is cut, as CLIP was trained.</summary>
    public Embeddings EmbedText(IReadOnlyList<string> texts, string what = "texts") =>
        Embed(what, texts.Count, (from, count) =>
        {
            var ids = texts.Skip(from).Take(count).SelectMany(_tokenizer.Encode).Select(id => (long)id).ToArray();
            using var tokens = tensor(ids, [count, _tokenizer.MaxLength], device: _model.Device);
            return _model.EmbedText(tokens);
        });

    /// <summary>CLIP-I; see <see cref="ClipMetrics.ImageSimilarity"/>.</summary>
    /// <param name="generated">The model's pictures.</param>
    /// <param name="real">The subject's own pictures.</param>
    /// <param name="prompts">The prompt of each generated picture, which groups the interval; null for no
    /// groups.</param>
    public Score ClipI(
        IReadOnlyList<Image> generated, IReadOnlyList<Image> real, IReadOnlyList<string>? prompts = null) =>
        ClipMetrics.ImageSimilarity(
            Name, EmbedImages(generated, "generated pictures"), EmbedImages(real, "real pictures"), prompts);

    /// <summary>The upper bound of CLIP-I; see <see cref="ClipMetrics.ImageCeiling"/>.</summary>
    public Score ClipICeiling(IReadOnlyList<Image> real) =>
        ClipMetrics.ImageCeiling(Name, EmbedImages(real, "real pictures"));

    /// <summary>CLIP-T; see <see cref="ClipMetrics.TextSimilarity"/>.</summary>
    /// <param name="images">The pictures.</param>
    /// <param name="texts">One text a picture; equal texts form the groups of the interval.</param>
    /// <param name="wording">How the texts were made from the prompts, such as "the subject's token left out".</param>
    public Score ClipT(
        IReadOnlyList<Image> images, IReadOnlyList<string> texts, string wording = "texts as the prompts stand")
    {
        return ClipMetrics.TextSimilarity(Name, EmbedImages(images), Expanded(texts), wording, texts);
    }

    /// <summary>CLIP-T of the real pictures with their captions; see <see cref="ClipMetrics.TextCeiling"/>.</summary>
    /// <param name="real">The real pictures.</param>
    /// <param name="captions">Their captions, one a picture.</param>
    public Score ClipTCeiling(IReadOnlyList<Image> real, IReadOnlyList<string> captions) =>
        ClipMetrics.TextCeiling(Name, EmbedImages(real, "real pictures"), Expanded(captions));

    // One row a text, each distinct one encoded once.
    private Embeddings Expanded(IReadOnlyList<string> texts)
    {
        var (rows, of) = Distinct(texts, "texts");
        var expanded = new float[texts.Count * rows.Width];
        for (var i = 0; i < texts.Count; i++)
        {
            rows.Row(of[texts[i]]).CopyTo(expanded.AsSpan(i * rows.Width));
        }

        return new Embeddings("texts", texts.Count, rows.Width, expanded);
    }

    /// <summary>
    /// Whether each picture finds its own caption among its candidates; see <see cref="ClipMetrics.Retrieve"/>.
    /// </summary>
    /// <param name="images">The pictures.</param>
    /// <param name="candidates">For each picture, its candidate captions.</param>
    /// <param name="answers">For each picture, where among its candidates the right caption stands.</param>
    public Retrieval Retrieve(
        IReadOnlyList<Image> images, IReadOnlyList<IReadOnlyList<string>> candidates, IReadOnlyList<int> answers)
    {
        var (rows, of) = Distinct([.. candidates.SelectMany(list => list)], "captions");
        var lists = candidates.Select(list => (IReadOnlyList<int>)[.. list.Select(caption => of[caption])]).ToList();
        return ClipMetrics.Retrieve(Name, EmbedImages(images), rows, lists, answers);
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    /// <summary>Every different text once, with the row of each.</summary>
    private (Embeddings Rows, Dictionary<string, int> Of) Distinct(IReadOnlyList<string> texts, string what)
    {
        var different = texts.Distinct().ToList();
        var of = different.Select((text, row) => (text, row)).ToDictionary(pair => pair.text, pair => pair.row);
        return (EmbedText(different, what), of);
    }

    private Embeddings Embed(string what, int count, Func<int, int, Tensor> embed)
    {
        using var quiet = inference_mode();
        var width = (int)_model.Config.ProjectionDim;
        var values = new float[count * width];
        for (var from = 0; from < count; from += BatchSize)
        {
            using var scope = NewDisposeScope();
            var rows = embed(from, Math.Min(BatchSize, count - from)).to(ScalarType.Float32, CPU).contiguous();
            rows.data<float>().CopyTo(values.AsSpan(from * width));
        }

        return new Embeddings(what, count, width, values);
    }
}
