module Recipes.Tests.RunFolderTests

open System
open System.IO
open System.Text.Json.Nodes
open Expecto
open Recipes.Core
open Recipes.Runs
open Recipes.Tests.Support

let private hash = String('a', 64)
let private other = String('b', 64)

let private state stage = {
    Name = "dog"
    Plan = hash
    Stage = stage
    Device = "cpu"
    Threads = 2
    Results = None
}

let private fault (work: unit -> unit) =
    try
        work ()
        failtest "nothing was refused"
    with :? RecipesException as error ->
        error

[<Tests>]
let tests =
    testList "run folder" [
        test "it is named by recipe and plan" { Expect.equal (RunFolder.Name("dog", hash)) "dog-aaaaaaaa" "" }

        test "a new folder and an empty one hold nothing" {
            withFolder (fun folder ->
                Expect.equal (RunFolder.Look(Path.Combine(folder, "new"), hash)) Found.Nothing "new"
                Expect.equal (RunFolder.Look(folder, hash)) Found.Nothing "empty")
        }

        test "the same plan continues or is finished" {
            withFolder (fun folder ->
                for stage in [ Stage.Running; Stage.Interrupted ] do
                    RunState.save folder (state stage)
                    Expect.equal (RunFolder.Look(folder, hash)) (Found.Unfinished(state stage)) (string stage)

                let results = JsonObject()
                results["clip_i"] <- JsonValue.Create 0.5

                RunState.save folder {
                    state Stage.Complete with
                        Results = Some results
                }

                match RunFolder.Look(folder, hash) with
                | Found.Finished { Results = Some read } ->
                    Expect.equal (read.ToJsonString()) (results.ToJsonString()) "results survive"
                | found -> failtest $"{found}")
        }

        test "another plan's folder is refused and left as it was" {
            withFolder (fun folder ->
                RunState.save folder (state Stage.Complete)
                let before = File.ReadAllBytes(Path.Combine(folder, RunState.file))
                let error = fault (fun () -> RunFolder.Look(folder, other) |> ignore)
                Expect.stringContains error.Fault "another plan (dog, plan aaaaaaaa; this is bbbbbbbb)" ""
                Expect.stringContains error.Cure "--out" ""
                let after = Directory.GetFiles folder
                Expect.equal after.Length 1 "no file came"
                Expect.sequenceEqual (File.ReadAllBytes after[0]) before "no byte changed")
        }

        test "a folder of other files is refused" {
            withFolder (fun folder ->
                File.WriteAllText(Path.Combine(folder, "thesis.tex"), "words")
                let error = fault (fun () -> RunFolder.Look(folder, hash) |> ignore)
                Expect.stringContains error.Fault "\"thesis.tex\"" "")
        }

        test "a damaged state is an error, not a new run" {
            withFolder (fun folder ->
                for text in [ ""; "{"; "[]"; "{}"; """{"name":1}"""; """{"state":"resting"}""" ] do
                    File.WriteAllText(Path.Combine(folder, RunState.file), text)
                    let error = fault (fun () -> RunFolder.Look(folder, hash) |> ignore)
                    Expect.stringContains error.Fault "not the state of a run" text)
        }

        test "one process at a time" {
            withFolder (fun folder ->
                let first = RunFolder.Hold folder
                let error = fault (fun () -> RunFolder.Hold folder |> ignore)
                Expect.stringContains error.Fault "another process" ""
                (first :> IDisposable).Dispose()
                use _ = RunFolder.Hold folder
                ())
        }

        test "a fresh start deletes what runs write and nothing else" {
            withFolder (fun folder ->
                RunState.save folder (state Stage.Complete)
                File.WriteAllText(Path.Combine(folder, "dog.safetensors"), "")
                File.WriteAllText(Path.Combine(folder, "notes.txt"), "mine")
                Directory.CreateDirectory(Path.Combine(folder, "samples")) |> ignore
                use held = RunFolder.Hold folder
                held.Clear()

                let left =
                    Directory.GetFileSystemEntries folder
                    |> Array.map Path.GetFileName
                    |> Array.sort

                Expect.sequenceEqual left [| "notes.txt"; "run.lock" |] "")
        }

        test "scripts keep their places relative to each other" {
            withFolder (fun folder ->
                let write (path: string) =
                    let full = Path.Combine(folder, path)
                    Directory.CreateDirectory(nonNull (Path.GetDirectoryName full)) |> ignore
                    File.WriteAllText(full, path)
                    full

                let files = [ write "a/main.fsx"; write "a/deep/part.fsx"; write "b/_recipes.fsx" ]
                let copy = Path.Combine(folder, "copy")
                ScriptCopy.save copy files

                for path in [ "a/main.fsx"; "a/deep/part.fsx"; "b/_recipes.fsx" ] do
                    Expect.equal (File.ReadAllText(Path.Combine(copy, path))) path path)
        }
    ]
