using System.Text;

namespace Recipes.Core.Text;

/// <summary>
/// The printable character that stands for each byte in a byte-level vocabulary (GPT-2's table): printable Latin-1
/// stands for itself, the other 68 bytes for U+0100 onwards.
/// </summary>
internal static class ByteSymbols
{
    private static readonly char[] Symbols = Make();

    private static readonly Dictionary<char, byte> Bytes =
        Enumerable.Range(0, 256).ToDictionary(value => Symbols[value], value => (byte)value);

    /// <summary>The character for a byte.</summary>
    public static char Of(byte value) => Symbols[value];

    /// <summary>The text whose UTF-8 bytes the symbols stand for; bytes that are no UTF-8 become U+FFFD.</summary>
    public static string Decode(string symbols) =>
        Encoding.UTF8.GetString([.. symbols.Where(Bytes.ContainsKey).Select(symbol => Bytes[symbol])]);

    private static char[] Make()
    {
        var next = 0x100;
        return
        [
            .. Enumerable.Range(0, 256).Select(value =>
                value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF)
                    ? (char)value
                    : (char)next++),
        ];
    }
}
