module Recipes.Tests.EdgeAgreementTests

open Expecto
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Eval.Metrics
open Recipes.Tests.DistanceSupport

let private agreement =
    let map (rows: string list) =
        EdgeMap(
            rows.Head.Length,
            rows.Length,
            [|
                for row in rows do
                    for c in row -> c = '#'
            |]
        )

    testList "edge agreement" [
        test "counts by hand" {
            let control = map [ "#...."; "#...."; "#...."; "#...#" ]
            let found = map [ ".#..."; ".#..."; "..#.."; "....." ]
            // Within one pixel: of the control's 5, the three uppermost; of the 3 found, the upper two.
            let one = EdgeAgreement.Between(control, found)
            Expect.equal (one.Recall, one.Precision) (3.0 / 5.0, 2.0 / 3.0) "within one pixel"
            near 1e-12 "F1" one.F1 (2.0 * 0.6 * (2.0 / 3.0) / (0.6 + 2.0 / 3.0))
            let exact = EdgeAgreement.Between(control, found, 0)
            Expect.equal (exact.Recall, exact.Precision, exact.F1) (0.0, 0.0, 0.0) "exactly"
            Expect.equal (one.Control, one.Found) (5, 3) "edges"
        }

        test "a picture agrees with its own edges, and a flat one with none" {
            let picture =
                grey 24 24 (fun x y ->
                    if (x - 12) * (x - 12) + (y - 12) * (y - 12) < 50 then
                        240
                    else
                        10)

            let control = Canny.Detect(picture, 100.0, 200.0)
            let own = EdgeAgreement.Of(control, picture)
            Expect.equal (own.Precision, own.Recall, own.F1) (1.0, 1.0, 1.0) "itself"
            let flat = EdgeAgreement.Of(control, grey 24 24 (fun _ _ -> 9))
            Expect.equal (flat.Recall, flat.F1) (0.0, 0.0) "flat"
        }

        test "a control of another size and an empty one are refused" {
            let refused (part: string) control found =
                Expect.throwsC (fun () -> EdgeAgreement.Between(control, found) |> ignore) (fun error ->
                    Expect.isTrue (error :? RecipesException) "its kind"
                    Expect.stringContains error.Message part "what is wrong")

            refused "does not lie over a picture of 2x1" (map [ "#" ]) (map [ "##" ])
            refused "the control has no edge" (map [ ".." ]) (map [ "##" ])
        }
    ]

[<Tests>]
let tests = testList "metrics" [ agreement ]
