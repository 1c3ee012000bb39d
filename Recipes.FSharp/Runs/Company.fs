namespace Recipes.Runs

open System.IO
open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Training
open Recipes.Core.Training.Subjects

/// The pictures that several subjects are learned with beside their own: collages, in `collages/` of the run's folder.
/// They are composed before training, from the seed alone, so that a run that goes on finds the same.
[<RequireQualifiedAccess>]
module internal Company =
    /// Pictures that the base model draws of each thing that a subject is set beside.
    let private drawn = 8<img>

    /// A subject's part in collages.
    let private half (subject: PlannedSubject) =
        CollageHalf(
            subject.Called,
            [| for picture in subject.Images -> picture.Path |],
            (if subject.Masks.IsEmpty then
                 null
             else
                 [| for mask in subject.Masks -> mask.Path |])
        )

    /// Each thing that a subject is set beside, as something to draw.
    let things (plan: Plan) = [
        for subject in plan.Subjects do
            for thing in subject.Beside do
                {
                    subject with
                        ClassPrompt = $"a photo of {thing}"
                        PriorCount = drawn
                },
                thing
    ]

    let private pairs (plan: Plan) (drawings: string list list) = [|
        let halves = [
            for subject in plan.Subjects do
                if subject.Token <> "" then
                    half subject
        ]

        for first in 0 .. halves.Length - 1 do
            for second in first + 1 .. halves.Length - 1 do
                struct (halves[first], halves[second])

        for (subject, thing), files in List.zip (things plan) drawings do
            struct (half subject, CollageHalf(thing, List.toArray files))
    |]

    /// Masks that are white or black all over, for pictures that show one of the subjects.
    let private blanks folder (plan: Plan) =
        let sizes = [
            for subject in plan.Subjects do
                for picture in subject.Images do
                    picture.Width, picture.Height
        ]

        for width, height in List.distinct sizes do
            let image = Image(int width, int height)
            ImageFile.WritePng(Lowering.CollageFolder.blank folder false width height, image)
            System.Array.Fill(image.Pixels, 255uy)
            ImageFile.WritePng(Lowering.CollageFolder.blank folder true width height, image)

    /// Composes what the plan wants; `drawings` are the files of each of `things`.
    let compose (folder: RunFolder) (plan: Plan) (drawings: string list list) : Collage list =
        let place = Lowering.CollageFolder.path folder.Path

        if Lowering.Losses.watchAttention plan.Budget then
            Directory.CreateDirectory place |> ignore
            blanks folder.Path plan

        if plan.Budget.Collages = 0<img> then
            []
        else
            Collages.Compose(
                pairs plan drawings,
                int plan.Budget.Collages,
                int plan.Budget.Size,
                RandomStreams plan.Budget.Seed,
                place
            )
            |> List.ofSeq
