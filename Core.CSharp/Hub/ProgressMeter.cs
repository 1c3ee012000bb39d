using System.Diagnostics;

namespace Recipes.Core.Hub;

/// <summary>Tells how the download of several files stands, as each file begins and ten times a second.</summary>
internal sealed class ProgressMeter(IProgress<HubProgress>? progress, long total, IReadOnlyList<HubFile> files)
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private long there = total - files.Sum(file => file.Size);
    private long came;
    private long last;
    private int number;
    private TimeSpan? told;

    /// <summary>A file is begun; those before it are finished.</summary>
    public void Begin(HubFile file)
    {
        there += number > 0 ? files[number - 1].Size : 0;
        number++;
        last = -1;
        Debug.Assert(files[number - 1] == file, "files come in their order");
    }

    /// <summary>So many bytes of the file are there; the first call tells what was there before.</summary>
    public void Reach(long bytes)
    {
        var isFirst = last < 0;
        came += isFirst ? 0 : Math.Max(0, bytes - last);
        last = bytes;
        if (progress is not null && (isFirst || !(clock.Elapsed - told < TimeSpan.FromMilliseconds(100))))
        {
            Tell(there + bytes);
        }
    }

    /// <summary>All files are there.</summary>
    public void End()
    {
        if (number > 0)
        {
            Tell(total);
        }
    }

    private void Tell(long bytes)
    {
        told = clock.Elapsed;
        progress?.Report(new HubProgress(
            files[number - 1].Path,
            number,
            files.Count,
            bytes,
            total,
            came / Math.Max(clock.Elapsed.TotalSeconds, 1e-3)));
    }
}
