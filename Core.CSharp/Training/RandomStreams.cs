using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Independent streams of random numbers from one seed. A stream has no state: seed, stream and step decide every
/// draw, so that resuming needs the step alone and one more draw in one place changes nothing elsewhere.
/// </summary>
/// <param name="seed">The root seed, any text.</param>
public sealed class RandomStreams(string seed)
{
    /// <summary>Fresh weights.</summary>
    public const string Init = "init";

    /// <summary>Noise in general.</summary>
    public const string Noise = "noise";

    /// <summary>The keys of training batches: noise, diffusion times, draws from posteriors, units left out.</summary>
    public const string Batches = "batches";

    /// <summary>The order in which data are seen.</summary>
    public const string Order = "order";

    /// <summary>Which caption a picture gets.</summary>
    public const string Captions = "captions";

    /// <summary>Captions left out.</summary>
    public const string Dropout = "dropout";

    /// <summary>Crops and flips.</summary>
    public const string Augmentation = "augmentation";

    /// <summary>Rounding of the optimiser's state.</summary>
    public const string Rounding = "rounding";

    /// <summary>Pictures drawn while training.</summary>
    public const string Previews = "previews";

    /// <summary>The root seed.</summary>
    public string Root { get; } = seed;

    /// <summary>
    /// The seed of one stream at one step: the first eight bytes of the SHA-256 of root, stream and step.
    /// </summary>
    public ulong Seed(string stream, long step)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{Root}\0{stream}\0{step}");
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>A fresh generator of one stream at one step; the caller disposes of it.</summary>
    /// <param name="stream">The use, such as <see cref="Noise"/>.</param>
    /// <param name="step">The optimiser step, epoch or other counter of that use.</param>
    /// <param name="device">The CPU by default, whose numbers are the same whatever trains.</param>
    public Generator Generator(string stream, long step, Device? device = null) => new(Seed(stream, step), device);

    /// <summary>The nth of a stream's even numbers at one step, from 0 to below 1, drawn without native code.</summary>
    public double Uniform(string stream, long step, int nth) =>
        (Seed(string.Create(CultureInfo.InvariantCulture, $"{stream}\0{nth}"), step) >> 11) * (1.0 / (1L << 53));

    /// <summary>
    /// A permutation of 0 to <paramref name="count"/> - 1 (Fisher and Yates), drawn without native code.
    /// </summary>
    public int[] Permutation(string stream, long step, int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++)
        {
            order[i] = i;
        }

        for (var i = count - 1; i > 0; i--)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"{stream}\0{step}\0permutation");
            var j = (int)(Seed(text, i) % (ulong)(i + 1));
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
