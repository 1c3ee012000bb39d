/// What the trainer sees of its pictures: in turn, in their shapes, within their masks.
module Recipes.Tests.DiffusionDataTests

open System.IO
open Expecto
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Training
open Recipes.Core.Training.Subjects
open Recipes.Tests.Support
open Recipes.Tests.DiffusionCases

let private wide folder =
    Path.Combine(folder, "wide.png")
    |> fun path ->
        ImageFile.WritePng(path, even (2 * side) side 200)
        path

[<Tests>]
let tests =
    testSequenced
    <| testList "trainer" [
        test "class pictures are counted as pictures, and all are visited in turn" {
            withFolder (fun folder ->
                let visits = (train { usual with Steps = 3L } folder).Visits |> Seq.exactlyOne
                Expect.equal (visits.ClassVisited, visits.ClassPictures) (12, 30) "3 steps of 2 passes of 2"
                Expect.equal (List.ofSeq visits.Pictures) [ 4L; 4L; 4L ] "and the subject's own"

                let none =
                    (train { usual with Prior = 0; Steps = 2L } folder).Visits |> Seq.exactlyOne

                Expect.equal (none.ClassVisited, none.ClassPictures) (0, 0) "none without prior preservation")
        }

        test "two concepts take turns, each with all of its class pictures" {
            withFolder (fun folder ->
                let concept name count first =
                    Concept(
                        Name = name,
                        Pictures = captioned $"a photo of {name}" (draw folder name count first),
                        Prior =
                            ConceptPrior(
                                Pictures = captioned $"a class of {name}" (draw folder $"class-{name}" 4 (first + 30)),
                                Weight = 1.0
                            )
                    )

                let run =
                    train
                        {
                            usual with
                                Steps = 4L
                                Concepts = Some(fun _ -> [ concept "sks" 3 0; concept "zwx" 2 100 ])
                        }
                        folder

                Expect.equal
                    [ for v in run.Visits -> v.Concept, v.ClassVisited, v.ClassPictures ]
                    [ "sks", 4, 4; "zwx", 4, 4 ]
                    "class pictures"

                Expect.equal [ for v in run.Visits -> Seq.sum v.Pictures ] [ 8L; 8L ] "alike")
        }

        test "a wide picture is trained wide, and each shape has batches of its own" {
            withFolder (fun folder ->
                let pictures =
                    captioned "a photo of sks" (Array.append (draw folder "own" 2 0) [| wide folder |])

                let run =
                    train
                        {
                            usual with
                                Steps = 3L
                                Concepts = Some(fun _ -> [ Concept(Name = "sks", Pictures = pictures) ])
                                Buckets = BucketOptions(Size = 128, Step = 64)
                        }
                        folder

                Expect.equal run.Done 3L "it trains"
                Expect.isTrue (run.Visits |> List.forall (fun v -> Seq.forall (fun n -> n > 0L) v.Pictures)) "all seen")
        }

        test "pixels outside the masks do not count" {
            withFolder (fun folder ->
                let mask = Path.Combine(folder, "mask.png")

                ImageFile.WritePng(
                    mask,
                    Image(
                        side,
                        side,
                        Array.init (side * side * 3) (fun at -> if at / 3 % side < 32 then 255uy else 0uy)
                    )
                )

                let pictures = [|
                    for picture in captioned "a photo of sks" (draw folder "own" 3 0) ->
                        TrainingPicture(picture.Path, picture.Caption, Mask = mask)
                |]

                let masked normalisation =
                    train
                        {
                            usual with
                                Steps = 2L
                                Concepts = Some(fun _ -> [ Concept(Name = "sks", Pictures = pictures) ])
                                Masked = MaskedLossOptions(Normalisation = normalisation)
                        }
                        folder

                let area = masked MaskNormalisation.PerArea
                let pixel = masked MaskNormalisation.PerPixel

                Expect.isLessThan
                    (abs (area.Reports[0].Loss - 2.0 * pixel.Reports[0].Loss))
                    1e-4
                    "half of the pixels: the mean over the area is twice the mean over all")
        }

        test "attention is held to the places of the subjects" {
            withFolder (fun folder ->
                let mask = Path.Combine(folder, "mask.png")
                ImageFile.WritePng(mask, even side side 0)

                let pictures = [|
                    for picture in captioned "a photo of sks dog" (draw folder "own" 3 0) ->
                        TrainingPicture(
                            picture.Path,
                            picture.Caption,
                            Subjects = [| PictureSubject("sks dog", mask) |]
                        )
                |]

                let run auxiliary =
                    train
                        {
                            usual with
                                Steps = 2L
                                Concepts = Some(fun _ -> [ Concept(Name = "sks", Pictures = pictures) ])
                                Auxiliary = auxiliary
                        }
                        folder

                let with', without =
                    run [| AttentionMaskLoss(Weight = 1.0, Factors = [| 1; 2 |]) |], run [||]

                let further (run: Run) =
                    run.Reports[0].Loss - run.Reports[0].InstanceLoss

                Expect.isGreaterThan (further with') 1e-3 "the further term"
                Expect.isLessThan (abs (further without)) 1e-6 "none without it")
        }
    ]
