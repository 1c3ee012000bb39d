using System.Buffers.Binary;
using System.Text;

namespace Recipes.Core.Audio;

/// <summary>
/// WAV files (RIFF WAVE, "Multimedia Programming Interface and Data Specifications 1.0"): PCM of 8, 16, 24 and 32 bits
/// and float32, of any number of channels.
/// </summary>
public static class WavFile
{
    /// <summary>The largest file that is read, in bytes.</summary>
    public const long MostBytes = 1L << 30;

    /// <summary>Reads a whole file. Whole numbers become -1 up to, but not including, 1.</summary>
    /// <exception cref="RecipesException">
    /// It is missing, unreadable, too large, cut short, malformed, compressed, or holds samples that are no numbers.
    /// </exception>
    public static Waveform Read(string path)
    {
        var file = Bytes(path);
        var (format, data) = Chunks(path, file);
        var frames = data.Length / format.FrameBytes;
        if (data.Length % format.FrameBytes != 0)
        {
            throw Bad(
                path, $"its {data.Length} bytes of samples are no whole number of {format.FrameBytes}-byte frames");
        }

        var samples = new float[frames * format.Channels];
        for (var i = 0; i < samples.Length; i++)
        {
            var (frame, channel) = Math.DivRem(i, format.Channels);
            var value = WavSample.Read(format.Encoding, data.Span.Slice(i * format.SampleBytes, format.SampleBytes));
            samples[(channel * frames) + frame] = float.IsFinite(value)
                ? value
                : throw Bad(path, $"sample {frame} of channel {channel + 1} is no number");
        }

        return new Waveform(format.SampleRate, format.Channels, samples);
    }

    /// <summary>Writes a file under a temporary name and renames it, so that no half file is ever seen.</summary>
    /// <param name="path">The file.</param>
    /// <param name="sound">The sound; whole numbers clip it to -1 to 1 and round, halves to even.</param>
    /// <param name="encoding">How samples are kept.</param>
    /// <exception cref="RecipesException">
    /// A sample is no number, the file would pass 2 GB, or the folder is missing, not writable or full.
    /// </exception>
    public static void Write(string path, Waveform sound, WavEncoding encoding = WavEncoding.Pcm16)
    {
        var bytes = Encode(path, sound, encoding);
        var temporary = path + ".part";
        try
        {
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path,
                $"the sound of {bytes.Length:N0} bytes cannot be written ({error.Message.TrimEnd('.')})",
                "Check that the folder exists, may be written to, and that its disk has room.",
                error);
        }
    }

    internal static RecipesException Bad(string path, string fault) =>
        new(path, fault, "Save it anew as a WAV file of 16-bit PCM.");

    private static byte[] Bytes(string path)
    {
        try
        {
            var length = new FileInfo(path).Length;
            return length <= MostBytes
                ? File.ReadAllBytes(path)
                : throw new RecipesException(
                    path, $"it has {length:N0} bytes; at most {MostBytes:N0} are read", "Cut it into shorter files.");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RecipesException(path, "no such sound file", "Check the path, upper and lower case too.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path, $"the sound cannot be read ({error.Message.TrimEnd('.')})", "Make the file readable.", error);
        }
    }

    /// <summary>Walks the chunks: four letters, the body's length, the body, and a byte more after odd ones.</summary>
    private static (WavFormat Format, ReadOnlyMemory<byte> Data) Chunks(string path, ReadOnlyMemory<byte> file)
    {
        CheckForm(path, file.Span);
        WavFormat? format = null;
        for (long at = 12; at < file.Length;)
        {
            if (file.Length - at < 8)
            {
                throw Bad(path, $"it ends within a chunk's head, after {file.Length} bytes");
            }

            var head = file.Span.Slice((int)at, 8);
            var length = (long)BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
            var left = file.Length - at - 8;
            if (length > left)
            {
                throw Bad(path, $"a chunk claims {length} bytes where {left} are left: it is cut short or damaged");
            }

            var body = file.Slice((int)at + 8, (int)length);
            if (head[..4].SequenceEqual("fmt "u8))
            {
                format = format is null
                    ? WavFormat.Parse(path, body.Span)
                    : throw Bad(path, "it has two format chunks");
            }
            else if (head[..4].SequenceEqual("data"u8))
            {
                return (format ?? throw Bad(path, "its samples come before its format"), body);
            }

            at += 8 + length + (length & 1);
        }

        throw Bad(path, format is null ? "it has no format chunk" : "it has no samples");
    }

    private static void CheckForm(string path, ReadOnlySpan<byte> file)
    {
        if (file.Length < 12 || !file[8..12].SequenceEqual("WAVE"u8) || !file[..4].SequenceEqual("RIFF"u8))
        {
            var form = file.Length < 12 ? $"{file.Length} bytes" : Encoding.Latin1.GetString(file[..4]);
            throw Bad(
                path,
                form is "RF64" or "RIFX"
                    ? $"it is a WAV file of the form {form}, which is not read"
                    : "it is no WAV file");
        }
    }

    private static byte[] Encode(string path, Waveform sound, WavEncoding encoding)
    {
        ArgumentNullException.ThrowIfNull(sound);
        var format = new WavFormat(encoding, sound.Channels, sound.SampleRate);
        var (head, length) = (format.ToBytes(), (long)sound.Length * format.FrameBytes);
        var isFloat = encoding == WavEncoding.Float32;
        var whole = 12 + 8 + head.Length + (isFloat ? 12 : 0) + 8 + length + (length & 1);
        if (whole > int.MaxValue)
        {
            throw new RecipesException(path, $"{whole:N0} bytes are too many for one file", "Write shorter sounds.");
        }

        var file = new MemoryStream((int)whole);
        using var writer = new BinaryWriter(file);
        writer.Write("RIFF"u8);
        writer.Write((uint)(whole - 8));
        writer.Write("WAVEfmt "u8);
        writer.Write(head.Length);
        writer.Write(head);
        if (isFloat)
        {
            writer.Write("fact"u8);
            writer.Write(4);
            writer.Write(sound.Length);
        }

        writer.Write("data"u8);
        writer.Write((uint)length);
        WriteSamples(path, sound, format, writer);
        if ((length & 1) == 1)
        {
            writer.Write((byte)0);
        }

        return file.ToArray();
    }

    private static void WriteSamples(string path, Waveform sound, WavFormat format, BinaryWriter writer)
    {
        Span<byte> bytes = stackalloc byte[format.SampleBytes];
        for (var frame = 0; frame < sound.Length; frame++)
        {
            for (var channel = 0; channel < sound.Channels; channel++)
            {
                var value = sound.Samples[(channel * sound.Length) + frame];
                if (!float.IsFinite(value))
                {
                    throw new RecipesException(
                        path, $"sample {frame} of channel {channel + 1} is no number",
                        "Look at what made the sound; spectrograms must be finite.");
                }

                WavSample.Write(format.Encoding, value, bytes);
                writer.Write(bytes);
            }
        }
    }
}
