namespace Recipes.Runs

open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Recipes.Core

/// How far a run has come.
[<RequireQualifiedAccess>]
type Stage =
    | Running
    | Interrupted
    | Complete

    override s.ToString() =
        match s with
        | Running -> "running"
        | Interrupted -> "interrupted"
        | Complete -> "complete"

/// What `run.json` keeps: whose run it is, where and how far it has come, and what came of it.
type RunState = {
    Name: string
    /// The plan's hash, 64 hexadecimal digits.
    Plan: string
    Stage: Stage
    Device: string
    /// Threads of each operation: sums depend on it in their last bit, so a run that continues keeps it.
    Threads: int
    /// Figures and files of a complete run.
    Results: JsonObject option
}

module RunState =
    let file = "run.json"

    let private indented = JsonSerializerOptions(WriteIndented = true)

    let toJson (state: RunState) =
        let json = JsonObject()
        json["name"] <- JsonValue.Create state.Name
        json["plan"] <- JsonValue.Create state.Plan
        json["state"] <- JsonValue.Create(string state.Stage)
        json["device"] <- JsonValue.Create state.Device
        json["threads"] <- JsonValue.Create state.Threads

        match state.Results with
        | Some results -> json["results"] <- results.DeepClone()
        | None -> ()

        json

    let save (folder: string) (state: RunState) =
        Disk.writeText (Path.Combine(folder, file)) ((toJson state).ToJsonString indented)

    let private unreadable path fault inner =
        RecipesException(path, fault, "Choose another folder with --out, or delete this one.", inner)

    /// The state of the run in a folder; nothing where there is no run.
    let load (folder: string) : RunState option =
        let path = Path.Combine(folder, file)

        if not (File.Exists path) then
            None
        else
            try
                use document = JsonDocument.Parse(File.ReadAllText path)
                let root = document.RootElement

                let text (name: string) =
                    match root.GetProperty(name).GetString() with
                    | null -> raise (JsonException $"\"{name}\" is null")
                    | value -> value

                let stage =
                    match text "state" with
                    | "running" -> Stage.Running
                    | "interrupted" -> Stage.Interrupted
                    | "complete" -> Stage.Complete
                    | other -> raise (JsonException $"\"state\" is \"{other}\"")

                Some {
                    Name = text "name"
                    Plan = text "plan"
                    Stage = stage
                    Device = text "device"
                    Threads = root.GetProperty("threads").GetInt32()
                    Results =
                        match root.TryGetProperty "results" with
                        | true, results -> Some(results.Clone() |> JsonObject.Create |> nonNull)
                        | false, _ -> None
                }
            with
            | :? JsonException
            | :? System.InvalidOperationException
            | :? System.FormatException
            | :? System.Collections.Generic.KeyNotFoundException as error ->
                raise (unreadable path $"is not the state of a run ({error.Message.TrimEnd '.'})" error)
