namespace Recipes

/// The lines of a recipe by their kinds, in the order in which they were written.
[<RequireQualifiedAccess>]
module internal RecipeLines =
    let private collect chooser (recipe: Recipe) =
        recipe.Parts |> List.choose chooser |> List.concat

    let trainParts =
        collect (fun part ->
            match part with
            | RecipePart.Train parts -> Some parts
            | _ -> None)

    let drawParts =
        collect (fun part ->
            match part with
            | RecipePart.Draw parts -> Some parts
            | _ -> None)

    let outputParts =
        collect (fun part ->
            match part with
            | RecipePart.Outputs parts -> Some parts
            | _ -> None)

    let merges =
        collect (fun part ->
            match part with
            | RecipePart.Merge(way, recipes) -> Some [ way, recipes ]
            | _ -> None)

    let againsts =
        collect (fun part ->
            match part with
            | RecipePart.Against way -> Some [ way ]
            | _ -> None)

    /// The subjects that it learns, and those of what it merges.
    let rec subjects (recipe: Recipe) : Subject list =
        recipe.Parts
        |> List.collect (fun part ->
            match part with
            | RecipePart.Learn subject -> [ subject ]
            | RecipePart.Merge(_, recipes) -> recipes |> List.collect subjects
            | _ -> [])

    let themes =
        collect (fun part ->
            match part with
            | RecipePart.Data theme -> Some [ theme ]
            | _ -> None)

    let measuringFolders =
        collect (fun part ->
            match part with
            | RecipePart.MeasureOn folder -> Some [ folder ]
            | _ -> None)

    let private levels (chooser: RecipePart -> int option) =
        collect (chooser >> Option.map List.singleton)

    let noiseUpTo =
        levels (fun part ->
            match part with
            | RecipePart.NoiseUpTo level -> Some level
            | _ -> None)

    let noiseLevels =
        levels (fun part ->
            match part with
            | RecipePart.NoiseLevel level -> Some level
            | _ -> None)

    let enlargings =
        collect (fun part ->
            match part with
            | RecipePart.Enlarge stage -> Some [ stage ]
            | _ -> None)

    let tunings =
        collect (fun part ->
            match part with
            | RecipePart.Adapt tuning -> Some [ tuning ]
            | _ -> None)

    let controls =
        collect (fun part ->
            match part with
            | RecipePart.Control steering -> Some [ steering ]
            | _ -> None)

    let samples =
        collect (fun part ->
            match part with
            | RecipePart.Sample prompt -> Some [ prompt ]
            | _ -> None)
