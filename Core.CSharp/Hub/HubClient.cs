using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Recipes.Core.Hub;

/// <summary>Asks a hub, by the interface of huggingface.co/docs/hub/api, and retries what a bad line cuts.</summary>
internal sealed partial class HubClient : IDisposable
{
    private const int MostRedirects = 10;
    private const int MostPages = 1000;

    private readonly HubSettings settings;
    private readonly HttpClient http;

    public HubClient(HubSettings settings)
    {
        this.settings = settings;
        http = new HttpClient(new SocketsHttpHandler
        {
            // Followed by hand: the token belongs to the hub, not to the storage that it leads to.
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = !settings.Endpoint.IsLoopback,
            ConnectTimeout = settings.Patience,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>The address of a file's contents.</summary>
    public Uri Address(HubModel model, string commit, string path) =>
        new(settings.Endpoint, $"{model.Id}/resolve/{commit}/{Escape(path)}");

    /// <summary>The commit that the revision names.</summary>
    public async Task<string> CommitAsync(HubModel model, CancellationToken stop)
    {
        var address = new Uri(
            settings.Endpoint, $"api/models/{model.Id}/revision/{Uri.EscapeDataString(model.Revision)}");
        var (json, _) = await JsonAsync(address, model, "revision", stop).ConfigureAwait(false);
        return json.ValueKind == JsonValueKind.Object
            && json.TryGetProperty("sha", out var sha)
            && sha.GetString() is { } commit && HubModel.IsCommit(commit)
            ? commit
            : throw HubErrors.Garbled(model, settings, "a revision without a commit");
    }

    /// <summary>Every file of a commit.</summary>
    public async Task<IReadOnlyList<HubFile>> TreeAsync(HubModel model, string commit, CancellationToken stop)
    {
        var files = new List<HubFile>();
        var next = new Uri(settings.Endpoint, $"api/models/{model.Id}/tree/{commit}?recursive=true");
        for (var page = 0; next is not null; page++)
        {
            var (json, following) = await JsonAsync(next, model, "tree", stop).ConfigureAwait(false);
            if (json.ValueKind != JsonValueKind.Array || page == MostPages)
            {
                throw HubErrors.Garbled(model, settings, "a tree that is no list");
            }

            files.AddRange(json.EnumerateArray().Select(entry => ReadEntry(entry, model)).OfType<HubFile>());
            next = following;
        }

        return files;
    }

    /// <summary>A small file's JSON, read without keeping it.</summary>
    public async Task<JsonElement> ReadAsync(HubModel model, string commit, string path, CancellationToken stop) =>
        (await JsonAsync(Address(model, commit, path), model, path, stop).ConfigureAwait(false)).Json;

    /// <summary>
    /// Sends a GET, follows where it leads and gives the answer once its head is there. Only the hub gets the token.
    /// </summary>
    /// <exception cref="CutException">No answer, or one that says to come back later.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        Uri address, RangeHeaderValue? range, EntityTagHeaderValue? same, CancellationToken stop)
    {
        for (var hop = 0; hop < MostRedirects; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.UserAgent.ParseAdd("recipes/0.1");
            request.Headers.Range = range;
            request.Headers.IfRange = same is { IsWeak: false } ? new RangeConditionHeaderValue(same) : null;
            if (settings.Token is not null && IsHub(address))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", settings.Token);
            }

            var response = await PatientlyAsync(
                limit => http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit), stop)
                .ConfigureAwait(false);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308)
                || response.Headers.Location is not { } location)
            {
                return Answer(response);
            }

            response.Dispose();
            var target = new Uri(address, location);
            if (target.Scheme is not ("http" or "https") || (address.Scheme == "https" && target.Scheme == "http"))
            {
                throw new CutException($"it leads to {target.Scheme}:, which is not safe");
            }

            address = target;
        }

        throw new CutException($"it leads elsewhere more than {MostRedirects} times");
    }

    /// <summary>Waits for something from the network, but not through a long silence.</summary>
    /// <exception cref="CutException">The connection broke or fell silent.</exception>
    public async Task<T> PatientlyAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(settings.Patience);
        try
        {
            return await work(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw new CutException($"nothing came for {settings.Patience.TotalSeconds:0.#} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new CutException(e.Message, e);
        }
    }

    /// <summary>
    /// Tries until it works, or until <see cref="HubSettings.Attempts"/> tries in a row got no further than
    /// <paramref name="reached"/> before them.
    /// </summary>
    public async Task RetryAsync(
        Func<CancellationToken, Task> work, Func<long> reached, HubModel model, CancellationToken stop)
    {
        for (var failures = 0; ;)
        {
            var before = reached();
            try
            {
                await work(stop).ConfigureAwait(false);
                return;
            }
            catch (CutException e)
            {
                failures = reached() > before ? 1 : failures + 1;
                if (failures >= settings.Attempts)
                {
                    throw HubErrors.Unreachable(model, settings, e);
                }

                var pause = settings.Pause * Math.Pow(2, failures - 1);
                await Task.Delay(e.Pause > pause ? e.Pause.Value : pause, stop).ConfigureAwait(false);
            }
        }
    }

    public void Dispose() => http.Dispose();

    private static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    private static HubFile? ReadEntry(JsonElement entry, HubModel model)
    {
        if (entry.ValueKind != JsonValueKind.Object
            || !entry.TryGetProperty("type", out var type) || !type.ValueEquals("file")
            || !entry.TryGetProperty("path", out var name) || name.GetString() is not { } path
            || !entry.TryGetProperty("size", out var size) || !size.TryGetInt64(out var bytes))
        {
            return null;
        }

        var isLarge = entry.TryGetProperty("lfs", out var lfs) && lfs.ValueKind == JsonValueKind.Object;
        if (isLarge && lfs.TryGetProperty("size", out var real) && real.TryGetInt64(out var stored))
        {
            bytes = stored;
        }

        var hash = (isLarge ? lfs : entry).TryGetProperty("oid", out var oid) ? oid.GetString() ?? "" : "";
        hash = hash.StartsWith("sha256:", StringComparison.Ordinal) ? hash["sha256:".Length..] : hash;
        return HubModel.IsPlainPath(path) && bytes >= 0
            && hash.Length == (isLarge ? 64 : 40) && hash.All(char.IsAsciiHexDigitLower)
            ? new HubFile(path, bytes, hash, isLarge)
            : throw new RecipesException(
                model.ToString(),
                "the hub lists a file whose name or hash cannot be",
                "Choose another repository; this one is not safe to download.");
    }

    private async Task<(JsonElement Json, Uri? Next)> JsonAsync(
        Uri address, HubModel model, string what, CancellationToken stop)
    {
        (JsonElement, Uri?) result = default;
        await RetryAsync(
            async limit =>
            {
                using var response = await SendAsync(address, null, null, limit).ConfigureAwait(false);
                if (!response.IsSuccessStatusCode)
                {
                    throw HubErrors.Refused(response, model, settings, what);
                }

                var text = await PatientlyAsync(response.Content.ReadAsByteArrayAsync, limit).ConfigureAwait(false);
                try
                {
                    using var json = JsonDocument.Parse(text);
                    result = (json.RootElement.Clone(), NextPage(response, address));
                }
                catch (JsonException e)
                {
                    throw HubErrors.Garbled(model, settings, $"{what} is no JSON", e);
                }
            },
            () => 0,
            model,
            stop).ConfigureAwait(false);
        return result;
    }

    /// <summary>The target of the Link header's rel="next" (RFC 8288).</summary>
    private static Uri? NextPage(HttpResponseMessage response, Uri address) =>
        response.Headers.TryGetValues("Link", out var links)
        && LinkPattern().Match(string.Join(", ", links)) is { Success: true } next
            ? new Uri(address, next.Groups[1].Value)
            : null;

    private static HttpResponseMessage Answer(HttpResponseMessage response)
    {
        if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout)
            && (int)response.StatusCode < 500)
        {
            return response;
        }

        using (response)
        {
            var wait = response.Headers.RetryAfter?.Delta;
            throw new CutException(
                $"{(int)response.StatusCode} {response.ReasonPhrase}",
                pause: wait > TimeSpan.FromMinutes(1) ? TimeSpan.FromMinutes(1) : wait);
        }
    }

    private bool IsHub(Uri address) =>
        address.Scheme == settings.Endpoint.Scheme && address.Authority == settings.Endpoint.Authority;

    [GeneratedRegex("""<([^>]*)>\s*;[^,<]*\brel="?next\b""", RegexOptions.IgnoreCase)]
    private static partial Regex LinkPattern();
}
