namespace Recipes.Runs

open System.IO
open Recipes
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Pipelines

/// A small picture to enlarge.
type internal SmallPicture = {
    /// What its files are called, such as `1-bowing-seed0`.
    Name: string
    /// What a reader is told that it is.
    Title: string
    Prompt: string
    Seed: int
    Small: Image
    /// The large picture that it was made from.
    Original: Image option
}

[<RequireQualifiedAccess>]
module internal SmallPicture =
    /// The held-out pictures of a plan, each with every seed: cut to the size of the training and made small as in the
    /// training, in 8 bits.
    let heldOut (plan: Plan) (upscaling: PlannedUpscaling) : SmallPicture list = [
        // Of several subjects nothing tells which one a picture shows.
        let prompt =
            match plan.Subjects with
            | [ subject ] -> subject.InstancePrompt
            | _ -> ""

        for picture in upscaling.HeldOut do
            use large = PreparedPicture.Square(picture.Path, int plan.Budget.Size)

            use small = SmallPictures.Of(large, upscaling.Factor)

            for seed in plan.Draw.Seeds do
                {
                    Name = $"{Path.GetFileNameWithoutExtension picture.Name}-seed{seed}"
                    Title = picture.Name
                    Prompt = prompt
                    Seed = seed
                    Small = (ImageTensor.ToImages small)[0]
                    Original = Some((ImageTensor.ToImages large)[0])
                }
    ]

    /// What another model drew.
    let drawn (shots: (Shot * Image) list) : SmallPicture list = [
        for shot, image in shots ->
            {
                Name = $"{shot.Number:D2}-seed{shot.Seed}"
                Title = shot.Prompt
                Prompt = shot.Prompt
                Seed = shot.Seed
                Small = image
                Original = None
            }
    ]

    /// Enlarged without a model, which is what an upscaler has to beat: Keys' cubic, a = -0.5.
    let bicubic (factor: int) (picture: SmallPicture) =
        Resize.To(picture.Small, factor * picture.Small.Width, factor * picture.Small.Height, Resampling.Bicubic)
