module Recipes.Tests.IconVariationTests

open Expecto
open Recipes.Core.Pocket
open TorchSharp

type private Tensor = torch.Tensor

let private distance (a: Tensor) (b: Tensor) =
    (a - b).abs().max().item<float32>() |> float

/// An icon of one colour over its whole square.
let private plain (red: float32) (green: float32) (blue: float32) (alpha: float32) =
    torch.tensor([| red; green; blue; alpha |]).reshape(1L, 4L, 1L, 1L).expand(1L, 4L, 8L, 8L)

let private grid =
    let identity = torch.tensor([| 1f; 0f; 0f; 0f; 1f; 0f |]).reshape(1L, 2L, 3L)
    torch.nn.functional.affine_grid (identity, [| 1L; 1L; 16L; 16L |], false)

/// Variations of so many icons.
let private drawn count share seed =
    IconVariation.Draw(count, share, seed).reshape(-1L, int64 IconVariation.Width)

[<Tests>]
let tests =
    testList "icon variation" [
        test "an icon left alone is the icon" {
            let none = (drawn 1 0.0 3).narrow(0L, 0L, 1L)
            let icon = plain 0.5f 0.2f 0.1f 0.8f
            Expect.isLessThan (distance (IconVariation.Recolour(icon, none)) icon) 1e-6 "colours"
            Expect.isLessThan (distance (IconVariation.Reshape(grid, none)) grid) 1e-6 "shape"
        }

        test "the share says how many icons are varied" {
            let untouched = (drawn 1 0.0 1)[0]
            let all = drawn 1000 0.3 5

            let touched =
                (all - untouched).abs().sum(1L).gt((1e-6).ToScalar()).sum().item<int64>()

            Expect.isTrue (touched > 530L && touched < 670L) $"{touched} of 2000"
        }

        test "hues turn, greys stay grey, alpha stays, and no colour exceeds it" {
            let varied = drawn 50 1.0 7
            let icons = (plain 0.6f 0.1f 0.1f 0.6f).expand(100L, 4L, 8L, 8L)
            let reds = IconVariation.Recolour(icons, varied)
            Expect.isGreaterThan (distance reds icons) 0.3 "another hue"
            Expect.isLessThan (distance (reds.narrow (1L, 3L, 1L)) (icons.narrow (1L, 3L, 1L))) 1e-6 "alpha"
            Expect.isLessThan (reds.max().item<float32>()) 0.6001f "at most alpha"

            let greys =
                IconVariation.Recolour((plain 0.3f 0.3f 0.3f 1f).expand(100L, 4L, 8L, 8L), varied)

            Expect.isLessThan (distance (greys.narrow (1L, 0L, 1L)) (greys.narrow (1L, 2L, 1L))) 1e-5 "grey"
        }

        test "shapes bend a little, and the seed decides" {
            let one, other = drawn 20 1.0 1, drawn 20 1.0 2
            let many = grid.expand (40L, 16L, 16L, 2L)
            let bent = IconVariation.Reshape(many, one)
            Expect.isGreaterThan (distance bent many) 0.1 "moved"
            Expect.isLessThan (distance bent many) 0.45 "not far"
            Expect.equal (distance one (drawn 20 1.0 1)) 0.0 "same seed"
            Expect.isGreaterThan (distance one other) 0.1 "another seed"
        }
    ]
