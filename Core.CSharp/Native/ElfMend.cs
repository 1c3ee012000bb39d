using System.Buffers.Binary;
using System.Text;

namespace Recipes.Core.Native;

/// <summary>
/// Makes a shared library do without one symbol version of its dependencies. TorchSharp's library demands
/// GLIBCXX_3.4.32 (GCC 13) for a single function that it mentions but never calls; Debian 12, Ubuntu 22.04 and RHEL 9
/// have an older C++ library, so the loader refuses it there. Marking the version and the symbol as weak makes the
/// loader accept their absence. Format: ELF-64 little endian, symbol versioning as in the LSB Core specification, 10.7.
/// </summary>
internal static class ElfMend
{
    private const uint DynamicSymbols = 11;
    private const uint VersionsNeeded = 0x6ffffffe;
    private const uint SymbolVersions = 0x6fffffff;
    private const ushort WeakVersion = 2;
    private const byte WeakBinding = 2;
    private const int SymbolSize = 24;

    /// <summary>A copy of <paramref name="library"/> in which the version and the symbol are weak, or null where
    /// the version is absent or demanded for anything but that symbol: then mending would be unsafe.</summary>
    /// <param name="library">The file's bytes.</param>
    /// <param name="version">The version to do without.</param>
    /// <param name="symbol">The only symbol that may demand it.</param>
    public static byte[]? Weaken(ReadOnlySpan<byte> library, string version, string symbol)
    {
        try
        {
            var copy = library.ToArray();
            return Weaken(new Elf(copy), version, symbol) ? copy : null;
        }
        catch (ArgumentOutOfRangeException)
        {
            // An offset that points outside the file: no library this can mend.
            return null;
        }
    }

    private static bool Weaken(Elf elf, string version, string symbol)
    {
        if (!elf.IsElf64 || elf.Section(DynamicSymbols) is not { } symbols
            || elf.Section(SymbolVersions) is not { } versions
            || elf.Section(VersionsNeeded) is not { } needed)
        {
            return false;
        }

        var entries = FindVersion(elf, needed, version);
        if (entries.Count != 1)
        {
            return false;
        }

        var index = elf.Short(entries[0] + 6);
        var weakened = new List<int>();
        for (var i = 0; i < symbols.Size / SymbolSize; i++)
        {
            // The highest bit says that the version is hidden.
            if ((elf.Short(versions.Offset + (2 * i)) & 0x7fff) == index)
            {
                weakened.Add(symbols.Offset + (SymbolSize * i));
            }
        }

        if (weakened.Count != 1 || elf.Text(symbols, elf.Word(weakened[0])) != symbol)
        {
            return false;
        }

        elf.Bytes[entries[0] + 4] |= (byte)WeakVersion;
        elf.Bytes[weakened[0] + 4] = (byte)((WeakBinding << 4) | (elf.Bytes[weakened[0] + 4] & 0xf));
        return true;
    }

    /// <summary>Where the entries of this version name lie, over all the libraries that are needed.</summary>
    private static List<int> FindVersion(Elf elf, Section needed, string version)
    {
        var found = new List<int>();
        for (var file = needed.Offset; ;)
        {
            var entry = file + (int)elf.Word(file + 8);
            for (var i = elf.Short(file + 2); i > 0; i--)
            {
                if (elf.Text(needed, elf.Word(entry + 8)) == version)
                {
                    found.Add(entry);
                }

                entry += (int)elf.Word(entry + 12);
            }

            var next = elf.Word(file + 12);
            if (next == 0 || next > int.MaxValue - file)
            {
                return found;
            }

            file += (int)next;
        }
    }

    /// <summary>A section's place, and the number of the section it refers to.</summary>
    private readonly record struct Section(int Offset, int Size, uint Link);

    /// <summary>Numbers and names; offsets outside the file throw <see cref="ArgumentOutOfRangeException"/>.</summary>
    private sealed class Elf(byte[] bytes)
    {
        public byte[] Bytes => bytes;

        public bool IsElf64 => bytes.AsSpan().StartsWith("\x7f"u8) && bytes.AsSpan(1).StartsWith("ELF\x02\x01"u8);

        public ushort Short(int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

        public uint Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

        /// <summary>The first section of a type.</summary>
        public Section? Section(uint type)
        {
            for (var i = 0; i < Short(60); i++)
            {
                if (Word(Header(i) + 4) == type)
                {
                    return At(i);
                }
            }

            return null;
        }

        /// <summary>A name from the string table that a section refers to.</summary>
        public string Text(Section section, uint at)
        {
            var table = At((int)section.Link);
            var text = bytes.AsSpan(table.Offset, table.Size)[Small(at)..];
            var end = text.IndexOf((byte)0);
            return Encoding.UTF8.GetString(text[..(end < 0 ? text.Length : end)]);
        }

        private int Header(int section) => Small(Long(40)) + (section * Short(58));

        private Section At(int section)
        {
            var header = Header(section);
            return new Section(Small(Long(header + 24)), Small(Long(header + 32)), Word(header + 40));
        }

        private ulong Long(int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

        private int Small(ulong offset) =>
            offset <= (ulong)bytes.Length ? (int)offset : throw new ArgumentOutOfRangeException(nameof(offset));
    }
}
