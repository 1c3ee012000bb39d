module Recipes.Tests.ScoreTests

open System
open Expecto
open Recipes.Core
open Recipes.Eval

let private score (values: float list) = Score("metric", "definition", values)

[<Tests>]
let tests =
    testList "score" [
        test "the value is the mean and the interval holds it" {
            let score = score [ 0.1; 0.2; 0.3; 0.6 ]
            Expect.floatClose Accuracy.high score.Value 0.3 "mean"
            Expect.equal score.Count 4 "items"
            let interval = score.Interval.Value
            Expect.isTrue (interval.Low >= 0.1 && interval.Low < 0.3) "low end"
            Expect.isTrue (interval.High <= 0.6 && interval.High > 0.3) "high end"
        }

        test "the interval is near the normal one for many items" {
            // 0, 1, 0, 1 ...: the mean's standard error is 0.5 / sqrt 400.
            let score = score [ for i in 0..399 -> float (i % 2) ]
            let half = 1.96 * 0.5 / 20.0
            Expect.floatClose { absolute = 0.006; relative = 0.0 } score.Interval.Value.Low (0.5 - half) "low end"
            Expect.floatClose { absolute = 0.006; relative = 0.0 } score.Interval.Value.High (0.5 + half) "high end"
        }

        test "equal values give equal intervals, twice" {
            let values = [ 0.3; 0.9; 0.4; 0.2; 0.5 ]
            Expect.equal (score values).Interval (score values).Interval "the seed is fixed"
        }

        test "groups widen the interval when their items agree" {
            let values = [
                for group in 0..5 do
                    for _ in 1..10 -> float group
            ]

            let groups = [
                for group in 0..5 do
                    for _ in 1..10 -> $"prompt {group}"
            ]

            let plain = Score("m", "d", values).Interval.Value
            let grouped = Score("m", "d", values, groups).Interval.Value
            Expect.isGreaterThan (grouped.High - grouped.Low) (2.0 * (plain.High - plain.Low)) "six prompts, not sixty"
        }

        test "one group still varies by its items" {
            let score = Score("m", "d", [ 0.0; 1.0; 2.0 ], [ "p"; "p"; "p" ])
            Expect.isLessThan score.Interval.Value.Low score.Interval.Value.High "an interval of some width"
        }

        test "a single item has no interval" {
            Expect.isFalse (score [ 0.4 ]).Interval.HasValue "no interval from one value"
            Expect.isFalse (score [ 0.4 ]).ShareAboveZero.HasValue "nor a share"
        }

        test "a paired difference is narrower than its sides" {
            let before = score [ 0.1; 0.5; 0.9; 0.3 ]
            let after = score [ 0.2; 0.61; 1.0; 0.39 ]
            let difference = after.Minus before
            Expect.floatClose Accuracy.high difference.Value 0.1 "mean of 0.1, 0.11, 0.1, 0.09"
            Expect.isTrue (difference.Interval.Value.Low >= 0.09 - 1e-9) "never below the least pair"
            Expect.isTrue (difference.Interval.Value.High <= 0.11 + 1e-9) "never above the largest pair"
            Expect.equal difference.ShareAboveZero (Nullable 1.0) "every resample rises"
        }

        test "sides that do not pair are refused" {
            Expect.throwsT<RecipesException> (fun () -> (score [ 0.1; 0.2 ]).Minus(score [ 0.1 ]) |> ignore) "lengths"

            let grouped = Score("m", "d", [ 0.1; 0.2 ], [ "a"; "b" ])
            let other = Score("m", "d", [ 0.1; 0.2 ], [ "a"; "c" ])
            Expect.throwsT<RecipesException> (fun () -> grouped.Minus other |> ignore) "groups"
        }

        test "nothing, not a number and infinity are refused by name" {
            Expect.throwsT<RecipesException> (fun () -> score [] |> ignore) "empty"

            for bad in [ nan; infinity; -infinity ] do
                Expect.throwsC (fun () -> score [ 0.1; bad ] |> ignore) (fun error ->
                    Expect.stringContains error.Message "item 2 of 2" "names the item")
        }
    ]
