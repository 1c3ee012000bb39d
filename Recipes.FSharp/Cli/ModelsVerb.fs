namespace Recipes.Cli

open System
open System.Globalization
open Argu
open Recipes.Core
open Recipes.Core.Hub
open Recipes.Core.Weights

/// `recipes models`
[<RequireQualifiedAccess>]
module ModelsVerb =
    let private family (entry: HubEntry) =
        match entry.Lack with
        | NonNull lack -> $"incomplete: {lack}"
        | Null ->
            try
                ModelFolder.Read(entry.Path).Family
            with :? RecipesException as error ->
                $"unreadable: {error.Fault}"

    let private row (entry: HubEntry) =
        String.Format(
            CultureInfo.InvariantCulture,
            "{0,-48} {1,-14} {2} {3,-6} {4,7:0.00} GB  {5,-6} {6}",
            entry.Id,
            String.Join(",", entry.Revisions),
            entry.Commit[..6],
            (match entry.Variant with
             | Null -> "full"
             | NonNull variant -> variant),
            float entry.Bytes / 1e9,
            (if entry.Shared then "shared" else "own"),
            family entry
        )

    let private list () =
        let settings = HubSettings.FromEnvironment()

        match List.ofSeq (HubCatalogue.List settings) with
        | [] -> Console.Error.WriteLine $"no model is in {settings.OwnCache} or {settings.SharedCache}"
        | entries ->
            for entry in entries do
                Console.Out.WriteLine(row entry)

        Faults.ok

    let private get (args: ParseResults<GetArgs>) =
        let model =
            try
                HubModel(
                    args.GetResult GetArgs.Repository,
                    args.GetResult(GetArgs.Revision, "main"),
                    args.TryGetResult GetArgs.Variant |> Option.toObj,
                    args.TryGetResult GetArgs.File |> Option.toObj
                )
            with :? RecipesException as error ->
                raise (WrongUse error)

        Console.Out.WriteLine (Download.fetch (args.Contains GetArgs.Quiet) model).Path
        Faults.ok

    let verb (args: ParseResults<ModelsArgs>) =
        match args.GetAllResults() with
        | ModelsArgs.Get args :: _ -> get args
        | ModelsArgs.List :: _ -> list ()
        | [] ->
            raise (
                Submission.wrong
                    "recipes models"
                    "says not what to do"
                    "Type `recipes models list`, or `recipes models get org/name`."
            )
