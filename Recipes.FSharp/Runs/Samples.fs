namespace Recipes.Runs

open System.IO
open Recipes
open Recipes.Core.Imaging

/// The pictures of a run's prompts, in `samples/`.
[<RequireQualifiedAccess>]
module internal Samples =
    /// `samples/01-seed7-before.png`
    let path (folder: RunFolder) (stage: string) (shot: Shot) =
        folder.File("samples", $"{shot.Number:D2}-seed{shot.Seed}-{stage}.png")

    /// The pictures of a stage: read where all of them are there, drawn and saved otherwise. Either way the same.
    let get (folder: RunFolder) (plan: Plan) stage (shots: Shot list) (draw: unit -> Image list) =
        let paths = shots |> List.map (path folder stage)

        if paths |> List.forall File.Exists then
            paths |> List.map ImageFile.Decode
        else
            let images = draw ()

            for shot, path, image in List.zip3 shots paths images do
                let png = ImageFile.EncodePng(image, PictureText.ofShot plan stage shot)
                Disk.write path (fun stream -> stream.Write(System.ReadOnlySpan png))

            images
