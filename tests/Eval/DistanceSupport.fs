/// Features and pictures to measure, and how near a value comes to what is known.
module Recipes.Tests.DistanceSupport

open System
open Expecto
open Recipes.Core.Imaging
open Recipes.Eval.Metrics

let features what (rows: float list list) =
    let width = rows.Head.Length
    Features(what, "test", rows.Length, width, ReadOnlySpan(Array.ofList (List.concat rows)))

/// Rows that look random, of the widths and moduli of published test vectors.
let rows count width (value: int -> int -> float) = [
    for i in 0 .. count - 1 -> [ for j in 0 .. width - 1 -> value i j ]
]

let setA =
    rows 20 8 (fun i j -> float ((7 * i * i + 5 * j * j + 3 * i * j + 2 * i + j) % 101) / 100.0)

let setB =
    rows 20 8 (fun i j -> float ((11 * i * i + 3 * j * j + 5 * i * j + 4 * i + 2 * j + 6) % 97) / 100.0)

let near tolerance what (actual: float) expected =
    if not (abs (actual - expected) <= tolerance * max 1e-300 (abs expected)) then
        failtest $"{what}: {actual:R} is not {expected:R} within {tolerance:g2} of it"

let noise (seed: int) count width =
    let random = Random seed

    rows count width (fun _ _ ->
        Math.Sqrt(-2.0 * log (1.0 - random.NextDouble()))
        * cos (2.0 * Math.PI * random.NextDouble()))

let grey width height (value: int -> int -> int) =
    let image = Image(width, height)

    for y in 0 .. height - 1 do
        for x in 0 .. width - 1 do
            image.Row(y).Slice(x * 3, 3).Fill(byte (value x y))

    image
