using Recipes.Core.Weights.Original;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Weights;

/// <summary>Tensors out of a safetensors file.</summary>
public static class TensorIO
{
    /// <summary>Bytes copied at once: spans, and so pieces, end at 2 GB.</summary>
    private const int Piece = 1 << 30;

    /// <summary>Bytes read and looked at before the next are read: few enough to be still in the cache.</summary>
    private const int Chunk = 1 << 20;

    /// <summary>A new tensor with the file's values.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The tensor's key.</param>
    /// <param name="device">Where it shall lie; the CPU by default.</param>
    /// <param name="dtype">What it shall be converted to; the file's own type by default.</param>
    /// <exception cref="RecipesException">There is no such tensor, or libtorch has no such type.</exception>
    public static Tensor Read(
        this SafeTensorsFile file, string name, Device? device = null, ScalarType? dtype = null)
    {
        var info = file.Info(name);
        var own = ScalarTypeOf(info.DType) ?? throw new RecipesException(
            file.Path,
            $"tensor {SafeTensorsHeader.Quote(name)} is of type {info.DType.HeaderName()}, which libtorch lacks",
            "Save the file with F32, F16 or BF16 weights.");
        var tensor = empty(info.Shape, dtype: own, device: CPU);
        CopyBytes(file, info, 0, tensor);
        var target = device ?? CPU;
        if (target.type == DeviceType.CPU && (dtype ?? own) == own)
        {
            return tensor;
        }

        using (tensor)
        {
            return tensor.to(dtype ?? own, target, copy: true);
        }
    }

    /// <summary>Copies a tensor's values into one of the same shape, converted to its type and device.</summary>
    /// <returns>Whether all values are finite, also once they are converted.</returns>
    internal static bool CopyTo(TensorPart part, Tensor target)
    {
        var (file, name, how) = part;
        var info = file.Info(name);
        using var scope = NewDisposeScope();
        var type = ScalarTypeOf(info.DType);
        var source = type is null ? file.Read(name) : empty(info.Shape, dtype: type, device: CPU);
        var finite = type is null || CopyBytes(file, info, 0, source);
        target.copy_(how switch
        {
            Arrangement.Same => source,
            Arrangement.Convolution => source.reshape(target.shape),
            Arrangement.Transposed => source.t(),
            _ => source.chunk(3)[how.Third() ?? 0],
        });
        return finite && StaysFinite(info.DType, target);
    }

    /// <summary>Whether a tensor's values lie in the file as they lie in a tensor of the CPU, if of another type.</summary>
    internal static bool IsPlain(TensorPart part, Tensor target) =>
        part.How is Arrangement.Same or Arrangement.Convolution
        && target.device_type == DeviceType.CPU
        && target.is_contiguous()
        && ScalarTypeOf(part.File.Info(part.Name).DType) is not null;

    /// <summary>
    /// Whether finite values of a file's type still are, once converted. Values of 16 bits are within the range of
    /// float32; any other conversion may overflow.
    /// </summary>
    internal static bool StaysFinite(DType type, Tensor converted) =>
        (converted.dtype == ScalarType.Float32 && type is DType.F16 or DType.BF16) || IsFinite(converted);

    /// <summary>The libtorch type of a file's type, or null where there is none.</summary>
    public static ScalarType? ScalarTypeOf(DType type) => type switch
    {
        DType.Bool => ScalarType.Bool,
        DType.U8 => ScalarType.Byte,
        DType.I8 => ScalarType.Int8,
        DType.I16 => ScalarType.Int16,
        DType.I32 => ScalarType.Int32,
        DType.I64 => ScalarType.Int64,
        DType.F16 => ScalarType.Float16,
        DType.BF16 => ScalarType.BFloat16,
        DType.F32 => ScalarType.Float32,
        DType.F64 => ScalarType.Float64,
        DType.C64 => ScalarType.ComplexFloat32,
        _ => null,
    };

    /// <summary>The file's type of a libtorch type, or null where the format has none.</summary>
    public static DType? DTypeOf(ScalarType type)
    {
        foreach (var candidate in Enum.GetValues<DType>())
        {
            if (ScalarTypeOf(candidate) == type)
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>Calls <paramref name="piece"/> with a contiguous CPU tensor's bytes, at most 1 GB at a time.</summary>
    internal static void EachPiece(Tensor tensor, SpanPiece piece)
    {
        using var flat = tensor.detach().reshape(-1);
        var step = Piece / flat.element_size();
        for (long at = 0; at < flat.numel(); at += step)
        {
            using var part = flat.narrow(0, at, Math.Min(step, flat.numel() - at));
            piece(at * flat.element_size(), part.bytes);
        }
    }

    /// <summary>What to do with the bytes from <paramref name="offset"/> on.</summary>
    internal delegate void SpanPiece(long offset, Span<byte> bytes);

    /// <summary>
    /// Fills a contiguous CPU tensor of the file's type with a tensor's bytes from <paramref name="start"/> on, and says
    /// whether all its values are finite.
    /// </summary>
    internal static bool CopyBytes(SafeTensorsFile file, TensorInfo info, long start, Tensor target)
    {
        var finite = true;
        EachPiece(target, (offset, bytes) =>
        {
            for (var at = 0; at < bytes.Length; at += Chunk)
            {
                var part = bytes.Slice(at, Math.Min(Chunk, bytes.Length - at));
                file.Read(info, start + offset + at, part);
                finite = finite && FiniteBits.All(part, info.DType);
            }
        });
        return finite;
    }

    /// <summary>
    /// Whether all values are finite. A sum takes one pass and shows NaN and infinity; it may overflow by itself.
    /// </summary>
    private static bool IsFinite(Tensor values)
    {
        if (!values.is_floating_point())
        {
            return true;
        }

        using var sum = values.sum(ScalarType.Float32);
        if (float.IsFinite(sum.item<float>()))
        {
            return true;
        }

        using var finite = values.isfinite();
        using var all = finite.all();
        return all.item<bool>();
    }
}
