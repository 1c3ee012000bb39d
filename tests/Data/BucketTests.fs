module Recipes.Tests.BucketTests

open Expecto
open FsCheck
open Recipes.Core.Data
open Recipes.Tests.Support

let private options = BucketOptions(Size = 512)

let private place width height (options: BucketOptions) =
    Buckets.Of(width, height, options, "a.png")

[<Tests>]
let tests =
    testList "buckets" [
        test "all are within the area, on the grid, and mirror each other" {
            let all = List.ofSeq (Buckets.All options)
            Expect.contains all (Bucket(512, 512)) "the square"
            Expect.contains all (Bucket(1024, 256)) "the longest"
            Expect.contains all (Bucket(576, 448)) "the greatest height for a width"

            for bucket in all do
                Expect.isLessThanOrEqual bucket.Area (512L * 512L) $"{bucket}"
                Expect.equal (bucket.Width % 64, bucket.Height % 64) (0, 0) $"{bucket}"
                Expect.isTrue (max bucket.Width bucket.Height <= 1024) $"{bucket}"
                Expect.contains all (Bucket(bucket.Height, bucket.Width)) $"{bucket} mirrored"

            Expect.equal
                (List.ofSeq (Buckets.All(BucketOptions(Size = 512, Shapes = false))))
                [ Bucket(512, 512) ]
                "one square"
        }

        test "pictures go to the nearest shape" {
            Expect.equal (place 4000 3000 options) (Bucket(576, 448)) "4:3"
            Expect.equal (place 300 400 options) (Bucket(448, 576)) "3:4, enlarged"
            Expect.equal (place 500 500 options) (Bucket(512, 512)) "a square"
            Expect.equal (place 9000 100 options) (Bucket(1024, 256)) "beyond the longest"
        }

        test "what must not be enlarged gets a smaller bucket, or is refused by name" {
            let still = BucketOptions(Size = 512, Upscale = false)
            Expect.equal (place 4000 3000 still) (Bucket(576, 448)) "large enough"
            Expect.equal (place 300 400 still) (Bucket(256, 384)) "its own sides, cut down"
            Expect.equal (place 4000 200 still) (Bucket(1024, 192)) "the longest side holds"
            failsWith "a.png: it is 300x40 px, smaller than a step of 64" (fun () -> place 300 40 still |> ignore)
            let square = BucketOptions(Size = 512, Upscale = false, Shapes = false)
            failsWith "smaller than 512x512" (fun () -> place 600 500 square |> ignore)
        }

        testProperty "a bucket without enlarging lies within its picture"
        <| fun (PositiveInt w) (PositiveInt h) ->
            let width, height = 64 + w * 37 % 2000, 64 + h * 41 % 2000
            let bucket = place width height (BucketOptions(Size = 256, Upscale = false))

            bucket.Width <= width
            && bucket.Height <= height
            && bucket.Area <= 256L * 256L
            && bucket.Width % 64 + bucket.Height % 64 = 0

        test "sizes that a model cannot be trained at are refused" {
            let refuse part (options: BucketOptions) =
                failsWith part (fun () -> options.Check 64)

            options.Check 64
            refuse "Buckets.Step: 32 px is no multiple of 64" (BucketOptions(Size = 512, Step = 32))
            refuse "Buckets.Size: 500 px is no multiple of 64" (BucketOptions(Size = 500))
            refuse "Set 448" (BucketOptions(Size = 500))
            refuse "Buckets.MaxSide: 256 px is less than" (BucketOptions(Size = 512, MaxSide = 256))
        }

        test "a framing covers the bucket, and tells SDXL of it" {
            let centre = Framing.Centre(Bucket(400, 300), Bucket(128, 128))
            Expect.equal centre.Scaled (Bucket(170, 128)) "the shorter side is the bucket's"
            Expect.equal (centre.Left, centre.Top) (21, 0) "the middle"
            Expect.equal (List.ofArray centre.TimeIds) [ 300f; 400f; 0f; 21f; 128f; 128f ] "height before width"
            let right = Framing.At(Bucket(400, 300), Bucket(128, 128), 0.999, 0.5)
            Expect.equal (right.Left, right.Top) (42, 0) "the rightmost"
            let mirrored = Framing.At(Bucket(400, 300), Bucket(128, 128), 0.999, 0.5, true)
            Expect.equal mirrored.ShownLeft 0 "mirrored, nothing is cut off at the left"
        }

        testProperty "any framing lies within the scaled picture"
        <| fun (PositiveInt w) (PositiveInt h) (PositiveInt x) ->
            let original = Bucket(1 + w % 3000, 1 + h % 3000)
            let target = Bucket(64 * (1 + x % 7), 64 * (1 + x % 5))

            let framing =
                Framing.At(original, target, float (x % 97) / 97.0, float (x % 89) / 89.0)

            framing.Left >= 0
            && framing.Top >= 0
            && framing.Left + target.Width <= framing.Scaled.Width
            && framing.Top + target.Height <= framing.Scaled.Height
            && (framing.Scaled.Width = target.Width || framing.Scaled.Height = target.Height)
    ]
