module Recipes.Tests.PictureMetricsTests

open Expecto
open Recipes.Core.Imaging
open Recipes.Eval.Metrics
open Recipes.Tests.DistanceSupport

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

[<Tests>]
let tests = testList "metrics" [ pictures ]
