using System.Net;
using System.Net.Http.Headers;

namespace Recipes.Core.Hub;

/// <summary>
/// Fetches one file beside its place: what is there of it is kept and continued, and it takes its name only once its
/// hash is right.
/// </summary>
internal sealed class BlobDownload(HubClient client, HubSettings settings, HubModel model, HubFile file, Uri address)
{
    private EntityTagHeaderValue? tag;

    /// <summary>The name under which an unfinished file is kept.</summary>
    public static string Partial(string target) => target + ".incomplete";

    /// <summary>
    /// Fetches the file to <paramref name="target"/>; <paramref name="reached"/> is told the bytes there are.
    /// </summary>
    /// <exception cref="RecipesException">The hub refuses, cannot be reached, or sends other contents.</exception>
    public async Task RunAsync(string target, Action<long> reached, CancellationToken stop)
    {
        var partial = Partial(target);
        using var hash = new BlobHash(file);
        hash.Restart(partial);

        // Only a file that was begun earlier may hold what this hub never sent.
        var isContinued = hash.Count > 0;
        while (true)
        {
            reached(hash.Count);
            await client.RetryAsync(
                limit => ContinueAsync(partial, hash, reached, limit), () => hash.Count, model, stop)
                .ConfigureAwait(false);
            var found = hash.Value();
            if (hash.Count == file.Size && found == file.Hash)
            {
                File.Move(partial, target, overwrite: true);
                return;
            }

            File.Delete(partial);
            if (!isContinued)
            {
                throw new RecipesException(
                    $"{model} {file.Path}",
                    $"what came has the hash {found[..12]}…, the hub lists {file.Hash[..12]}…; it was thrown away",
                    "Type the same command again; if it stays so, the connection or the hub's copy is damaged.");
            }

            isContinued = false;
            hash.Restart(partial);
        }
    }

    private async Task ContinueAsync(string partial, BlobHash hash, Action<long> reached, CancellationToken stop)
    {
        if (hash.Count > file.Size)
        {
            File.Delete(partial);
            hash.Restart(partial);
        }

        if (hash.Count == file.Size && file.Size > 0)
        {
            return;
        }

        using var response = await client.SendAsync(
            address, hash.Count > 0 ? new RangeHeaderValue(hash.Count, null) : null, hash.Count > 0 ? tag : null, stop)
            .ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && hash.Count > 0)
        {
            File.Delete(partial);
            hash.Restart(partial);
            throw new CutException("it does not continue the file");
        }

        if (!response.IsSuccessStatusCode)
        {
            throw HubErrors.Refused(response, model, settings, file.Path);
        }

        tag = response.Headers.ETag;
        var continues = response.StatusCode == HttpStatusCode.PartialContent
            && response.Content.Headers.ContentRange?.From == hash.Count;
        using var output = new FileStream(partial, continues ? FileMode.Append : FileMode.Create, FileAccess.Write);
        if (!continues)
        {
            output.Flush();
            hash.Restart(partial);
        }

        await CopyAsync(response, output, hash, reached, stop).ConfigureAwait(false);
        output.Flush(flushToDisk: true);
        if (hash.Count < file.Size)
        {
            throw new CutException($"the file ended after {hash.Count} of {file.Size} bytes");
        }
    }

    private async Task CopyAsync(
        HttpResponseMessage response, FileStream output, BlobHash hash, Action<long> reached, CancellationToken stop)
    {
        var input = await client.PatientlyAsync(response.Content.ReadAsStreamAsync, stop).ConfigureAwait(false);
        var buffer = new byte[1 << 18];
        while (hash.Count <= file.Size)
        {
            var read = await client.PatientlyAsync(limit => input.ReadAsync(buffer, limit).AsTask(), stop)
                .ConfigureAwait(false);
            if (read == 0)
            {
                return;
            }

            output.Write(buffer.AsSpan(0, read));
            hash.Append(buffer.AsSpan(0, read));
            reached(hash.Count);
        }
    }
}
