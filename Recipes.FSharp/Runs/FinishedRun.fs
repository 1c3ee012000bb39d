namespace Recipes.Runs

open Recipes
open Recipes.Core

/// Finds what an earlier run of a plan has left.
[<RequireQualifiedAccess>]
module internal FinishedRun =
    /// The run's folder. `run` is the folder that run folders are made in, or a run's own; the plan's own where nothing
    /// is given.
    let find (plan: Plan) (run: string option) =
        let parent = run |> Option.defaultValue plan.OutputFolder
        let place = RunFolder.Place(parent, plan.Name, plan.Hash)

        match RunFolder.Look(place, plan.Hash) with
        | Found.Finished _ -> place
        | found ->
            let fault =
                match found with
                | Found.Unfinished _ -> "the run of this plan is not finished"
                | _ -> "there is no run of this plan"

            raise (
                RecipesException(
                    place,
                    fault,
                    "Type `recipes run` with the same script and settings first, or name its folder with --run."
                )
            )
