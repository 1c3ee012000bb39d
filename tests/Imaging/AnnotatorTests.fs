module Recipes.Tests.AnnotatorTests

open Expecto
open Recipes.Core.Imaging.Annotators
open Recipes.Tests.AnnotatedPictures

let private kinds =
    testList "kinds" [
        test "annotators are found by their kinds" {
            for kind in [ "canny"; "lineart"; "scribble"; "segmentation" ] do
                Expect.equal (AnnotatorKinds.Of kind).Kind kind kind
                let drawn = (AnnotatorKinds.Of kind).Annotate disc
                Expect.equal (drawn.Width, drawn.Height) (disc.Width, disc.Height) "size"
        }

        test "kinds that need more than a picture say so" {
            refused "no network that estimates depth" (fun () -> AnnotatorKinds.Of "depth" |> ignore)
            refused "no network that finds people" (fun () -> AnnotatorKinds.Of "openpose" |> ignore)
            refused "Take one of canny, lineart" (fun () -> AnnotatorKinds.Of "hed" |> ignore)
        }
    ]

[<Tests>]
let tests = testList "annotators" [ kinds ]
