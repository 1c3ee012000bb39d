module Recipes.Tests.FrechetDistanceTests

open Expecto
open Recipes.Eval.Metrics
open Recipes.Tests.DistanceSupport

let private fid =
    testList "fid" [
        test "the distance is the published one" {
            // The published vectors have 20 rows; three copies have the same mean and 57/59 of the covariance's sums.
            let plain (rows: float list list) =
                features "rows" (List.concat [ rows; rows; rows ])

            let fid = FrechetDistance.Between(plain setA, plain setB).Value
            let mean j (rows: float list list) = rows |> List.averageBy (List.item j)

            let shift = List.sum [ for j in 0..7 -> (mean j setA - mean j setB) ** 2.0 ]

            // S scales by (60 / 59) / (20 / 19), and every trace with it.
            let expected = shift + (0.20308868770791966 - shift) * (60.0 / 59.0) / (20.0 / 19.0)
            near 1e-10 "FID" fid expected
        }

        test "a set is at no distance from itself, and its shift at the shift's square" {
            for count in [ 50; 90 ] do
                let rows = noise 5 count 70

                let shifted =
                    rows
                    |> List.map (List.mapi (fun j value -> if j < 4 then value + 1.5 else value))

                let itself = FrechetDistance.Between(features "a" rows, features "b" rows)
                Expect.isLessThan itself.Value 1e-10 $"itself, {count} rows"
                near 1e-10 "shifted" (FrechetDistance.Between(features "a" rows, features "b" shifted).Value) 9.0
                Expect.equal itself.IsBiased (count <= 70) "more features than rows"
        }

        test "variances that differ add the squares of their roots' differences" {
            // Rows +-c e_j have covariance 2 c^2 / (n - 1) in each direction and no other.
            let scaled factors =
                features "scaled" [
                    for _ in 1..10 do
                        for j, factor in List.indexed factors do
                            for sign in [ 1.0; -1.0 ] do
                                [ for k in 0..2 -> if k = j then sign * factor else 0.0 ]
                ]

            let one, other = [ 1.0; 2.0; 0.0 ], [ 3.0; 2.5; 1.0 ]

            let expected =
                List.map2 (fun a b -> (a - b) ** 2.0) one other |> List.sum |> (*) (20.0 / 59.0)

            near 1e-12 "FID" (FrechetDistance.Between(scaled one, scaled other).Value) expected
        }

        test "sides may change places" {
            let a, b = features "a" (noise 1 60 5), features "b" (noise 2 90 5)
            near 1e-12 "FID" (FrechetDistance.Between(a, b).Value) (FrechetDistance.Between(b, a).Value)
        }
    ]

[<Tests>]
let tests = testList "metrics" [ fid ]
