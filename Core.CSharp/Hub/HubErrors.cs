using System.Net;

namespace Recipes.Core.Hub;

/// <summary>What a hub's refusals mean.</summary>
internal static class HubErrors
{
    /// <summary>The refusal of a request about a model, by its status and the hub's own X-Error-Code.</summary>
    public static RecipesException Refused(
        HttpResponseMessage response, HubModel model, HubSettings settings, string what)
    {
        var code = response.Headers.TryGetValues("X-Error-Code", out var values) ? values.First() : "";
        var status = $"{(int)response.StatusCode} {response.ReasonPhrase}".TrimEnd();
        var page = new Uri(settings.Endpoint, model.Id);
        var (fault, cure) = (response.StatusCode, code) switch
        {
            (_, "GatedRepo") => (
                $"the model is gated: its terms have to be accepted first ({status})",
                settings.Token is null
                    ? $"Accept them at {page}, then set HF_TOKEN to a token of that account."
                    : $"Accept them at {page} with the account of your token."),
            (HttpStatusCode.NotFound, "RevisionNotFound") => (
                $"it has no revision {model.Revision}", $"Choose a branch, tag or commit listed at {page}."),
            (HttpStatusCode.NotFound, "EntryNotFound") => (
                $"it has no {what}", $"Choose one of the files listed at {page}."),
            (HttpStatusCode.NotFound, _) or (HttpStatusCode.Unauthorized, "RepoNotFound") => (
                $"{settings.Endpoint.Host} knows no model of this name ({status})",
                settings.Token is null
                    ? "Check the name; for a private model set HF_TOKEN to your token."
                    : "Check the name, and that the account of your token may see it."),
            (HttpStatusCode.Unauthorized, _) => (
                $"{settings.Endpoint.Host} asks who you are ({status})",
                settings.Token is null
                    ? "Check the name; for a private or gated model set HF_TOKEN to your token."
                    : "Your token is not valid: make a new one and set HF_TOKEN to it."),
            (HttpStatusCode.Forbidden, _) => (
                $"{settings.Endpoint.Host} does not let you read it ({status})",
                $"Accept its terms at {page}, and set HF_TOKEN to a token that may read it."),
            _ => (
                $"{settings.Endpoint.Host} answered {status} to {what}",
                "Try again later; what was downloaded is kept."),
        };
        return new RecipesException(model.ToString(), fault, cure);
    }

    /// <summary>No answer, however often it was asked.</summary>
    public static RecipesException Unreachable(HubModel model, HubSettings settings, Exception e) => new(
        model.ToString(),
        $"{settings.Endpoint.Host} cannot be reached ({e.Message.TrimEnd('.')})",
        "Check the connection and type the same command again: what was downloaded is kept.",
        e);

    public static RecipesException Offline(HubModel model, string lack) => new(
        model.ToString(),
        $"{lack}, and HF_HUB_OFFLINE forbids to download it",
        "Unset HF_HUB_OFFLINE, or copy the model's folder into the cache from another machine.");

    /// <summary>An answer that is not what the hub's interface promises.</summary>
    public static RecipesException Garbled(
        HubModel model, HubSettings settings, string what, Exception? e = null) => new(
        model.ToString(),
        $"{settings.Endpoint.Host} answered what no hub answers ({what})",
        "Check HF_ENDPOINT, and whether a proxy or login page answers in the hub's place.",
        e);
}
