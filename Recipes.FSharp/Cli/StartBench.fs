namespace Recipes.Cli

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Reflection
open Recipes.Core
open Recipes.Core.Imaging

/// When a process reached its stages, in seconds since it was started, and its processor time in all.
type StartTimes = {
    /// The program runs.
    Main: float
    /// The script is evaluated and its plan checked.
    Read: float
    /// libtorch, the model and the adapter are loaded.
    Loaded: float
    /// The first denoising step is done.
    First: float
    Cpu: float
} with

    /// The median of each.
    static member Median(times: StartTimes list) =
        let median (stage: StartTimes -> float) =
            let sorted = times |> List.map stage |> List.sort
            (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0

        {
            Main = median _.Main
            Read = median _.Read
            Loaded = median _.Loaded
            First = median _.First
            Cpu = median _.Cpu
        }

/// Starts of the same script.
type StartFigures = {
    /// With no compiled script in the cache.
    Compiling: StartTimes list
    /// After one of those.
    Again: StartTimes list
}

/// The stages of this process, for `sample --first-step`.
[<RequireQualifiedAccess>]
module Stages =
    let private since () =
        use self = Process.GetCurrentProcess()
        (DateTime.Now - self.StartTime).TotalSeconds, self.TotalProcessorTime.TotalSeconds

    let mutable private main = 0.0
    let mutable private read = 0.0
    let mutable private loaded = 0.0

    let private field (value: float) =
        value.ToString("0.000", CultureInfo.InvariantCulture)

    let began () = main <- fst (since ())
    let scriptRead () = read <- fst (since ())
    let modelLoaded () = loaded <- fst (since ())

    /// The first step is done: tells all stages, and ends the process.
    let firstStep () =
        let first, cpu = since ()

        [ main; read; loaded; first; cpu ]
        |> List.map field
        |> String.concat " "
        |> Console.Out.WriteLine

        exit 0

    let parse (line: string) =
        match
            line.Trim().Split ' '
            |> Array.map (fun part -> Double.Parse(part, CultureInfo.InvariantCulture))
        with
        | [| main; read; loaded; first; cpu |] -> {
            Main = main
            Read = read
            Loaded = loaded
            First = first
            Cpu = cpu
          }
        | _ -> raise (FormatException $"`{line}` tells no stages")

/// Measures `recipes sample` on the embedded model, in processes of their own.
[<RequireQualifiedAccess>]
module StartBench =
    let private script (library: string) = [
        $"#r @\"{library}\""
        "open Recipes"
        "let robot = subject \"robot\" {"
        "    token \"sks\""
        "    images \"pictures\""
        "}"
        "recipe \"start\" Models.pocket {"
        "    learn robot"
        "    adapt (lora 4<rank>)"
        "    train { steps 1<step> }"
        "    draw { denoise 20<step>; guidance 4.0; seeds [ 1 ] }"
        "    sample $\"a photo of {robot}\""
        "}"
        "|> Session.submit"
    ]

    let private cache (folder: string) = Path.Combine(folder, "cache")

    let private child (folder: string) (args: string list) =
        let program =
            Environment.ProcessPath
            |> Option.ofObj
            |> Option.defaultWith (fun () -> raise (InvalidOperationException "this process has no path"))

        let assembly = Assembly.GetExecutingAssembly().Location
        let hosted = Path.GetFileNameWithoutExtension program = "dotnet"

        let start =
            ProcessStartInfo(program, WorkingDirectory = folder, RedirectStandardOutput = true)

        start.Environment["RECIPES_CACHE"] <- cache folder

        for argument in (if hosted then assembly :: args else args) do
            start.ArgumentList.Add argument

        use child = nonNull (Process.Start start)
        let output = child.StandardOutput.ReadToEnd()
        child.WaitForExit()

        if child.ExitCode <> 0 then
            let command = String.concat " " args

            raise (
                RecipesException(
                    $"recipes {command}",
                    $"it ended with exit code {child.ExitCode}",
                    "Cure what it says above, and measure again."
                )
            )

        output

    /// Trains one step in a folder, then starts `recipes sample` on the result again and again: with an empty cache of
    /// compiled scripts, and with a filled one.
    let run (folder: string) (runs: int) : StartFigures =
        let path = Path.Combine(folder, "start.fsx")
        let pictures = Directory.CreateDirectory(Path.Combine(folder, "pictures")).FullName
        File.WriteAllLines(path, script typeof<Recipes.Plan>.Assembly.Location)

        ImageFile.WritePng(
            Path.Combine(pictures, "grey.png"),
            Image(128, 128, Array.init (3 * 128 * 128) (fun i -> byte (i % 251)))
        )

        let out = Path.Combine(folder, "run")
        child folder [ "run"; path; "--out"; out; "--quiet" ] |> ignore

        let start () =
            child folder [ "sample"; path; "--run"; out; "--count"; "1"; "--quiet"; "--first-step" ]
            |> Stages.parse

        let compiling, again =
            List.init runs (fun _ ->
                let compiled = ScriptCache.Folder(cache folder)

                if Directory.Exists compiled then
                    Directory.Delete(compiled, true)

                let compiling = start ()
                compiling, start ())
            |> List.unzip

        { Compiling = compiling; Again = again }
