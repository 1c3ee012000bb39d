module Recipes.Tests.KernelDistanceTests

open System
open System.Runtime.InteropServices
open Expecto
open Recipes.Core
open Recipes.Core.Weights
open Recipes.Eval
open Recipes.Eval.Metrics
open Recipes.Tests.DistanceSupport

let private parity =
    testList "parity" [
        testCase "metrics: KID and FID agree with the reference"
        <| fun () ->
            use file = SafeTensorsFile.Open(Agreement.folder "metrics.safetensors")

            let doubles (name: string) =
                MemoryMarshal.Cast<byte, float>(file.Bytes name).ToArray()

            let number name = (doubles name)[0]

            let integers (name: string) =
                Array.map int (MemoryMarshal.Cast<byte, int64>(file.Bytes name).ToArray())

            let read (name: string) =
                let shape = file.Tensors[name].Shape
                Features(name, "reference", int shape[0], int shape[1], ReadOnlySpan(doubles name))

            let a, b = read "a", read "b"

            let whole (left: Features) (right: Features) =
                KernelDistance.Between(left, right, KernelDistanceOptions(Subsets = 1)).Whole

            let subset = whole (a.Take(integers "subset_a")) (b.Take(integers "subset_b"))
            near 1e-9 "kid_subset" subset (number "kid_subset")
            let equal = whole (a.Take [| 0 .. b.Count - 1 |]) b
            near 1e-9 "kid_equal260" equal (number "kid_equal260")
            near 1e-9 "fid" (FrechetDistance.Between(a, b).Value) (number "fid")
    ]

let private kid =
    testList "kid" [
        test "draws are numpy's" {
            let random = NumpyRandom 2020u

            Expect.equal
                [ for _ in 1..3 -> List.ofArray (random.Choice(20, 5)) ]
                [ [ 6; 9; 12; 4; 5 ]; [ 15; 0; 19; 11; 7 ]; [ 18; 10; 8; 12; 5 ] ]
                "RandomState(2020).choice(20, 5, replace=False)"

            Expect.equal
                (List.ofArray (NumpyRandom(2020u).Permutation 10))
                [ 2; 4; 9; 1; 5; 7; 6; 3; 8; 0 ]
                "RandomState(2020).permutation(10)"
        }

        test "the estimate is the published one" {
            use _ = TorchSharp.torch.NewDisposeScope()
            let kernel = PolynomialKernel(KernelDistanceOptions(), 8)
            let a, b = features "a" setA, features "b" setB
            near 1e-12 "all rows" (Discrepancy(kernel, a, b).Value) 0.015487332287544398
            let random = NumpyRandom 2020u

            let values = [
                for _ in 1..10 ->
                    let left = a.Take(random.Choice(20, 5))
                    Discrepancy(kernel, left, b.Take(random.Choice(20, 5))).Value
            ]

            near 1e-12 "mean of subsets" (List.average values) 0.026796346734779864
        }

        test "the jackknife is what leaving rows out gives" {
            use _ = TorchSharp.torch.NewDisposeScope()
            let kernel = PolynomialKernel(KernelDistanceOptions(), 8)
            let a, b = features "a" (List.take 7 setA), features "b" (List.take 5 setB)

            let without count row = [|
                for i in 0 .. count - 1 do
                    if i <> row then
                        i
            |]

            let spread values =
                let mean = List.average values
                let n = float values.Length
                (n - 1.0) / n * List.sumBy (fun value -> (value - mean) ** 2.0) values

            let left =
                spread [ for row in 0..6 -> Discrepancy(kernel, a.Take(without 7 row), b).Value ]

            let right =
                spread [ for row in 0..4 -> Discrepancy(kernel, a, b.Take(without 5 row)).Value ]

            near 1e-9 "standard error" (Discrepancy(kernel, a, b).StandardError) (sqrt (left + right))
        }

        test "the interval holds the truth about as often as it says" {
            // N(0, 1) against N(0.5, 1) in one dimension under (xy + 1)^2: 2 mean^2 + (1 + mean^2 - 1)^2.
            let truth = 2.0 * 0.25 + 0.0625
            let options = KernelDistanceOptions(Subsets = 1, Degree = 2, Gamma = 1.0)

            let held =
                List.length [
                    for seed in 1..100 do
                        let left = features "left" (noise seed 200 1)

                        let right =
                            features "right" (noise (1000 + seed) 200 1 |> List.map (List.map ((+) 0.5)))

                        let interval = KernelDistance.Between(left, right, options).Interval

                        if interval.Low <= truth && truth <= interval.High then
                            seed
                ]

            Expect.isTrue (held >= 90 && held <= 100) $"{held} of 100"
        }

        test "subsets give mean and deviation, the same twice" {
            let a, b = features "a" (noise 1 60 3), features "b" (noise 2 70 3)
            let options = KernelDistanceOptions(Subsets = 12, SubsetSize = 20)

            let one, two =
                KernelDistance.Between(a, b, options), KernelDistance.Between(a, b, options)

            Expect.equal one two "the seed is fixed"
            Expect.isGreaterThan one.Deviation 0.0 "subsets differ"
            Expect.equal (one.Subsets, one.SubsetSize, one.Left, one.Right) (12, 20, 60, 70) "counts"
            Expect.stringContains (string one) "KID (test, 12 subsets of 20)" "it says what it is"
        }

        test "the default subset is half of the smaller side" {
            let kid =
                KernelDistance.Between(features "a" (noise 1 60 3), features "b" (noise 2 71 3))

            Expect.equal (kid.Subsets, kid.SubsetSize) (100, 30) "100 of 30"
        }

        test "embeddings become features of unit length" {
            let embeddings =
                Embeddings("drawn pictures", 2, 2, ReadOnlySpan [| 3f; 4f; 0f; -2f |])

            let features = Features.Of(embeddings, "tower")
            Expect.equal (features.What, features.Extractor, features.Count) ("drawn pictures", "tower", 2) "names"
            Expect.sequenceEqual (features[0].ToArray() |> Array.map float32) [ 0.6f; 0.8f ] "first"
            Expect.sequenceEqual (features[1].ToArray()) [ 0.0; -1.0 ] "second"
        }

        test "too few rows, too large subsets and mixed extractors are refused" {
            let few, enough = features "few" (noise 1 49 3), features "enough" (noise 2 50 3)

            let refused (part: string) (compare: unit -> obj) =
                Expect.throwsC (fun () -> compare () |> ignore) (fun error ->
                    Expect.isTrue (error :? RecipesException) "its kind"
                    Expect.stringContains error.Message part "what is wrong")

            refused "49 few are too few: at least 50" (fun () -> KernelDistance.Between(enough, few))
            refused "49 few are too few: at least 50" (fun () -> FrechetDistance.Between(few, enough))
            let large = KernelDistanceOptions(SubsetSize = 51)
            refused "100 subsets of 51 cannot be drawn" (fun () -> KernelDistance.Between(enough, enough, large))
            let flat = KernelDistanceOptions(Degree = 0)
            refused "degree of at least 1" (fun () -> KernelDistance.Between(enough, enough, flat))
            let wide = features "wide" (noise 2 50 4)
            refused "cannot be compared" (fun () -> FrechetDistance.Between(enough, wide))

            let other =
                Features("other", "other net", 50, 3, ReadOnlySpan(Array.ofList (List.concat (noise 1 50 3))))

            refused "other net" (fun () -> KernelDistance.Between(enough, other))
            refused "number 1 of 1: a feature is NaN" (fun () -> features "bad" [ [ 1.0; nan ] ])
        }
    ]

[<Tests>]
let tests = testList "metrics" [ parity; kid ]
