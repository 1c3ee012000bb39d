namespace Recipes.Cli

open System
open System.Diagnostics
open System.Globalization
open Recipes
open Recipes.Core.Hub

/// Downloads base models and shows how that goes, on standard error.
[<RequireQualifiedAccess>]
module Download =
    let private culture = CultureInfo.InvariantCulture

    /// `1.2 of 4.3 GB`, in the unit of the whole.
    let amount (bytes: int64) (total: int64) =
        let unit', size =
            if total >= 1_000_000_000L then "GB", 1e9
            elif total >= 1_000_000L then "MB", 1e6
            else "kB", 1e3

        String.Format(culture, "{0:0.0} of {1:0.0} {2}", float bytes / size, float total / size, unit')

    /// How it stands, in a line.
    let line (name: string) (progress: HubProgress) =
        let pace =
            if progress.BytesPerSecond < 1.0 then
                ""
            else
                let left = float (progress.Total - progress.Bytes) / progress.BytesPerSecond

                String.Format(
                    culture,
                    ", {0:0.0} MB/s, {1} left",
                    progress.BytesPerSecond / 1e6,
                    Figures.time (TimeSpan.FromSeconds left)
                )

        $"{name}: {amount progress.Bytes progress.Total}, file {progress.Number} of {progress.Files}{pace}"

    /// Redraws its line on a terminal; elsewhere a line every ten seconds and one at the end.
    let private teller (name: string) : IProgress<HubProgress> =
        let since = Stopwatch.StartNew()
        let mutable isFirst = true

        {
            new IProgress<HubProgress> with
                member _.Report progress =
                    let isLast = progress.Bytes = progress.Total

                    if not Console.IsErrorRedirected then
                        Console.Error.Write $"\r\u001b[2K{line name progress}"

                        if isLast then
                            Console.Error.WriteLine()
                    elif isFirst || isLast || since.Elapsed.TotalSeconds >= 10.0 then
                        since.Restart()
                        Console.Error.WriteLine(line name progress)

                    isFirst <- false
        }

    /// Downloads what the caches lack. What an interrupted download left stays, and the next one continues it.
    let fetch (quiet: bool) (model: HubModel) : HubSnapshot =
        let progress = if quiet then null else teller (model.ToString())

        HubStore(HubSettings.FromEnvironment()).FetchAsync(model, progress).GetAwaiter().GetResult()

    /// The same for the base model of a recipe.
    let repository (quiet: bool) (repository: Repository) =
        HubModel(repository.Id, repository.Revision, Option.toObj repository.Variant, Option.toObj repository.File)
        |> fetch quiet
        |> ignore
