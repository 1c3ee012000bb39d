module Recipes.Tests.Hub.HubTests

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Expecto
open Recipes.Core
open Recipes.Core.Hub
open Recipes.Core.Weights
open Recipes.Tests.Support
open Recipes.Tests.Hub.HubSupport

let private sd1 = filesOf "sd1"

/// What a model needs of the files: no card, no checker, no pickle.
let private needed =
    sd1
    |> List.filter (fun (path, _) ->
        path = "model_index.json"
        || (path.Contains '/'
            && not (path.StartsWith "safety_checker")
            && not (path.EndsWith ".bin")))

let private files (folder: string) =
    Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
    |> Array.map (fun path -> Path.GetRelativePath(folder, path).Replace('\\', '/'))
    |> Set.ofArray

let private refusal (action: unit -> 'a) =
    try
        action () |> ignore
        failtest "should be refused"
    with :? RecipesException as error ->
        error

let private says (parts: string list) (error: RecipesException) =
    for part in parts do
        Expect.stringContains error.Message part "message"

let private unfinished (settings: HubSettings) =
    Directory.GetFiles(settings.OwnCache, "*.incomplete", SearchOption.AllDirectories)

[<Tests>]
let tests =
    testList "hub" [
        testCase "downloads what a model needs and no more" (fun () ->
            withServer sd1 (fun server settings ->
                let asked = ask settings tiny
                Expect.equal asked.Files needed.Length "files to download"
                Expect.equal asked.Bytes (needed |> List.sumBy (fun (_, bytes) -> int64 bytes.Length)) "bytes"
                Expect.equal asked.Family "SD1" "family"
                Expect.isNone (find settings tiny) "asking downloads nothing"

                let snapshot = fetch settings tiny
                Expect.equal snapshot.Commit commit "commit"
                Expect.equal (files snapshot.Path) (needed |> List.map fst |> Set.ofList) "files"

                for path, bytes in needed do
                    Expect.equal (File.ReadAllBytes(Path.Combine(snapshot.Path, path))) bytes path

                let original = ModelFolder.Read(Path.Combine(root, "tests", "golden", "sd1"))
                Expect.equal (ModelFolder.Read snapshot.Path).Sha256 original.Sha256 "the same weights"
                Expect.equal (find settings tiny) (Some snapshot) "found again"
                Expect.isEmpty (unfinished settings) "nothing is left over"
                Expect.equal (ask settings tiny).Files 0 "nothing is left to download"

                // The second time only the revision is asked for.
                let before = server.Seen.Length
                Expect.equal (fetch settings tiny) snapshot "the same"
                Expect.equal (server.Seen.Length - before) 1 "requests"))

        testCase "continues a file where the connection was cut" (fun () ->
            withServer sd1 (fun server settings ->
                server.Upset(unet, [ Cut; Cut ])
                let snapshot = fetch settings tiny
                let whole = sd1 |> List.find (fun (path, _) -> path = unet) |> snd
                Expect.equal (File.ReadAllBytes(Path.Combine(snapshot.Path, unet))) whole "contents"

                match server.Fetches unet with
                | [ first; second; third ] ->
                    Expect.equal first.Range None "from the start"
                    Expect.equal second.Range (Some $"bytes={whole.Length / 2}-") "from the middle"
                    Expect.isSome second.IfRange "of the same contents"

                    Expect.equal
                        third.Range
                        (Some $"bytes={whole.Length / 2 + (whole.Length + 1) / 4}-")
                        "from there on"
                | other -> failtestf "%A" other))

        testCase "continues what an earlier download left" (fun () ->
            withServer sd1 (fun server settings ->
                let impatient = settings.With(attempts = 1)
                server.Upset(unet, [ Cut ])

                refusal (fun () -> fetch impatient tiny)
                |> says [ "org/tiny: 127.0.0.1 cannot be reached"; "what was downloaded is kept" ]

                let whole = sd1 |> List.find (fun (path, _) -> path = unet) |> snd
                let left = unfinished settings |> Array.sumBy (fun path -> FileInfo(path).Length)
                Expect.equal left (int64 (whole.Length / 2)) "the first half is kept"
                let total = needed |> List.sumBy (fun (_, bytes) -> int64 bytes.Length)
                Expect.isLessThan (ask settings tiny).Bytes (total - left + 1L) "and counted"
                Expect.isNone (find settings tiny) "half a model is none"

                fetch settings tiny |> ignore

                Expect.equal
                    (server.Fetches unet |> List.map _.Range)
                    [ None; Some $"bytes={whole.Length / 2}-" ]
                    "continued by the next"))

        testCase "begins again where the server cannot continue, or what was left is not of the file" (fun () ->
            withServer sd1 (fun server settings ->
                server.Upset(unet, [ Cut; Whole ])
                fetch settings tiny |> ignore
                Expect.equal (server.Fetches unet).Length 2 "the whole file was sent")

            withServer sd1 (fun server settings ->
                server.Upset(unet, [ Cut ])
                refusal (fun () -> fetch (settings.With(attempts = 1)) tiny) |> ignore
                let left = unfinished settings |> Array.exactlyOne
                File.WriteAllBytes(left, Array.create 100 1uy)
                let snapshot = fetch settings tiny
                let whole = sd1 |> List.find (fun (path, _) -> path = unet) |> snd
                Expect.equal (File.ReadAllBytes(Path.Combine(snapshot.Path, unet))) whole "contents"

                Expect.equal
                    (server.Fetches unet |> List.map _.Range)
                    [ None; Some "bytes=100-"; None ]
                    "thrown away and fetched whole"))

        testCase "waits through a busy hub and a silent line" (fun () ->
            withServer sd1 (fun server settings ->
                let settings = settings.With(patience = 1.0)
                server.Upset(unet, [ Busy; Silent(TimeSpan.FromSeconds 3.0) ])
                fetch settings tiny |> ignore
                Expect.equal (server.Fetches unet).Length 3 "tries"))

        testCase "a wrong hash is refused and thrown away" (fun () ->
            for path in [ unet; "unet/config.json" ] do
                withServer sd1 (fun server settings ->
                    server.Upset(path, [ Damaged ])

                    refusal (fun () -> fetch settings tiny)
                    |> says [
                        $"org/tiny {path}: what came has the hash "
                        "it was thrown away. Type the same command"
                    ]

                    Expect.isEmpty (unfinished settings) "nothing of it is kept"
                    fetch settings tiny |> ignore
                    Expect.isSome (find settings tiny) "the next time all is well"))

        testCase "the token goes to the hub and not to its storage" (fun () ->
            withFolder (fun folder ->
                use server = new HubServer("gated/tiny", commit, sd1)
                let settings = settings folder server.Address
                let gated = HubModel "gated/tiny"

                refusal (fun () -> fetch settings gated)
                |> says [
                    "gated/tiny: the model is gated"
                    $"Accept them at {server.Address}/gated/tiny, then set HF_TOKEN"
                ]

                fetch (settings.With(token = "secret")) gated |> ignore
                Expect.isNonEmpty (server.Fetches unet) "the storage was asked"

                for seen in server.Seen |> List.skip 1 do
                    Expect.equal seen.Token (if seen.Storage then None else Some "Bearer secret") seen.Path))

        testCase "what is not there is named" (fun () ->
            withServer (withHalves sd1) (fun _ settings ->
                refusal (fun () -> ask settings (HubModel "org/none"))
                |> says [
                    "org/none: 127.0.0.1 knows no model of this name (401 Unauthorized)"
                    "set HF_TOKEN"
                ]

                refusal (fun () -> ask settings (HubModel("org/tiny", "v2")))
                |> says [ "org/tiny@v2: it has no revision v2" ]

                refusal (fun () -> ask settings (HubModel("org/tiny", "main", "bf16")))
                |> says [ "(bf16): it has no weights of variant bf16"; "Variants it has: fp16" ]

                refusal (fun () -> ask settings (HubModel("org/tiny", "main", null, "v2.safetensors")))
                |> says [
                    "it has no v2.safetensors"
                    "file = \"safety_checker/model.fp16.safetensors\""
                ]

                Expect.isFalse (Directory.Exists settings.OwnCache) "nothing is written"))

        testCase "offline nothing is asked" (fun () ->
            withServer sd1 (fun server settings ->
                let offline = settings.With(offline = true)

                for attempt in
                    [
                        (fun () -> ask offline tiny |> ignore)
                        (fun () -> fetch offline tiny |> ignore)
                    ] do
                    refusal attempt
                    |> says [
                        "org/tiny: it is not in the cache, and HF_HUB_OFFLINE forbids"
                        "Unset HF_HUB_OFFLINE"
                    ]

                Expect.isEmpty server.Seen "requests"
                fetch settings tiny |> ignore
                Expect.isSome (find offline tiny) "what is there is found"))

        testCase "no hub, a full disk" (fun () ->
            withServer sd1 (fun server settings ->
                refusal (fun () -> fetch (settings.With(free = 1000L)) tiny)
                |> says [ "0.0 GB are free and 0.0 GB are to be downloaded"; "RECIPES_CACHE" ]

                Expect.isEmpty (server.Fetches unet) "nothing was begun"
                server.Stop()

                refusal (fun () -> fetch (settings.With(attempts = 2)) tiny)
                |> says [ "org/tiny: 127.0.0.1 cannot be reached"; "type the same command again" ]))

        testCase "progress counts every byte once" (fun () ->
            withServer sd1 (fun server settings ->
                server.Upset(unet, [ Cut ])
                let told = List<HubProgress>()

                let progress = {
                    new IProgress<HubProgress> with
                        member _.Report value = lock told (fun () -> told.Add value)
                }

                HubStore(settings).FetchAsync(tiny, progress).Wait()
                let last = told[told.Count - 1]
                let total = needed |> List.sumBy (fun (_, bytes) -> int64 bytes.Length)
                Expect.equal (last.Bytes, last.Total) (total, total) "bytes at the end"
                Expect.equal (last.Number, last.Files) (needed.Length, needed.Length) "files at the end"
                Expect.isTrue (told |> Seq.pairwise |> Seq.forall (fun (a, b) -> a.Bytes <= b.Bytes)) "never back"
                Expect.isGreaterThan last.BytesPerSecond 0.0 "rate"))

        testCase "several at once fetch it once" (fun () ->
            withServer sd1 (fun server settings ->
                let found =
                    Array.init 4 (fun _ -> HubStore(settings).FetchAsync tiny)
                    |> Threading.Tasks.Task.WhenAll
                    |> _.GetAwaiter().GetResult()

                Expect.allEqual found found[0] "one result"
                Expect.equal (server.Fetches unet).Length 1 "one download"))

        testCase "a download that is stopped ends, and can go on" (fun () ->
            withServer sd1 (fun server settings ->
                use stop = new CancellationTokenSource()
                server.Upset(unet, [ Silent(TimeSpan.FromSeconds 5.0) ])

                let progress = {
                    new IProgress<HubProgress> with
                        member _.Report value =
                            if value.File = unet then
                                stop.CancelAfter 100
                }

                let stopped =
                    try
                        HubStore(settings).FetchAsync(tiny, progress, stop.Token).Wait()
                        false
                    with :? AggregateException as error ->
                        error.InnerException :? OperationCanceledException

                Expect.isTrue stopped "stopped"

                fetch settings tiny |> ignore
                Expect.isSome (find settings tiny) "whole"))

        testCase "a variant has a folder of its own" (fun () ->
            withServer (withHalves sd1) (fun server settings ->
                let half = HubModel("org/tiny", "main", "fp16")
                let full, halves = fetch settings tiny, fetch settings half

                for snapshot, suffix in [ full, ".safetensors"; halves, ".fp16.safetensors" ] do
                    let weights =
                        files snapshot.Path |> Set.filter (fun path -> path.EndsWith ".safetensors")

                    Expect.equal weights.Count 3 "unet, vae and text encoder"

                    for path in weights do
                        Expect.stringEnds path suffix "precision"
                        Expect.equal (path.Contains ".fp16.") (suffix.Contains ".fp16.") "precision"

                let bytes (snapshot: HubSnapshot) = (ModelFolder.Read snapshot.Path).Sha256

                Expect.notEqual (bytes full) (bytes halves) "other weights"
                Expect.equal (find settings half) (Some halves) "found by its variant"
                // Configs are the same contents and come once.
                let configs =
                    server.Seen |> List.filter (fun seen -> seen.Path.EndsWith "/unet/config.json")

                Expect.equal configs.Length 1 "requests for the same contents"))

        testCase "a sharded network comes with its index" (fun () ->
            let stem = "unet/diffusion_pytorch_model"
            let parts = [ for n in 1..2 -> $"{stem}-0000{n}-of-00002.safetensors" ]

            let names =
                parts |> List.map (fun part -> $"\"{part}\":\"{Path.GetFileName part}\"")

            let sharded = [
                for path, bytes in sd1 do
                    if path <> unet then
                        path, bytes
                $"{stem}.safetensors.index.json",
                Text.Encoding.UTF8.GetBytes $"""{{"weight_map":{{{String.Join(",", names)}}}}}"""
                for part in parts do
                    part, Text.Encoding.UTF8.GetBytes part
            ]

            withServer sharded (fun _ settings ->
                let snapshot = fetch settings tiny
                Expect.containsAll (files snapshot.Path) ($"{stem}.safetensors.index.json" :: parts) "files"
                File.Delete(Path.Combine(snapshot.Path, parts[1]))
                Expect.isNone (find settings tiny) "a part is missing"
                Expect.stringContains (HubStore(settings).Lack tiny) $"{parts[1]}, a part of its weights" "says which")

            withServer (sharded |> List.filter (fun (path, _) -> path <> parts[1])) (fun _ settings ->
                refusal (fun () -> ask settings tiny)
                |> says [ $"{parts[1]}, a part of its weights, is missing" ]))

        testCase "one file of a repository" (fun () ->
            withServer (("v1.safetensors", Array.create 3000 7uy) :: sd1) (fun _ settings ->
                let file = HubModel("org/tiny", "main", null, "v1.safetensors")
                Expect.equal (ask settings file).Files 1 "files"
                let snapshot = fetch settings file
                Expect.equal (File.ReadAllBytes snapshot.Path) (Array.create 3000 7uy) "contents"
                Expect.isNone (find settings tiny) "the folder is not there"))
    ]
