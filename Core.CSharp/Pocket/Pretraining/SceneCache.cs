using Recipes.Core.Text;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>
/// Scenes composed once and kept on the device as bytes, with the tokens of their captions:
/// 49 kB a scene of 128 pixels, so 200,000 of them fit in 10 GB.
/// </summary>
public sealed class SceneCache : IDisposable
{
    private const int ComposeBatch = 256;
    private readonly Tensor pictures;
    private readonly long[][] alike;

    private SceneCache(Tensor pictures, Tensor ids, long[][] alike)
    {
        this.pictures = pictures;
        Ids = ids;
        this.alike = alike;
    }

    /// <summary>How many scenes there are.</summary>
    public long Count => pictures.shape[0];

    /// <summary>Token ids of the captions, int32 [scenes, length], on the device.</summary>
    public Tensor Ids { get; }

    /// <summary>Composes training scenes.</summary>
    /// <param name="pack">The icons.</param>
    /// <param name="tokenizer">For the captions.</param>
    /// <param name="count">How many scenes.</param>
    /// <param name="seed">Which ones.</param>
    /// <param name="device">Where to.</param>
    /// <param name="vary">The share of icons shown in other colours and shapes.</param>
    public static SceneCache Compose(
        IconPack pack, ClipTokenizer tokenizer, int count, int seed, Device device, double vary = 0)
    {
        using var drawn = SceneSet.Draw(pack, count, seed);
        using var set = vary > 0 ? drawn.Varied(vary, seed) : drawn;
        using var composer = new SceneComposer(pack, device);
        var pictures = Render(set, composer, device);
        using var ids = CaptionTokens.Encode(tokenizer, set.Captions);
        var alike = set.Scenes
            .Select((scene, index) =>
                (Key: (scene.Style, scene.Background.Name, scene.Second is null), Index: (long)index))
            .GroupBy(item => item.Key)
            .Select(group => group.Select(item => item.Index).ToArray())
            .ToArray();
        return new SceneCache(pictures, ids.to(device, copy: true).DetachFromDisposeScope(), alike);
    }

    /// <summary>Every scene of a set, as bytes [scenes, 3, side, side].</summary>
    public static Tensor Render(SceneSet set, SceneComposer composer, Device device)
    {
        Tensor? pictures = null;
        for (long at = 0; at < set.Scenes.Count; at += ComposeBatch)
        {
            using var scope = NewDisposeScope();
            var batch = Math.Min(ComposeBatch, set.Scenes.Count - at);
            var drawn = composer.Compose(set, arange(at, at + batch));
            pictures ??= empty(
                [set.Scenes.Count, .. drawn.shape[1..]], dtype: ScalarType.Byte, device: device)
                .DetachFromDisposeScope();
            pictures.narrow(0, at, batch).copy_(drawn.add(1).mul(127.5).round());
        }

        return pictures ?? throw new ArgumentException("a set without scenes", nameof(set));
    }

    /// <summary>Bytes to float32 in [-1, 1].</summary>
    public static Tensor Scaled(Tensor bytes) => bytes.to(ScalarType.Float32).div(127.5).sub(1);

    /// <summary>The pictures of these scenes, float32 [batch, 3, side, side] in [-1, 1].</summary>
    public Tensor Pictures(Tensor scenes)
    {
        using var _ = no_grad();
        return Scaled(pictures[scenes]);
    }

    /// <summary>Numbers of scenes drawn at random, int64 [batch].</summary>
    public Tensor Any(int batch) => randint(0, Count, [batch], device: pictures.device);

    /// <summary>
    /// Numbers of scenes in groups that share style, background and number of things, int64 [batch]: a contrastive
    /// loss over them has to tell the things apart, for nothing else differs.
    /// </summary>
    public Tensor Alike(int batch, int group, Random random)
    {
        var numbers = new long[batch];
        for (var at = 0; at < batch; at += group)
        {
            var pool = alike[random.Next(alike.Length)];
            for (var index = at; index < Math.Min(at + group, batch); index++)
            {
                numbers[index] = pool[random.Next(pool.Length)];
            }
        }

        return tensor(numbers, device: pictures.device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        pictures.Dispose();
        Ids.Dispose();
    }
}
