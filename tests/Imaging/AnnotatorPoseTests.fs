module Recipes.Tests.AnnotatorPoseTests

open System
open System.IO
open Expecto
open Recipes.Core.Imaging.Annotators
open Recipes.Tests.AnnotatedPictures

let private poses =
    let file (json: string) (test: string -> unit) =
        Support.withFolder (fun folder ->
            let path = Path.Combine(folder, "pose.json")
            File.WriteAllText(path, json)
            test path)

    let person (joints: (float * float * float) list) =
        joints
        |> List.map (fun (x, y, c) -> FormattableString.Invariant $"{x},{y},{c}")
        |> String.concat ","
        |> sprintf """{"pose_keypoints_2d":[%s]}"""

    let coco = [ for i in 0..17 -> float (20 + 10 * i), float (30 + 5 * i), 0.9 ]

    let json people =
        $"""{{"people":[{String.concat "," people}]}}"""

    testList "poses" [
        test "joints and limbs have OpenPose's colours" {
            // A nose above a neck, and a right shoulder beside it: two limbs.
            let joints =
                [ 100.0, 40.0, 1.0; 100.0, 100.0, 1.0; 40.0, 100.0, 1.0 ]
                @ [ for _ in 3..17 -> 0.0, 0.0, 0.0 ]

            file (json [ person joints ]) (fun path ->
                let drawn = PoseAnnotator(Pose.Read(path, 200, 200)).Draw(200, 200)
                Expect.equal (at drawn 100 40) (255uy, 0uy, 0uy) "nose"
                Expect.equal (at drawn 100 100) (255uy, 85uy, 0uy) "neck"
                Expect.equal (at drawn 40 100) (255uy, 170uy, 0uy) "right shoulder"
                Expect.equal (at drawn 70 100) (153uy, 0uy, 0uy) "neck to right shoulder, six tenths of red"
                Expect.equal (at drawn 100 70) (0uy, 0uy, 153uy) "neck to nose, six tenths of blue"
                Expect.equal (at drawn 150 150) (0uy, 0uy, 0uy) "nothing"
                Expect.equal (at drawn 0 0) (0uy, 0uy, 0uy) "joints that are not seen")
        }

        test "pixels, parts of the picture and both orders give one pose" {
            let draw (path: string) =
                PoseAnnotator(Pose.Read(path, 300, 200)).Draw(300, 200).Pixels

            let mutable wanted = [||]
            file (json [ person coco ]) (fun path -> wanted <- draw path)
            let parts = coco |> List.map (fun (x, y, c) -> x / 300.0, y / 200.0, c)

            // BODY_25 has the middle of the hips at 8, and feet from 19 on.
            let body25 =
                [ for i in 0..7 -> coco[i] ]
                @ [ 5.0, 5.0, 1.0 ]
                @ [ for i in 8..17 -> coco[i] ]
                @ [ for _ in 19..24 -> 9.0, 9.0, 1.0 ]

            for what, people in [ "parts", parts; "BODY_25", body25 ] do
                file (json [ person people ]) (fun path -> Expect.equal (draw path) wanted what)

            let sized =
                (json [ person coco ])
                    .Replace("{\"people\"", """{"canvas_width":300,"canvas_height":200,"people" """.TrimEnd())

            file $"[{sized}]" (fun path ->
                Expect.equal (PoseAnnotator(Pose.Read path).Draw(300, 200).Pixels) wanted "a canvas, in a list of one")
        }

        test "poses grow with the picture" {
            file (json [ person (coco |> List.map (fun (x, y, c) -> x / 300.0, y / 200.0, c)) ]) (fun path ->
                let pose = PoseAnnotator(Pose.Read path)
                let small, large = pose.Draw(300, 200), pose.Annotate(flat 600 400 0)
                Expect.equal (at small 20 30) (at large 40 60) "the nose"
                Expect.equal (large.Width, large.Height) (600, 400) "size")
        }

        test "what is no pose is refused" {
            let fails part text =
                file text (fun path -> refused part (fun () -> Pose.Read(path, 9, 9) |> ignore))

            fails "it is no JSON" "{"
            fails "no list \"people\"" "{}"
            fails "no list \"people\"" """{"people":3}"""
            fails "person 1 has no list" (json [ "{}" ])
            fails "person 2 has 3 numbers" (json [ person coco; person [ 1.0, 2.0, 3.0 ] ])
            fails "a keypoint of person 1 is no number" (json [ """{"pose_keypoints_2d":["a"]}""" ])

            file (json [ person coco ]) (fun path ->
                refused "whose size it does not state" (fun () -> Pose.Read path |> ignore))

            refused "it cannot be read" (fun () -> Pose.Read "no/such.json" |> ignore)
            file (json []) (fun path -> refused "nobody to draw" (fun () -> PoseAnnotator(Pose.Read path) |> ignore))
            Expect.throwsT<ArgumentException> (fun () -> Pose [] |> ignore) "no joints"
        }
    ]

[<Tests>]
let tests = testList "annotators" [ poses ]
