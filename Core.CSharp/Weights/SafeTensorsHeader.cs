using System.Text.Json;

namespace Recipes.Core.Weights;

/// <summary>
/// Reads and checks the JSON header of a safetensors file: names to dtype, shape and byte range, and the optional
/// <c>__metadata__</c> of strings. Format: https://huggingface.co/docs/safetensors.
/// </summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>The longest header that is read, in bytes; the reference implementation's limit.</summary>
    public const int MaxLength = 100_000_000;

    private const int MaxRank = 64;
    private readonly string path;
    private readonly Dictionary<string, string> metadata = [];
    private readonly List<TensorInfo> tensors = [];

    private SafeTensorsHeader(string path) => this.path = path;

    /// <summary>The strings of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>The tensors, in the order of their bytes.</summary>
    public OrderedDictionary<string, TensorInfo> Tensors { get; } = [];

    /// <summary>The header of <paramref name="json"/>, or an error that names what is wrong with it.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataLength">How many bytes follow the header.</param>
    public static SafeTensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataLength)
    {
        var header = new SafeTensorsHeader(path);
        try
        {
            header.Read(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The reader throws the second for text that is no valid Unicode.
            throw header.Bad($"its header is not valid JSON ({Firstline(e.Message)})", e);
        }

        header.CheckRanges(dataLength);
        return header;
    }

    /// <summary>An error about the file at <paramref name="path"/>.</summary>
    public static RecipesException Bad(string path, string fault, Exception? inner = null) =>
        new(path, fault, "Download or save the file again.", inner);

    /// <summary>A key as messages print it: short, and on one line.</summary>
    public static string Quote(string name)
    {
        var text = name.Length > 100 ? name[..100] + "…" : name;
        return $"'{string.Concat(text.Select(c => char.IsControl(c) ? '·' : c))}'";
    }

    private static string Firstline(string text) => text.Split('\n')[0].TrimEnd('.', '\r');

    private RecipesException Bad(string fault, Exception? inner = null) => Bad(path, fault, inner);

    private void Read(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw Bad("its header does not begin with '{'");
        }

        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        reader.Read();
        var names = new HashSet<string>();
        while (NextKey(ref reader) is { } name)
        {
            if (!names.Add(name))
            {
                throw Bad($"its header names {Quote(name)} twice");
            }

            if (name == "__metadata__")
            {
                ReadMetadata(ref reader);
            }
            else
            {
                tensors.Add(ReadTensor(ref reader, name));
            }
        }

        // Reads the padding, so that anything but spaces there is an error.
        reader.Read();
    }

    /// <summary>The next key of the object that is being read, or null at its end.</summary>
    private static string? NextKey(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;

    private void Open(ref Utf8JsonReader reader, JsonTokenType token, string what)
    {
        if (!reader.Read() || reader.TokenType != token)
        {
            throw Bad($"{what} is not {(token == JsonTokenType.StartObject ? "an object" : "an array")}");
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Open(ref reader, JsonTokenType.StartObject, "__metadata__ in its header");
        while (NextKey(ref reader) is { } key)
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            {
                throw Bad($"__metadata__ {Quote(key)} in its header is not a string");
            }

            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw Bad($"__metadata__ in its header names {Quote(key)} twice");
            }
        }
    }

    private TensorInfo ReadTensor(ref Utf8JsonReader reader, string name)
    {
        var where = $"tensor {Quote(name)}";
        Open(ref reader, JsonTokenType.StartObject, where);
        DType? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "dtype" when type is null:
                    type = ReadType(ref reader, where);
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, $"the shape of {where}", MaxRank);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, $"data_offsets of {where}", 2);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw Bad($"{where} has {key} twice");
                default:
                    throw Bad($"{where} has the unknown field {Quote(key)}");
            }
        }

        if (type is not { } known || shape is null || offsets is not [var begin, var end])
        {
            throw Bad($"{where} lacks dtype, shape or two data_offsets");
        }

        var info = new TensorInfo(name, known, shape, begin, end);
        if (SizeOf(known, shape) is not { } size || end - begin != size)
        {
            throw Bad(
                $"{where} spans bytes {begin} to {end}, which does not fit {known.HeaderName()} {info.ShapeText}");
        }

        return info;
    }

    private DType ReadType(ref Utf8JsonReader reader, string where)
    {
        reader.Read();
        var text = reader.TokenType == JsonTokenType.String
            ? reader.GetString()!
            : System.Text.Encoding.UTF8.GetString(reader.ValueSpan);
        return DTypes.TryParse(text, out var type)
            ? type
            : throw Bad($"{where} has the unknown dtype {Quote(text)} (known: {DTypes.All})");
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string what, int most)
    {
        Open(ref reader, JsonTokenType.StartArray, what);
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
            {
                throw Bad($"{what} holds something other than whole numbers from 0 up");
            }

            if (numbers.Count == most)
            {
                throw Bad($"{what} has more than {most} numbers");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    /// <summary>Bytes of a tensor, or null where they exceed 64 bits.</summary>
    private static long? SizeOf(DType type, long[] shape)
    {
        Int128 size = type.Size();
        var empty = shape.Contains(0);
        foreach (var length in shape)
        {
            size *= empty ? 0 : length;
            if (size > long.MaxValue)
            {
                return null;
            }
        }

        return (long)size;
    }

    /// <summary>The byte ranges must tile the data: no overlap, no gap, nothing beyond.</summary>
    private void CheckRanges(long dataLength)
    {
        var at = 0L;
        var before = "the header";
        foreach (var info in tensors.OrderBy(info => info.Begin).ThenBy(info => info.End))
        {
            if (info.End > dataLength)
            {
                throw Bad(
                    $"tensor {Quote(info.Name)} ends at byte {info.End}, but only {dataLength} bytes of data follow");
            }

            if (info.Begin != at)
            {
                var fault = info.Begin < at ? "overlaps" : "leaves a gap after";
                throw Bad(
                    $"tensor {Quote(info.Name)} begins at byte {info.Begin} and {fault} {before}, which ends at {at}");
            }

            Tensors.Add(info.Name, info);
            at = info.End;
            before = $"tensor {Quote(info.Name)}";
        }

        if (at != dataLength)
        {
            throw Bad($"{dataLength - at} bytes follow the last tensor, which ends at {at} of {dataLength}");
        }
    }
}
