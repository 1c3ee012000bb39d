namespace Recipes.Core.Hub;

/// <summary>Where models are looked for and fetched from, by the variables of the huggingface_hub library.</summary>
public sealed record HubSettings
{
    /// <summary>The hub: HF_ENDPOINT, else https://huggingface.co.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>What a hub asks for private and gated models: HF_TOKEN, else the contents of the token file.</summary>
    public string? Token { get; init; }

    /// <summary>HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: use the caches, never the network.</summary>
    public bool Offline { get; init; }

    /// <summary>
    /// The cache that other programs fill, read and never written: HF_HUB_CACHE, else hub/ in HF_HOME, else
    /// huggingface/hub in the user's cache folder.
    /// </summary>
    public required string SharedCache { get; init; }

    /// <summary>The cache that downloads go to: hub/ in <see cref="RecipesCache"/>, in the same layout.</summary>
    public required string OwnCache { get; init; }

    /// <summary>Tries in a row without a single new byte before a download is given up.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>The pause before the second try; it doubles with each further one.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Silence after which a connection counts as cut.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Free bytes of the disk that a folder is on.</summary>
    internal Func<string, long> FreeSpace { get; init; } = folder => new DriveInfo(folder).AvailableFreeSpace;

    /// <summary>The settings that the environment states.</summary>
    /// <exception cref="RecipesException">HF_ENDPOINT is no web address, or the token is no token.</exception>
    public static HubSettings FromEnvironment() => Read(Environment.GetEnvironmentVariable);

    /// <summary>The same from variables given as a function.</summary>
    /// <exception cref="RecipesException">HF_ENDPOINT is no web address, or the token is no token.</exception>
    public static HubSettings Read(Func<string, string?> variable)
    {
        var home = Folder(variable, "HF_HOME") ?? Path.Combine(RecipesCache.UserCache(variable), "huggingface");
        return new HubSettings
        {
            Endpoint = ReadEndpoint(Value(variable, "HF_ENDPOINT") ?? "https://huggingface.co"),
            Token = ReadToken(variable, home),
            Offline = IsSet(variable, "HF_HUB_OFFLINE") || IsSet(variable, "TRANSFORMERS_OFFLINE"),
            SharedCache = Folder(variable, "HF_HUB_CACHE")
                ?? Folder(variable, "HUGGINGFACE_HUB_CACHE")
                ?? Path.Combine(home, "hub"),
            OwnCache = Path.Combine(RecipesCache.Find(variable), "hub"),
        };
    }

    /// <summary>The same for a question that somebody waits for: two tries, ten seconds of silence at most.</summary>
    public HubSettings Brief() => this with
    {
        Attempts = Math.Min(Attempts, 2),
        Patience = Patience < TimeSpan.FromSeconds(10) ? Patience : TimeSpan.FromSeconds(10),
    };

    /// <summary>No secret in logs: a record's own text would show the token.</summary>
    public override string ToString() => $"{Endpoint} (caches {SharedCache}, {OwnCache})";

    private static string? Value(Func<string, string?> variable, string name) =>
        variable(name)?.Trim() is { Length: > 0 } value ? value : null;

    private static bool IsSet(Func<string, string?> variable, string name) =>
        Value(variable, name)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static string? Folder(Func<string, string?> variable, string name)
    {
        if (Value(variable, name) is not { } folder)
        {
            return null;
        }

        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return folder == "~" ? home
            : folder.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(home, folder[2..])
            : Path.GetFullPath(folder);
    }

    private static Uri ReadEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new RecipesException(
                "HF_ENDPOINT", $"\"{text}\" is no web address", "Set it to an address such as https://huggingface.co.");

    private static string? ReadToken(Func<string, string?> variable, string home)
    {
        var (where, token) = ("HF_TOKEN", Value(variable, "HF_TOKEN") ?? Value(variable, "HUGGING_FACE_HUB_TOKEN"));
        if (token is null)
        {
            where = Folder(variable, "HF_TOKEN_PATH") ?? Path.Combine(home, "token");
            try
            {
                token = File.Exists(where) ? File.ReadAllText(where).Trim() : null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new RecipesException(
                    where, $"it cannot be read ({e.Message.TrimEnd('.')})", "Make it readable, or set HF_TOKEN.", e);
            }
        }

        return string.IsNullOrEmpty(token) ? null
            : token.All(c => c is > ' ' and < '\x7f') ? token
            : throw new RecipesException(
                where, "its text is no token (it has spaces or other signs)", "Copy the token from the hub again.");
    }
}
