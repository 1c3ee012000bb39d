namespace Recipes.Pretraining

open System.IO
open Recipes

/// A pretraining that has passed every check; only `PretrainingPlan.check` makes one.
[<StructuredFormatDisplay("{Text}"); Sealed>]
type PretrainingPlan internal (data: PretrainingData) =
    let json = lazy (Json.canonical (PretrainingText.json data))
    let hash = lazy (Json.sha256 json.Value)
    member _.Name = data.Name
    /// The full path of the script that it stands in.
    member _.ScriptPath = data.Script
    /// The full path of the folder of the icons.
    member _.Icons = data.Icons
    member _.Scenes = data.Scenes
    /// Which scenes are composed.
    member _.Seed = data.Seed
    member _.Device = data.Device
    /// Every network, in the order in which they are trained.
    member _.Stages = data.Stages
    /// Unseen captions that the result is measured on.
    member _.Captions = data.Captions
    /// Backgrounds of each held-out thing, for the autoencoder's figure.
    member _.Backgrounds = data.Backgrounds
    member _.Denoise = data.Denoise
    member _.Guidance = data.Guidance
    /// The full path of the folder that the run's own folder is made in.
    member _.OutputFolder = data.Outputs
    /// The canonical JSON (RFC 8785).
    member _.Json = json.Value
    /// The SHA-256 of the canonical JSON in 64 hexadecimal digits.
    member _.Hash = hash.Value
    /// The plan as it is read.
    member _.Text = PretrainingText.render hash.Value[..7] data
    override plan.ToString() = plan.Text

    override plan.Equals other =
        match other with
        | :? PretrainingPlan as other -> plan.Hash = other.Hash
        | _ -> false

    override _.GetHashCode() = hash.Value.GetHashCode()

[<RequireQualifiedAccess>]
module PretrainingPlan =
    /// Checks a pretraining of a script, whose folder a relative path of the icons starts at; the results' starts at
    /// the current folder, as a recipe's does. Needs neither icons nor native code.
    let checkScript (script: string option) (pretraining: Pretraining) : Result<PretrainingPlan, Problem list> =
        let data = PretrainingDraft.ofPretraining script pretraining

        let full (folder: string) =
            match script |> Option.map Path.GetDirectoryName with
            | Some(NonNull start) -> Path.GetFullPath(folder, start)
            | _ -> Path.GetFullPath folder

        match PretrainingChecks.findings data pretraining with
        | [] ->
            Ok(
                PretrainingPlan {
                    data with
                        Icons = full data.Icons
                        Outputs = Path.GetFullPath data.Outputs
                }
            )
        | problems -> Error problems

    /// Checks a pretraining whose relative paths start at the current folder.
    let check pretraining = checkScript None pretraining
