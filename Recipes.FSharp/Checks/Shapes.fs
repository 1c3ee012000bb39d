/// B13: pictures of several shapes in batches of one shape each.
module internal Recipes.Checks.Shapes

open Recipes
open Recipes.Core
open Recipes.Core.Data

/// The shapes that pictures are trained at.
let options (budget: Budget) (multiple: int<px>) upscaled =
    BucketOptions(
        Size = int budget.Size,
        Shapes = budget.Buckets,
        Step = int multiple,
        Upscale = upscaled,
        Remainder =
            match budget.Remainder with
            | Some Drop -> Remainder.Drop
            | Some Repeat
            | None -> Remainder.Repeat
    )

/// The shape of each picture, or nothing where one has none: checks of sizes say why.
let private shape (budget: Budget) multiple upscaled (picture: Picture) =
    try
        Some(Buckets.Of(int picture.Width, int picture.Height, options budget multiple upscaled, picture.Name))
    with :? RecipesException ->
        None

/// How many pictures have which shape, from narrow to wide.
let counts (budget: Budget) multiple upscaled (pictures: Picture list) =
    pictures
    |> List.choose (shape budget multiple upscaled)
    |> List.countBy id
    |> List.sortBy (fun (bucket, _) -> bucket.Ratio, bucket.Width)

let findings (draft: Draft) (facts: Facts) = [
    let budget = draft.Budget
    let batch = int budget.Batch

    match facts.Base with
    | Some model when
        budget.Batch > 0<img>
        && budget.Size > 0<px>
        && budget.Size % model.Multiple = 0<px>
        && (budget.Buckets || budget.Remainder.IsSome)
        ->
        for source, folder in List.zip draft.Sources facts.Folders do
            let shapes =
                folder
                |> Option.map (fun folder -> counts budget model.Multiple source.Upscaled folder.Pictures)
                |> Option.defaultValue []

            let short = shapes |> List.filter (fun (_, count) -> count < batch)

            let shown =
                short
                |> List.map (fun (bucket, count) -> $"""{bucket} has {counted (int64 count) "picture"}""")
                |> first 3

            match budget.Remainder with
            | None when not short.IsEmpty ->
                error
                    "B13"
                    $"{source.At}.images"
                    $"{shown}, a batch {batch}"
                    "Write `remainder Repeat` to fill batches with pictures again, `remainder Drop` to leave them out, or `batch 1<img>`."
            | Some Drop when not shapes.IsEmpty && short.Length = shapes.Length ->
                error
                    "B13"
                    $"{source.At}.images"
                    $"{shown}, a batch {batch}: all of them would be dropped"
                    "Write `remainder Repeat`, or a smaller `batch`."
            | _ -> ()
    | _ -> ()
]
