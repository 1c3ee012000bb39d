using System.Buffers.Binary;

namespace Recipes.Core.Audio;

/// <summary>One sample of a WAV file, little endian.</summary>
internal static class WavSample
{
    /// <summary>The sample as a float; whole numbers are divided by 2^(bits - 1).</summary>
    public static float Read(WavEncoding encoding, ReadOnlySpan<byte> bytes) => encoding switch
    {
        WavEncoding.Pcm8 => (bytes[0] - 128) / 128f,
        WavEncoding.Pcm16 => BinaryPrimitives.ReadInt16LittleEndian(bytes) / 32768f,
        WavEncoding.Pcm24 => ((bytes[0] << 8) | (bytes[1] << 16) | (bytes[2] << 24)) / 2147483648f,
        WavEncoding.Pcm32 => BinaryPrimitives.ReadInt32LittleEndian(bytes) / 2147483648f,
        _ => BinaryPrimitives.ReadSingleLittleEndian(bytes),
    };

    /// <summary>Writes the sample to bytes of the encoding's length.</summary>
    public static void Write(WavEncoding encoding, float value, Span<byte> bytes)
    {
        switch (encoding)
        {
            case WavEncoding.Pcm8:
                bytes[0] = (byte)(Whole(value, 8) + 128);
                break;
            case WavEncoding.Pcm16:
                BinaryPrimitives.WriteInt16LittleEndian(bytes, (short)Whole(value, 16));
                break;
            case WavEncoding.Pcm24:
                var whole = Whole(value, 24);
                (bytes[0], bytes[1], bytes[2]) = ((byte)whole, (byte)(whole >> 8), (byte)(whole >> 16));
                break;
            case WavEncoding.Pcm32:
                BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)Whole(value, 32));
                break;
            default:
                BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
                break;
        }
    }

    private static long Whole(float value, int bits)
    {
        var half = 1L << (bits - 1);
        return (long)Math.Clamp(Math.Round((double)value * half), -half, half - 1);
    }
}
