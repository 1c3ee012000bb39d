using System.Buffers.Binary;

namespace Recipes.Core.Audio;

/// <summary>The "fmt " chunk of a WAV file.</summary>
/// <param name="Encoding">How samples are kept.</param>
/// <param name="Channels">Interleaved channels.</param>
/// <param name="SampleRate">Samples a second.</param>
internal sealed record WavFormat(WavEncoding Encoding, int Channels, int SampleRate)
{
    private const int Pcm = 1;
    private const int Float = 3;
    private const int Extensible = 0xFFFE;
    private const int MostChannels = 64;
    private const int MostSamplesASecond = 1_000_000;

    // The last 14 bytes of the sub-format's GUID {0000xxxx-0000-0010-8000-00AA00389B71}.
    private static readonly byte[] SubFormat = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

    /// <summary>Bytes of one sample of one channel.</summary>
    public int SampleBytes => Encoding switch
    {
        WavEncoding.Pcm8 => 1,
        WavEncoding.Pcm16 => 2,
        WavEncoding.Pcm24 => 3,
        _ => 4,
    };

    /// <summary>Bytes of one sample of every channel.</summary>
    public int FrameBytes => SampleBytes * Channels;

    /// <summary>Reads the chunk's body.</summary>
    /// <exception cref="RecipesException">It is malformed, or of a format that is not read.</exception>
    public static WavFormat Parse(string path, ReadOnlySpan<byte> chunk)
    {
        if (chunk.Length < 16)
        {
            throw WavFile.Bad(path, $"its format chunk has {chunk.Length} bytes, fewer than 16");
        }

        var tag = (int)BinaryPrimitives.ReadUInt16LittleEndian(chunk);
        var channels = (int)BinaryPrimitives.ReadUInt16LittleEndian(chunk[2..]);
        var rate = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
        var frame = (int)BinaryPrimitives.ReadUInt16LittleEndian(chunk[12..]);
        var bits = (int)BinaryPrimitives.ReadUInt16LittleEndian(chunk[14..]);
        if (tag == Extensible)
        {
            tag = SubFormatTag(path, chunk, bits);
        }

        if (channels is 0 or > MostChannels || rate is 0 or > MostSamplesASecond)
        {
            throw WavFile.Bad(
                path,
                $"it claims {channels} channels of {rate} Hz; 1 to {MostChannels} of up to {MostSamplesASecond} Hz "
                    + "are read");
        }

        var format = new WavFormat(Kind(path, tag, bits), channels, (int)rate);
        return frame == format.FrameBytes
            ? format
            : throw WavFile.Bad(
                path,
                $"it claims {frame} bytes a frame where {channels} channels of {bits} bits take {format.FrameBytes}");
    }

    /// <summary>The chunk's body: 16 bytes, or 18 for floats, as the format asks of all but PCM.</summary>
    public byte[] ToBytes()
    {
        var isFloat = Encoding == WavEncoding.Float32;
        var chunk = new byte[isFloat ? 18 : 16];
        BinaryPrimitives.WriteUInt16LittleEndian(chunk, (ushort)(isFloat ? Float : Pcm));
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(2), (ushort)Channels);
        BinaryPrimitives.WriteInt32LittleEndian(chunk.AsSpan(4), SampleRate);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk.AsSpan(8), (uint)((long)SampleRate * FrameBytes));
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(12), (ushort)FrameBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(14), (ushort)(SampleBytes * 8));
        return chunk;
    }

    private static int SubFormatTag(string path, ReadOnlySpan<byte> chunk, int bits)
    {
        if (chunk.Length < 40 || !chunk[26..40].SequenceEqual(SubFormat))
        {
            throw WavFile.Bad(path, "its extensible format chunk is cut short or of an unknown kind");
        }

        var valid = BinaryPrimitives.ReadUInt16LittleEndian(chunk[18..]);
        return valid == bits || valid == 0
            ? BinaryPrimitives.ReadUInt16LittleEndian(chunk[24..])
            : throw WavFile.Bad(path, $"it keeps {valid} bits in {bits}, which is not read");
    }

    private static WavEncoding Kind(string path, int tag, int bits) => (tag, bits) switch
    {
        (Pcm, 8) => WavEncoding.Pcm8,
        (Pcm, 16) => WavEncoding.Pcm16,
        (Pcm, 24) => WavEncoding.Pcm24,
        (Pcm, 32) => WavEncoding.Pcm32,
        (Float, 32) => WavEncoding.Float32,
        (Pcm or Float, _) => throw WavFile.Bad(
            path, $"its samples are of {bits} bits ({(tag == Pcm ? "PCM" : "float")}), which are not read"),
        _ => throw WavFile.Bad(path, $"its samples are compressed (format {tag}), which is not read"),
    };
}
