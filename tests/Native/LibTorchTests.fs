module Recipes.Tests.LibTorchTests

open System
open System.Diagnostics
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Native

let private beside (file: string) =
    Path.Combine(AppContext.BaseDirectory, file)

/// Runs a script in dotnet fsi and gives its exit code, output and errors.
let private fsi (settings: (string * string) list) (script: string) =
    let start =
        ProcessStartInfo("dotnet", [ "fsi"; "--quiet"; "--nologo"; script ], RedirectStandardOutput = true)

    start.RedirectStandardError <- true

    for name, value in settings do
        start.Environment[name] <- value

    use run = Process.Start start |> Option.ofObj |> Option.get
    let errors = run.StandardError.ReadToEndAsync()
    let output = run.StandardOutput.ReadToEnd()

    if not (run.WaitForExit(TimeSpan.FromMinutes 3.0)) then
        run.Kill true
        failtest "dotnet fsi did not end"

    run.ExitCode, output.Trim(), errors.Result.Trim()

/// A script whose first use of TorchSharp is through a layer of Recipes.Core.
let private layerScript =
    $"""
#r @"{beside "TorchSharp.dll"}"
#r @"{beside "Recipes.Core.dll"}"
open TorchSharp
try
    let layer = new Recipes.Core.Networks.Layers.Linear(3L, 1L, false)
    layer.Weight.detach().fill_(2.0f) |> ignore
    printf "%%g" (layer.forward(torch.ones(1L, 3L)).item<float32>())
with :? Recipes.Core.RecipesException as e -> printf "%%s" e.Message
"""

let private runLayer settings =
    let mutable result = 0, "", ""

    Support.withFolder (fun folder ->
        let script = Path.Combine(folder, "layer.fsx")
        File.WriteAllText(script, layerScript)
        result <- fsi settings script)

    result

let private refusal (action: unit -> unit) =
    try
        action ()
        failtest "it was accepted"
    with :? RecipesException as e ->
        e

[<Tests>]
let tests =
    testList "libtorch" [
        testCase "multiplies matrices" (fun () ->
            use a =
                torch.arange(Scalar.op_Implicit 1.0f, Scalar.op_Implicit 7.0f).reshape(2L, 3L)

            use product = a.mm (a.t ())
            Expect.equal (product.data<float32>().ToArray()) [| 14.0f; 32.0f; 32.0f; 77.0f |] "a times its transpose")

        testCase "says which files it is" (fun () ->
            let info = LibTorch.Load()
            Expect.isTrue (File.Exists(Path.Combine(info.Folder, Places.FileName "torch_cpu"))) $"in {info.Folder}"
            Expect.isTrue (File.Exists info.Library) info.Library
            Expect.stringContains (info.ToString()) info.Folder "the text names the folder"
            Expect.isMatch info.Version @"^\d+\.\d+" "a version"
            Expect.equal info.Cuda (torch.cuda.is_available ()) "CUDA"

            if OperatingSystem.IsLinux() then
                let mapped = File.ReadAllLines "/proc/self/maps"
                let uses (file: string) = mapped |> Array.exists _.EndsWith(file)
                Expect.isTrue (uses info.Library) "TorchSharp's library is that one"
                Expect.equal info.Mended (info.Library.Contains "libLibTorchSharp-") "mended copies carry a hash")

        testCase "refuses another folder once it is loaded, and folders without libtorch" (fun () ->
            let info = LibTorch.Load()
            LibTorch.Use info.Folder

            Support.withFolder (fun folder ->
                let empty = refusal (fun () -> LibTorch.Use folder)
                Expect.stringContains empty.Message folder "the empty folder"

                for name in [ "c10"; "torch_cpu" ] do
                    File.WriteAllText(Path.Combine(folder, Places.FileName name), "")

                let late = refusal (fun () -> LibTorch.Use folder)
                Expect.stringContains late.Message info.Folder "the one in use"
                let nested = Directory.CreateDirectory(Path.Combine(folder, "torch")).FullName
                Directory.Move(folder, folder + "-moved")
                Directory.CreateDirectory folder |> ignore
                Directory.Delete(folder + "-moved/torch")
                Directory.Move(folder + "-moved", Path.Combine(folder, "lib"))
                let near = refusal (fun () -> LibTorch.Use folder)
                Expect.stringContains near.Cure (Path.Combine(folder, "lib")) $"the way from {nested}"))

        testCase "works in dotnet fsi" (fun () ->
            let code, output, errors = runLayer []
            Expect.equal (code, output) (0, "6") errors
            Expect.equal errors "" "nothing else is said")

        testCase "a wrong folder is an error of few lines in dotnet fsi" (fun () ->
            let code, output, errors = runLayer [ "RECIPES_LIBTORCH", "/no/such/libtorch" ]
            Expect.equal code 0 errors
            Expect.stringContains output "RECIPES_LIBTORCH: there is no folder /no/such/libtorch" "what is wrong"
            Expect.isLessThanOrEqual (output.Split('\n').Length) 6 output
            Expect.equal errors "" "no page of TorchSharp's own")
    ]
