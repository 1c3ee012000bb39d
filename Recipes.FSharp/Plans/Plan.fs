namespace Recipes

open Recipes.Core.Hub
open Recipes.Plans

/// A recipe that has passed every check; only a plan can run, and only `Plan.check` makes one.
[<StructuredFormatDisplay("{Text}"); Sealed>]
type Plan internal (data: PlanData) =
    let json = lazy (Json.canonical (PlanJson.json data))
    let hash = lazy (Json.sha256 json.Value)

    /// The recipe's name: letters, digits, `-`, `_` and `.`.
    member _.Name = data.Name
    /// The full path of the script that the recipe stands in.
    member _.ScriptPath = data.Script
    member _.Model = data.Model
    /// The full path of the base model's folder.
    member _.ModelFolder = data.Model.Folder
    member _.Subjects = data.Subjects
    /// What is trained.
    member _.Method = data.Method
    /// Whether anything is trained.
    member _.Trains = data.Method <> PlannedMethod.Nothing
    member _.Budget = data.Budget
    /// How samples and class pictures are drawn.
    member _.Draw = data.Drawing
    member _.Samples = data.Samples
    /// What leads the samples besides their prompts.
    member _.Controls = data.Controls
    /// Of a plan for an upscaler: what it says beside its training.
    member _.Upscaling = data.Upscaling
    /// The plan for an upscaler of what is drawn.
    member _.Enlarge = data.Enlarge |> Option.map Plan
    /// The plans whose results are merged.
    member _.Parts = data.Parts |> List.map Plan
    /// The full path of the folder that the run's own folder is made in.
    member _.OutputFolder = data.Outputs
    /// What is doubtful, but no reason to refuse.
    member _.Warnings = data.Warnings
    /// What follows from the settings: pictures seen, work, memory and disk; one line each.
    member _.Notes = PlanText.notes data
    /// The canonical JSON (RFC 8785).
    member _.Json = json.Value
    /// The SHA-256 of the canonical JSON in 64 hexadecimal digits.
    member _.Hash = hash.Value
    /// The first eight digits of the hash.
    member _.ShortHash = hash.Value[..7]
    /// The plan as it is read.
    member plan.Text = PlanText.render plan.ShortHash data
    override plan.ToString() = plan.Text

    override plan.Equals other =
        match other with
        | :? Plan as other -> plan.Hash = other.Hash
        | _ -> false

    override plan.GetHashCode() = hash.Value.GetHashCode()

[<RequireQualifiedAccess>]
module Plan =
    /// As `checkScript`, with these settings of the hub.
    let internal checkWith settings (script: string option) (recipe: Recipe) : Result<Plan, Problem list> =
        Checking.data false settings script recipe |> Result.map Plan

    /// Checks the recipe of a script, whose folder relative paths start at; without a script they start at the current
    /// folder. Gives the plan, or every problem at once: errors first, then warnings. Nothing is downloaded.
    let checkScript (script: string option) (recipe: Recipe) : Result<Plan, Problem list> =
        checkWith HubSettings.FromEnvironment script recipe

    /// Checks a recipe whose relative paths start at the current folder.
    let check (recipe: Recipe) : Result<Plan, Problem list> = checkScript None recipe
