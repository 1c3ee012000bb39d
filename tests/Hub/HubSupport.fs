/// What the tests of the hub work on: the committed tiny model, served from this machine.
module Recipes.Tests.Hub.HubSupport

open System
open System.IO
open Recipes.Core.Hub
open Recipes.Tests.Support

let commit = "0123456789abcdef0123456789abcdef01234567"

/// The files of a reference model with / between parts, and with what a real repository has besides.
let filesOf (name: string) : (string * byte array) list =
    let folder = Path.Combine(root, "tests", "golden", name)

    [
        "README.md", "a card"B
        for path in
            Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) do
            Path.GetRelativePath(folder, path).Replace('\\', '/'), File.ReadAllBytes path
        "safety_checker/model.safetensors", Array.zeroCreate 5000
        "unet/diffusion_pytorch_model.bin", Array.zeroCreate 5000
        "v1.ckpt", Array.zeroCreate 5000
    ]

let unet = "unet/diffusion_pytorch_model.safetensors"

/// The same with weights of another precision beside the full ones, told apart by one byte at their end.
let withHalves (files: (string * byte array) list) = [
    for path, bytes in files do
        path, bytes

        if path.EndsWith ".safetensors" then
            let half = Array.copy bytes
            half[half.Length - 1] <- half[half.Length - 1] ^^^ 1uy
            path.Replace(".safetensors", ".fp16.safetensors"), half
]

type HubSettings with

    /// The same with some of them changed.
    member settings.With(?attempts, ?patience: float, ?token: string, ?offline, ?free: int64) =
        HubSettings(
            Endpoint = settings.Endpoint,
            Token = (token |> Option.orElse (Option.ofObj settings.Token) |> Option.toObj),
            Offline = defaultArg offline settings.Offline,
            SharedCache = settings.SharedCache,
            OwnCache = settings.OwnCache,
            Attempts = defaultArg attempts settings.Attempts,
            Pause = TimeSpan.FromMilliseconds 1.0,
            Patience = TimeSpan.FromSeconds(defaultArg patience 10.0),
            FreeSpace = (fun folder -> defaultArg free (settings.FreeSpace.Invoke folder))
        )

/// Settings with both caches in the folder.
let settings (folder: string) (address: string) =
    let variable name : string | null =
        match name with
        | "HF_HOME" -> Path.Combine(folder, "hf")
        | "RECIPES_CACHE" -> Path.Combine(folder, "own")
        | "HF_ENDPOINT" -> address
        | _ -> null

    (HubSettings.Read variable).With()

/// A test with a server of the tiny model and the settings that lead to it.
let withServer files (test: HubServer -> HubSettings -> unit) =
    withFolder (fun folder ->
        use server = new HubServer("org/tiny", commit, files)
        test server (settings folder server.Address))

/// Writes the files as the huggingface_hub library does: blobs, links to them, and the commit of `main`.
let writeShared (settings: HubSettings) (files: (string * byte array) list) =
    let repository = Path.Combine(settings.SharedCache, "models--org--tiny")
    let folder = Path.Combine(repository, "snapshots", commit)
    Directory.CreateDirectory(Path.Combine(repository, "blobs")) |> ignore
    Directory.CreateDirectory(Path.Combine(repository, "refs")) |> ignore
    File.WriteAllText(Path.Combine(repository, "refs", "main"), commit)

    for path, bytes in files do
        let hash = Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes)

        let blob = Path.Combine(repository, "blobs", hash)
        File.WriteAllBytes(blob, bytes)
        let link = Path.Combine(folder, path)
        let parent = Path.GetDirectoryName link |> nonNull
        Directory.CreateDirectory parent |> ignore
        File.CreateSymbolicLink(link, Path.GetRelativePath(parent, blob)) |> ignore

    folder

let fetch (settings: HubSettings) (model: HubModel) =
    HubStore(settings).FetchAsync(model).GetAwaiter().GetResult()

let ask (settings: HubSettings) (model: HubModel) =
    HubStore(settings).AskAsync(model).GetAwaiter().GetResult()

let find (settings: HubSettings) (model: HubModel) : HubSnapshot option =
    HubStore(settings).Find model |> Option.ofObj

let tiny = HubModel "org/tiny"
