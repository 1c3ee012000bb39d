/// B13: pictures of several shapes in batches of one shape each, and how often each picture comes up.
module internal Recipes.Checks.Shapes

open Recipes
open Recipes.Core
open Recipes.Core.Data
open Recipes.Core.Training

/// The shapes that pictures are trained at; `upscaled` says of each source whether its small pictures are enlarged. Where
/// squares are cut, no picture is small.
let options (budget: Budget) (multiple: int<px>) (upscaled: bool list) =
    BucketOptions(
        Size = int budget.Size,
        Shapes = budget.Buckets,
        Step = int multiple,
        Upscale = (not budget.Buckets || List.contains true upscaled),
        Remainder =
            match budget.Remainder with
            | Some Drop -> Remainder.Drop
            | Some Repeat
            | None -> Remainder.Repeat
    )

let private shape (options: BucketOptions) (picture: Picture) =
    Buckets.Of(int picture.Width, int picture.Height, options, picture.Name)

/// How many pictures have which shape, from narrow to wide.
let counts (options: BucketOptions) (pictures: Picture list) =
    pictures
    |> List.countBy (shape options)
    |> List.sortBy (fun (bucket, _) -> bucket.Ratio, bucket.Width)

/// How often the training visits each picture of each source. Collages take turns with the sources.
let visits (budget: Budget) (options: BucketOptions) (sources: Picture list list) : int64 list list =
    let buckets: System.Collections.Generic.IReadOnlyList<Bucket> array = [|
        for pictures in sources do
            [| for picture in pictures -> shape options picture |]

        if budget.Collages > 0<img> then
            Array.create (int budget.Collages) (Bucket(int budget.Size, int budget.Size))
    |]

    let order =
        BatchOrder(
            RandomStreams budget.Seed,
            BatchGroup.Of buckets,
            int budget.Batch,
            options.Remainder,
            ConceptMixing.InTurn
        )

    [
        for counts in VisitPlan.Of(order, int64 budget.Steps * int64 budget.Accumulate).Counts -> List.ofSeq counts
    ]
    |> List.truncate sources.Length

let findings (draft: Draft) (facts: Facts) = [
    let budget = draft.Budget
    let batch = int budget.Batch

    match facts.Base with
    | Some model when
        batch > 0
        && budget.Size > 0<px>
        && budget.Size % model.Multiple = 0<px>
        && (budget.Buckets || budget.Remainder.IsSome)
        ->
        let options = options budget model.Multiple (draft.Sources |> List.map _.Upscaled)

        for source, folder in List.zip draft.Sources facts.Folders do
            // Those below the least side have no shape; the check of sizes names them.
            let shapes =
                folder
                |> Option.map _.Pictures
                |> Option.defaultValue []
                |> List.filter (fun picture -> min picture.Width picture.Height >= model.Multiple)
                |> counts options

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
