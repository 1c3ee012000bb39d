module Recipes.Tests.Hub.SharedCacheTests

open System.IO
open Expecto
open Recipes.Core
open Recipes.Core.Hub
open Recipes.Core.Weights
open Recipes.Tests.Support
open Recipes.Tests.Hub.HubSupport

let private sd1 = filesOf "sd1"

let private halves =
    sd1
    |> withHalves
    |> List.filter (fun (path, _) -> path.Contains ".fp16." || not (path.EndsWith ".safetensors"))

let private half = HubModel("org/tiny", "main", "fp16")

/// Every file and link below a folder, with what it holds or leads to.
let private picture (folder: string) =
    [
        for path in Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories) do
            let info = FileInfo path
            path, info.LinkTarget, info.LastWriteTimeUtc
    ]
    |> List.sortBy (fun (path, _, _) -> path)

let private withCache files (test: HubSettings -> string -> unit) =
    withFolder (fun folder ->
        let settings = settings folder "http://127.0.0.1:1"
        let snapshot = writeShared settings files
        let before = picture settings.SharedCache
        test (settings.With(offline = true)) snapshot
        Expect.equal (picture settings.SharedCache) before "the shared cache is as it was")

[<Tests>]
let tests =
    testList "hub" [
        testList "shared cache" [
            testCase "a complete snapshot is used as it lies" (fun () ->
                withCache sd1 (fun settings folder ->
                    for revision in [ "main"; commit ] do
                        match find settings (HubModel("org/tiny", revision)) with
                        | Some found ->
                            Expect.equal (found.Path, found.Commit, found.Shared) (folder, commit, true) revision
                            Expect.equal (ModelFolder.Read found.Path).Family "SD1" "it loads"
                        | None -> failtest revision

                    Expect.isNone (find settings (HubModel("org/tiny", "v2"))) "another revision"
                    Expect.isNone (find settings (HubModel "org/other")) "another model"))

            for name, without in
                [
                    "no model_index.json", "model_index.json"
                    "no config", "vae/config.json"
                    "no vocabulary", "tokenizer/vocab.json"
                    "no weights", unet
                ] do
                testCase $"incomplete: {name}" (fun () ->
                    withCache (sd1 |> List.filter (fun (path, _) -> path <> without)) (fun settings _ ->
                        Expect.isNone (find settings tiny) name
                        Expect.stringContains (HubStore(settings).Lack tiny) "is not complete: " "says why"))

            testCase "incomplete: a link to nothing" (fun () ->
                withFolder (fun folder ->
                    let settings = settings folder "http://127.0.0.1:1"
                    let snapshot = writeShared settings sd1
                    let target = FileInfo(Path.Combine(snapshot, unet)).ResolveLinkTarget true
                    File.Delete (nonNull target).FullName
                    Expect.isNone (find settings tiny) "broken"

                    Expect.stringEnds
                        (HubStore(settings).Lack tiny)
                        "the only weights of unet are diffusion_pytorch_model.bin, a pickle, which may run code"
                        "says why"))

            testCase "half precision alone is that variant and not the other" (fun () ->
                withCache halves (fun settings folder ->
                    Expect.equal (find settings half |> Option.map _.Path) (Some folder) "fp16"
                    Expect.isNone (find settings tiny) "full"

                    Expect.stringContains
                        (HubStore(settings).Lack tiny)
                        "unet has weights of variant fp16 only"
                        "says why"

                    match List.ofSeq (HubCatalogue.List settings) with
                    | [ entry ] ->
                        Expect.equal (entry.Id, entry.Variant, entry.Lack) ("org/tiny", "fp16", null) "listed"
                    | other -> failtestf "%A" other))

            testCase "both precisions: the one that is meant is what a loader finds" (fun () ->
                withCache (withHalves sd1) (fun settings folder ->
                    let full = find settings tiny |> Option.get
                    let halved = find settings half |> Option.get
                    Expect.equal full.Path folder "full"

                    let weights =
                        (ModelFolder.Read halved.Path).Weights.Values |> Seq.concat |> List.ofSeq

                    Expect.all weights (fun path -> path.EndsWith ".fp16.safetensors") "fp16"

                    Expect.notEqual
                        (ModelFolder.Read halved.Path).Sha256
                        (ModelFolder.Read full.Path).Sha256
                        "contents"))

            testCase "what a snapshot has is not downloaded again" (fun () ->
                withFolder (fun folder ->
                    use server = new HubServer("org/tiny", commit, sd1)
                    let settings = settings folder server.Address

                    writeShared settings (sd1 |> List.filter (fun (path, _) -> path <> "vae/config.json"))
                    |> ignore

                    let before = picture settings.SharedCache
                    Expect.isLessThan (ask settings tiny).Files 12 "weights are there"
                    let snapshot = fetch settings tiny
                    Expect.isFalse snapshot.Shared "our own"
                    Expect.isEmpty (server.Fetches unet) "not fetched"
                    Expect.equal (picture settings.SharedCache) before "the shared cache is as it was"
                    Expect.equal (ModelFolder.Read snapshot.Path).Family "SD1" "it loads"))
        ]

        testCase "the environment says where to look" (fun () ->
            let read (variables: (string * string) list) =
                HubSettings.Read(fun name ->
                    variables |> List.tryFind (fst >> (=) name) |> Option.map snd |> Option.toObj)

            let home =
                System.Environment.GetFolderPath System.Environment.SpecialFolder.UserProfile

            let plain = read []
            Expect.equal plain.SharedCache (Path.Combine(home, ".cache", "huggingface", "hub")) "default"
            Expect.equal plain.OwnCache (Path.Combine(home, ".cache", "recipes", "hub")) "own"
            Expect.equal plain.Endpoint.AbsoluteUri "https://huggingface.co/" "endpoint"
            Expect.isFalse plain.Offline "online"
            let xdg = read [ "XDG_CACHE_HOME", "/x" ]
            Expect.equal (xdg.SharedCache, xdg.OwnCache) ("/x/huggingface/hub", "/x/recipes/hub") "XDG"

            let own =
                read [
                    "HF_HOME", "~/h"
                    "RECIPES_CACHE", "/r"
                    "HF_HUB_OFFLINE", "true"
                    "HF_TOKEN", " t "
                ]

            Expect.equal (own.SharedCache, own.OwnCache) (Path.Combine(home, "h", "hub"), "/r/hub") "HF_HOME"
            Expect.equal (own.Offline, own.Token) (true, "t") "offline, token"
            Expect.isFalse (own.ToString().Contains "Token") "no secret in logs"
            Expect.equal (read [ "HF_HUB_CACHE", "/c"; "HF_HOME", "/h" ]).SharedCache "/c" "HF_HUB_CACHE"

            for variables, fault in
                [
                    [ "HF_ENDPOINT", "hub" ], "HF_ENDPOINT: \"hub\" is no web address"
                    [ "HF_TOKEN", "a b" ], "HF_TOKEN: its text is no token"
                ] do
                let error = Expect.throwsC (fun () -> read variables |> ignore) _.Message
                Expect.stringStarts error fault "named")

        testCase "names that cannot be" (fun () ->
            for build in
                [
                    fun () -> HubModel "a/b/c"
                    fun () -> HubModel "../etc"
                    fun () -> HubModel("org/name", "../main")
                    fun () -> HubModel("org/name", "main", "fp 16")
                    fun () -> HubModel("org/name", "main", null, "../x.safetensors")
                    fun () -> HubModel("org/name", "main", null, "model.ckpt")
                ] do
                Expect.throwsT<RecipesException> (build >> ignore) "refused")

        testCase "a file that would leave the cache is refused" (fun () ->
            withServer (("../../evil.safetensors", [| 1uy |]) :: sd1) (fun _ settings ->
                Expect.throwsT<RecipesException> (fun () -> fetch settings tiny |> ignore) "refused"

                Expect.isFalse
                    (Directory.Exists(
                        Path.Combine(settings.OwnCache, "models--org--tiny", "snapshots", commit, "unet")
                    ))
                    "nothing is there"))
    ]
