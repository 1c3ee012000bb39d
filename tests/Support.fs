module Recipes.Tests.Support

open System
open System.IO
open System.Runtime.CompilerServices
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Kernels
open Recipes.Core.Native

// What tests keep stays out of the user's cache. The folder lasts, so that what is downloaded once is there again.
if String.IsNullOrEmpty(Environment.GetEnvironmentVariable "RECIPES_CACHE") then
    Environment.SetEnvironmentVariable("RECIPES_CACHE", Path.Combine(AppContext.BaseDirectory, "cache"))

// Tests may use TorchSharp before anything of Recipes.Core, which is what makes libtorch findable.
RuntimeHelpers.RunModuleConstructor(typeof<Recipes.Core.RecipesException>.Module.ModuleHandle)

/// The repository's root: the nearest folder above the tests that holds Recipes.sln.
let root =
    let rec up (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "Recipes.sln")) then
            folder.FullName
        else
            match folder.Parent with
            | null -> failwith "Recipes.sln lies in no folder above the tests"
            | parent -> up parent

    up (DirectoryInfo AppContext.BaseDirectory)

/// Where the reference values lie: RECIPES_GOLDEN, or tests/golden.
let golden =
    match Environment.GetEnvironmentVariable "RECIPES_GOLDEN" with
    | null
    | "" -> Path.Combine(root, "tests", "golden")
    | folder -> folder

/// A new empty folder, removed when the test is over.
let withFolder (test: string -> unit) =
    let folder = Directory.CreateTempSubdirectory "recipes-test-"

    try
        test folder.FullName
    finally
        folder.Delete true

/// The greatest difference of two tensors.
let worst (a: torch.Tensor) (b: torch.Tensor) =
    (a - b).abs().max().item<float32>() |> float

/// Passes when the act is refused with a message that holds the part.
let failsWith (part: string) (act: unit -> unit) =
    try
        act ()
        failtest $"nothing was refused where '{part}' was expected"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

/// The work of a test where this program's kernels run; skipped elsewhere.
let onCuda (work: unit -> unit) () =
    if Fused.Available && CudaGraph.Available then
        work ()
    else
        skiptest $"no kernels here: {Fused.Reason}"
