module Recipes.Tests.MetricsTests

open System
open System.Runtime.InteropServices
open Expecto
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Weights
open Recipes.Eval
open Recipes.Eval.Metrics

let private features what (rows: float list list) =
    let width = rows.Head.Length
    Features(what, "test", rows.Length, width, ReadOnlySpan(Array.ofList (List.concat rows)))

/// Rows that look random, of the widths and moduli of published test vectors.
let private rows count width (value: int -> int -> float) = [
    for i in 0 .. count - 1 -> [ for j in 0 .. width - 1 -> value i j ]
]

let private setA =
    rows 20 8 (fun i j -> float ((7 * i * i + 5 * j * j + 3 * i * j + 2 * i + j) % 101) / 100.0)

let private setB =
    rows 20 8 (fun i j -> float ((11 * i * i + 3 * j * j + 5 * i * j + 4 * i + 2 * j + 6) % 97) / 100.0)

let private near tolerance what (actual: float) expected =
    if not (abs (actual - expected) <= tolerance * max 1e-300 (abs expected)) then
        failtest $"{what}: {actual:R} is not {expected:R} within {tolerance:g2} of it"

let private noise (seed: int) count width =
    let random = Random seed

    rows count width (fun _ _ ->
        Math.Sqrt(-2.0 * log (1.0 - random.NextDouble()))
        * cos (2.0 * Math.PI * random.NextDouble()))

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

let private grey width height (value: int -> int -> int) =
    let image = Image(width, height)

    for y in 0 .. height - 1 do
        for x in 0 .. width - 1 do
            image.Row(y).Slice(x * 3, 3).Fill(byte (value x y))

    image

let private pictures =
    testList "picture metrics" [
        test "PSNR of a known difference" {
            let dark, light = grey 4 3 (fun _ _ -> 100), grey 4 3 (fun _ _ -> 110)
            near 1e-12 "10 of 255" (Psnr.Of(light, dark)) (20.0 * log10 25.5)
            Expect.equal (Psnr.Of(dark, dark)) infinity "itself"
            // A difference of 255 in every byte is 0 dB, in one channel of three it is a third of the power.
            let black, white = grey 2 2 (fun _ _ -> 0), grey 2 2 (fun _ _ -> 255)
            near 1e-12 "opposite" (Psnr.Of(black, white) + 1.0) 1.0
            let red = Image(2, 2)

            for i in 0..3 do
                red.Pixels[i * 3] <- 255uy

            near 1e-12 "red" (Psnr.Of(black, red)) (10.0 * log10 3.0)
        }

        test "SSIM of flat pictures is its luminance term" {
            let dark, light = grey 12 11 (fun _ _ -> 60), grey 12 11 (fun _ _ -> 120)
            let c1 = (0.01 * 255.0) ** 2.0
            let expected = (2.0 * 60.0 * 120.0 + c1) / (60.0 * 60.0 + 120.0 * 120.0 + c1)
            near 1e-9 "flat" (Ssim.Of(dark, light)) expected
            near 1e-12 "itself" (Ssim.Of(dark, dark)) 1.0
        }

        test "SSIM of one window is its formula" {
            // 11 x 11 pixels have one window, whose moments are sums over Gaussian weights.
            let x, y =
                (fun i j -> (37 * i + 91 * j) % 256), (fun i j -> (53 * i + 29 * j + 7) % 256)

            let weight i = exp (-float((i - 5) * (i - 5)) / 4.5)
            let total = List.sum [ for i in 0..10 -> weight i ] ** 2.0

            let mean f =
                List.sum [
                    for i in 0..10 do
                        for j in 0..10 -> weight i * weight j * f i j
                ]
                / total

            let mx, my = mean (fun i j -> float (x i j)), mean (fun i j -> float (y i j))
            let vx = mean (fun i j -> (float (x i j) - mx) ** 2.0)
            let vy = mean (fun i j -> (float (y i j) - my) ** 2.0)
            let cov = mean (fun i j -> (float (x i j) - mx) * (float (y i j) - my))
            let c1, c2 = 2.55 ** 2.0, 7.65 ** 2.0

            let expected =
                (2.0 * mx * my + c1) * (2.0 * cov + c2)
                / ((mx * mx + my * my + c1) * (vx + vy + c2))

            near 1e-9 "SSIM" (Ssim.Of(grey 11 11 x, grey 11 11 y)) expected
        }

        test "an inverted picture is dissimilar" {
            let picture = grey 32 32 (fun x y -> if (x / 4 + y / 4) % 2 = 0 then 30 else 220)
            let inverted = grey 32 32 (fun x y -> if (x / 4 + y / 4) % 2 = 0 then 220 else 30)
            Expect.isLessThan (Ssim.Of(picture, inverted)) -0.5 "structure is opposite"
        }

        test "pictures of other sizes are refused, and those smaller than the window" {
            for of' in [ (fun a b -> Psnr.Of(a, b)); (fun a b -> Ssim.Of(a, b)) ] do
                Expect.throwsC (fun () -> of' (Image(12, 12)) (Image(12, 13)) |> ignore) (fun error ->
                    Expect.stringContains error.Message "12x12 cannot be laid over its reference of 12x13" "sizes")

            Expect.throwsC (fun () -> Ssim.Of(Image(10, 20), Image(10, 20)) |> ignore) (fun error ->
                Expect.stringContains error.Message "smaller than the window of 11x11" "window")
        }
    ]

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
let tests = testList "metrics" [ parity; kid; fid; pictures; agreement ]
