namespace Recipes.Runs

open System
open System.Text.Json.Nodes
open Recipes

/// How a plan is to be run.
type CookOptions = {
    /// The source files that the plan came from, kept with the run.
    ScriptFiles: string list
    /// The folder that run folders are made in; the plan's own where nothing is given.
    Out: string option
    /// Start again, whatever an earlier run left.
    Fresh: bool
    /// The root of the cache of class pictures.
    Cache: string
    /// The CLIP model that scores, in the layout of the transformers library.
    Scorer: string
}

/// How a run ended.
[<RequireQualifiedAccess>]
type Outcome =
    | Finished of folder: string * state: RunState
    /// It had been finished before; nothing was done.
    | Already of folder: string * state: RunState
    /// It was stopped, and continues when it is run again.
    | Stopped of folder: string

/// What every run has, whatever it makes.
type internal Frame = {
    Name: string
    /// The plan's hash, 64 hexadecimal digits.
    Hash: string
    /// The plan's canonical JSON.
    Json: string
    Device: Device
    /// The folder that the run's own folder is made in, where the options name none.
    OutputFolder: string
    /// Bytes that the run may write.
    Space: int64
}

/// A run's folder around its work: found or made, held, and marked with how far it has come.
[<RequireQualifiedAccess>]
module internal Frame =
    let private beginning (frame: Frame) = {
        Name = frame.Name
        Plan = frame.Hash
        Stage = Stage.Running
        Device = string frame.Device
        Threads = Machine.threads
        Results = None
    }

    /// Works in the run's folder: from the start, from where an earlier run was stopped, or not at all where one is
    /// finished. The work gives its results, and throws OperationCanceledException where it was stopped.
    let run (frame: Frame) options (tell: RunProgress -> unit) (work: RunFolder -> RunState -> JsonObject) : Outcome =
        let parent = options.Out |> Option.defaultValue frame.OutputFolder
        let place = RunFolder.Place(parent, frame.Name, frame.Hash)

        match RunFolder.Look(place, frame.Hash) with
        | Found.Finished state when not options.Fresh -> Outcome.Already(place, state)
        | _ ->
            Disk.requireSpace place frame.Space
            use folder = RunFolder.Hold place

            // Looked at again now that no other process can change it.
            match RunFolder.Look(place, frame.Hash) with
            | Found.Finished state when not options.Fresh -> Outcome.Already(place, state)
            | found ->
                let state =
                    match found with
                    | Found.Unfinished state when not options.Fresh ->
                        tell (RunProgress.Note $"continuing the run in {place}")
                        { state with Stage = Stage.Running }
                    | Found.Nothing
                    | Found.Unfinished _
                    | Found.Finished _ ->
                        folder.Clear()
                        beginning frame

                // First of all files: it makes the folder a run's.
                RunState.save place state

                try
                    Disk.writeText (folder.File "plan.json") frame.Json
                    ScriptCopy.save (folder.File "script") options.ScriptFiles

                    let results =
                        Disk.guard place (fun () -> Machine.guard frame.Device (fun () -> work folder state))

                    let state = {
                        state with
                            Stage = Stage.Complete
                            Results = Some results
                    }

                    RunState.save place state
                    Outcome.Finished(place, state)
                with :? OperationCanceledException ->
                    RunState.save place { state with Stage = Stage.Interrupted }
                    Outcome.Stopped place
