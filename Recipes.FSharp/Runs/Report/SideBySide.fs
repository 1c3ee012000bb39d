namespace Recipes.Runs

open Recipes
open Recipes.Core.Imaging

/// The order in which a run's pictures stand beside each other: hints, before, other ways, after.
[<RequireQualifiedAccess>]
module internal SideBySide =
    /// `compared` are the names of the other ways.
    let columns (plan: Plan) (compared: string list) =
        match plan.Controls with
        | [] -> [| "before"; yield! compared; "after" |]
        | [ _ ] -> [| "hint"; "uncontrolled"; "controlled" |]
        | controls -> [|
            for control in controls do
                $"{control.Kind} hint"

            "uncontrolled"
            "controlled"
          |]

    /// A row for each shot, from columns that hold an item for each shot.
    let rows (hints: 'item list list) (before: 'item list) (compared: 'item list list) (after: 'item list) =
        [ yield! hints; before; yield! compared; after ]
        |> List.transpose
        |> List.map List.toArray

    /// F1 of each picture's edges with those of all its hints.
    let agreements (plan: Plan) (hints: Image list list) (images: Image list) =
        Controlling.together plan hints images |> List.map (Numbers.decimals 2)

    /// How far each picture agrees with its hints: with each, and with all where there are several.
    let remarks (plan: Plan) (hints: Image list list) (images: Image list) =
        let each = Controlling.agreements plan hints images

        [
            for index, together in List.indexed (agreements plan hints images) ->
                match plan.Controls with
                | [ _ ] -> $"F1 {together}"
                | controls ->
                    [
                        for control, values in List.zip controls each do
                            $"{control.Kind} {Numbers.decimals 2 values[index]}"

                        $"F1 of all {together}"
                    ]
                    |> String.concat ", "
        ]
