/// What a plan learns from: pictures with their captions, masks and hints, and class pictures beside them.
module internal Recipes.Lowering.Concepts

open Recipes
open Recipes.Core.Data
open Recipes.Core.Training
open Recipes.Core.Training.Subjects

/// The captions of a picture. New vectors are learned in those of textual inversion.
let private captions (plan: Plan) (subject: PlannedSubject) (picture: Picture) =
    match plan.Method with
    | PlannedMethod.Vectors vectors ->
        let templates =
            match vectors.Templates with
            | Things -> CaptionTemplates.Object
            | Styles -> CaptionTemplates.Style

        [
            for template in templates -> template.Replace(CaptionTemplates.Place, vectors.Token)
        ]
    | PlannedMethod.LowRank _
    | PlannedMethod.KeysAndValues _
    | PlannedMethod.Merge _
    | PlannedMethod.Control _
    | PlannedMethod.Nothing
    | PlannedMethod.Weights _ -> [ picture.Caption |> Option.defaultValue subject.InstancePrompt ]

let private classPictures (subject: PlannedSubject) (files: string list) = [
    for path in files -> TrainingPicture(path, subject.ClassPrompt)
]

let private prior (plan: Plan) (pictures: TrainingPicture list) : ConceptPrior | null =
    if pictures.IsEmpty then
        null
    else
        ConceptPrior(Pictures = List.toArray pictures, Weight = plan.Budget.PriorWeight)

/// Each subject of the plan with the mask of where it is; nothing where no loss asks for it.
let private places (plan: Plan) (mask: PlannedSubject -> string) = [|
    if Losses.watchAttention plan.Budget then
        for subject in plan.Subjects -> PictureSubject(subject.Called, mask subject)
|]

/// A subject's own pictures, which show none of the others. Where it has no masks, it is all over them.
let private concept (plan: Plan) folder (subject: PlannedSubject) (priorFiles: string list) (hints: string list) =
    let masks =
        if subject.Masks.IsEmpty then
            subject.Images |> List.map (fun _ -> None)
        else
            subject.Masks |> List.map (fun mask -> Some mask.Path)

    let place (picture: Picture) mask other =
        match mask with
        | Some path when other = subject -> path
        | _ -> CollageFolder.blank folder (other = subject) picture.Width picture.Height

    Concept(
        Name = subject.Called,
        Pictures = [|
            for index, (picture, mask) in List.indexed (List.zip subject.Images masks) do
                let texts = captions plan subject picture

                TrainingPicture(
                    picture.Path,
                    texts.Head,
                    Alternatives = List.toArray texts.Tail,
                    Control = (hints |> List.tryItem index |> Option.toObj),
                    Mask = Option.toObj mask,
                    Subjects = places plan (place picture mask)
                )
        |],
        Flip = (if subject.Flipped then 0.5 else 0.0),
        Prior = prior plan (classPictures subject priorFiles)
    )

/// Collages as one more concept, beside the class pictures of all.
let private company (plan: Plan) folder (priorFiles: string list list) (collages: Collage list) =
    let place (collage: Collage) (subject: PlannedSubject) =
        let struct (left, leftMask), struct (right, rightMask) = collage.Left, collage.Right

        if left.Words = subject.Called then
            leftMask
        elif right.Words = subject.Called then
            rightMask
        else
            CollageFolder.blank folder false plan.Budget.Size plan.Budget.Size

    Concept(
        Name = "collages",
        Pictures = [|
            for collage in collages ->
                TrainingPicture(
                    collage.Path,
                    collage.Caption,
                    Mask = collage.Mask,
                    Subjects = places plan (place collage)
                )
        |],
        Prior = prior plan (List.map2 classPictures plan.Subjects priorFiles |> List.concat)
    )

/// All that is learned from; `folder` is the run's.
let all (plan: Plan) (folder: string) (priorFiles: string list list) (hints: string list list) collages = [|
    for index, (subject, files) in List.indexed (List.zip plan.Subjects priorFiles) do
        concept plan folder subject files (hints |> List.tryItem index |> Option.defaultValue [])

    if not (List.isEmpty collages) then
        company plan folder priorFiles collages
|]

/// The pictures that are held out.
let heldOut (plan: Plan) = [|
    for subject in plan.Subjects do
        for picture in subject.HeldOut -> TrainingPicture(picture.Path, (captions plan subject picture).Head)
|]
