using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Recipes.Core.Bench;

/// <summary>The system's memory of files that were read or written, which makes the next reading fast.</summary>
internal static partial class PageCache
{
    private const int DontNeed = 4;

    /// <summary>Makes the system forget files, so that reading them is as it is the first time.</summary>
    /// <returns>Whether it can be asked to: on Linux.</returns>
    public static bool Forget(IEnumerable<string> files)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        var done = true;
        foreach (var path in files)
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            // Pages not yet on the disk stay in memory whatever is asked.
            RandomAccess.FlushToDisk(handle);
            done &= Advise((int)handle.DangerousGetHandle(), 0, 0, DontNeed) == 0;
        }

        return done;
    }

    /// <summary>Seconds that plain reading of the files takes, beginning to end.</summary>
    public static double Read(IEnumerable<string> files)
    {
        var buffer = new byte[1 << 20];
        var watch = Stopwatch.StartNew();
        foreach (var path in files)
        {
            using var handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            for (long at = 0, count; (count = RandomAccess.Read(handle, buffer, at)) > 0; at += count)
            {
            }
        }

        return watch.Elapsed.TotalSeconds;
    }

    /// <summary>
    /// Seconds that reading the files takes into new memory of a size, all of which is touched, on one thread.
    /// </summary>
    public static unsafe double ReadInto(IEnumerable<string> files, long held)
    {
        const int Chunk = 1 << 20;
        var total = Math.Max(held, files.Sum(path => new FileInfo(path).Length));
        var memory = (byte*)NativeMemory.Alloc((nuint)total + Chunk);
        try
        {
            var watch = Stopwatch.StartNew();
            long at = 0;
            foreach (var path in files)
            {
                using var handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
                for (long from = 0, count;
                    (count = RandomAccess.Read(handle, new Span<byte>(memory + at, Chunk), from)) > 0;
                    from += count)
                {
                    at += count;
                }
            }

            for (; at < total; at += Environment.SystemPageSize)
            {
                memory[at] = 1;
            }

            return watch.Elapsed.TotalSeconds;
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(int file, long offset, long length, int advice);
}
