/// Numbers drawn by a key alone, against their formulas and their distributions.
module Recipes.Tests.RandomNumberTests

open System
open Expecto
open TorchSharp
open Recipes.Core.Bench
open Recipes.Core.Kernels
open Recipes.Tests.Support

let private key (value: int64) = torch.tensor [| value |]

let private normal seed stream (count: int64) =
    use _ = torch.NewDisposeScope()

    RandomNumbers.Normal(key seed, stream, [| count |]).data<float32>().ToArray()
    |> Array.map float

let private between seed stream first last (count: int64) =
    use _ = torch.NewDisposeScope()
    RandomNumbers.Between(key seed, stream, first, last, count).data<int64>().ToArray()

let private many = 100_000L

let private correlation (a: float array) (b: float array) = Array.averageBy id (Array.map2 (*) a b)

[<Tests>]
let tests =
    testList "random numbers" [
        test "four words make two normal pairs" {
            for draw in 0u .. 40u do
                let struct (a, b, c, d) = Philox.Draw(77UL, draw, 5u, 1u, 0u)

                let pair first second =
                    let even = (float (first >>> 8) + 0.5) / 16777216.0

                    let radius, angle =
                        sqrt (-2.0 * log even), 2.0 * Math.PI * float (second >>> 8) / 16777216.0

                    [ radius * cos angle; radius * sin angle ]

                let found = (normal 77L 5 200L)[4 * int draw .. 4 * int draw + 3]

                for expected, value in List.zip (pair a b @ pair c d) (List.ofArray found) do
                    Expect.isLessThan (abs (expected - value)) 2e-6 $"draw {draw}"
        }

        test "they are standard normal and independent" {
            let drawn = normal 1L 0 many

            let moment power =
                drawn |> Array.averageBy (fun value -> Math.Pow(value, power))
            // Five standard errors of each mean.
            let near name expected deviation found =
                Expect.isLessThan (abs (found - expected)) (5.0 * deviation / sqrt (float many)) name

            near "mean" 0.0 1.0 (moment 1.0)
            near "variance" 1.0 (sqrt 2.0) (moment 2.0)
            near "skewness" 0.0 (sqrt 15.0) (moment 3.0)
            near "kurtosis" 3.0 (sqrt 96.0) (moment 4.0)
            near "neighbours" 0.0 1.0 (correlation drawn[.. drawn.Length - 2] drawn[1..])
            near "other streams" 0.0 1.0 (correlation drawn (normal 1L 1 many))
            near "other keys" 0.0 1.0 (correlation drawn (normal 2L 0 many))
            Expect.isGreaterThan (drawn |> Array.map abs |> Array.max) 3.8 "tails"
        }

        test "fewer numbers are the first of more, whatever the threads" {
            let whole = normal 3L 2 many

            for count in [ 1L; 2L; 3L; 5L; 4097L ] do
                Expect.equal (normal 3L 2 count) whole[.. int count - 1] $"{count}"

            let times = between 3L 4 0L 1000L 4099L
            Expect.equal (between 3L 4 0L 1000L 7L) times[..6] "whole numbers"
        }

        test "whole numbers fill their range evenly" {
            let drawn = between 9L 4 200L 210L many
            let counts = drawn |> Array.countBy id |> Map
            Expect.equal (counts |> Map.keys |> List.ofSeq) [ 200L .. 209L ] "the range"
            let expected = float many / 10.0

            let squares =
                counts
                |> Map.values
                |> Seq.sumBy (fun count -> (float count - expected) ** 2.0 / expected)
            // χ² of 9 degrees of freedom exceeds this once in 10000.
            Expect.isLessThan squares 33.7 "χ²"
            Expect.equal (between 9L 4 7L 8L 5L) (Array.create 5 7L) "one number only"

            Expect.throwsT<ArgumentOutOfRangeException> (fun () -> between 1L 0 5L 5L 1L |> ignore) "an empty range"
        }

        testCase "a CUDA device draws the same"
        <| onCuda (fun () -> Expect.isTrue (nonNull (RandomComparison.Run())).Agrees "host and device")
    ]
