namespace Recipes.Core.Hub;

/// <summary>
/// Lets one process at a time write a model's folder in the cache; the system frees it when a process dies.
/// </summary>
internal static class StoreLock
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits for the lock, and holds it until disposed.</summary>
    /// <param name="folder">The model's folder, which must be there.</param>
    /// <param name="stop">Ends the waiting.</param>
    public static async Task<IDisposable> HoldAsync(string folder, CancellationToken stop)
    {
        var path = Path.Combine(folder, "download.lock");
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (IsHeld(e))
            {
                await Task.Delay(Pause, stop).ConfigureAwait(false);
            }
        }
    }

    /// <summary>ERROR_SHARING_VIOLATION of Windows; EWOULDBLOCK of Linux and of macOS.</summary>
    private static bool IsHeld(IOException e) => (e.HResult & 0xFFFF) is 32 or 11 or 35;
}
