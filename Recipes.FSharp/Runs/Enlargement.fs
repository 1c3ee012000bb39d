namespace Recipes.Runs

open Recipes.Core.Imaging
open Recipes.Eval
open Recipes.Eval.Metrics

/// A small picture, enlarged in three ways.
type internal Enlargement = {
    Picture: SmallPicture
    Bicubic: Image
    /// By the upscaler as it was.
    Before: Image
    /// By the upscaler tuned.
    After: Image
}

/// How near enlarged pictures come to those that their small ones were made from.
type internal Likeness = {
    Bicubic: Score
    Before: Score
    After: Score
}

[<RequireQualifiedAccess>]
module internal Likeness =
    let private measured name definition (of': Image -> Image -> float) (pictures: Enlargement list) =
        let known =
            pictures
            |> List.choose (fun each -> each.Picture.Original |> Option.map (fun original -> each, original))

        if known.IsEmpty then
            None
        else
            let score (enlarged: Enlargement -> Image) =
                Score(
                    name,
                    definition,
                    [| for each, original in known -> of' (enlarged each) original |],
                    [| for each, _ in known -> each.Picture.Title |],
                    Better = Better.Higher
                )

            Some {
                Bicubic = score _.Bicubic
                Before = score _.Before
                After = score _.After
            }

    /// In dB; nothing where no original is known.
    let psnr pictures =
        measured
            "PSNR"
            "peak signal-to-noise ratio in dB over the pixels and channels of each held-out picture, 8 bits"
            (fun picture original -> Psnr.Of(picture, original))
            pictures

    let ssim pictures =
        measured
            "SSIM"
            "structural similarity (Gaussian windows of 11 px, sigma 1.5), the mean over the channels of each picture"
            (fun picture original -> Ssim.Of(picture, original))
            pictures
