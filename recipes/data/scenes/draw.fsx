// Draws the scenes beside this script and those in ../unseen with the embedded model. Where a thing stands and how large it
// is are said to the model and left out of the captions, so that only a hint can tell them. After a build:
//
//     dotnet fsi recipes/data/scenes/draw.fsx [folder]
#r "../../../Recipes.FSharp/bin/Release/net10.0/Recipes.Core.dll"
#r "../../../Recipes.FSharp/bin/Release/net10.0/TorchSharp.dll"
#r "../../../Recipes.FSharp/bin/Release/net10.0/SkiaSharp.dll"

open System
open System.IO
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Pocket
open SkiaSharp

/// How a scene is laid out: its caption, and what the model is asked for.
type Layout =
    | Alone of size: string * place: string
    | Pair

let layouts = [
    Alone("small ", " on the left")
    Alone("", " on the right")
    Alone("big ", "")
    Alone("small ", " in the middle")
    Pair
    Alone("", " on the left")
    Alone("small ", " on the right")
    Alone("small ", "")
]

let training, unseen = 240, 8

let random = Random 11

/// None of the things in `unseen` is in `scenes`.
let kept, known =
    let things =
        Things.All |> Seq.filter (fun thing -> not thing.HeldOut) |> Seq.toArray

    random.Shuffle things
    things[.. 2 * unseen - 1], things[2 * unseen ..]

let article (text: string) =
    if text.StartsWith "some " then "some"
    elif "aeiou".Contains text[0] then "an"
    else "a"

/// The caption, and the prompt that also says size and place.
let scene (things: Thing array) number =
    let background = Backgrounds.All[random.Next Backgrounds.All.Count].Name
    let behind = $"on {article background} {background} background"
    let thing = things[2 * number % things.Length]

    match layouts[number % layouts.Length] with
    | Alone(size, place) ->
        let start =
            if size = "" || thing.Article = "some" then
                thing.Article
            else
                "a"

        $"{thing.Article} {thing.Noun} {behind}", $"{start} {size}{thing.Noun}{place} {behind}"
    | Pair ->
        let other = things[(2 * number + 1) % things.Length]

        let text =
            $"{thing.Article} {thing.Noun} next to {other.Article} {other.Noun} {behind}"

        text, text

let scenes = List.init unseen (scene kept) @ List.init training (scene known)

let images =
    use model = StableDiffusionModel.Load PocketModel.Folder

    TextToImage.Run(
        model,
        TextToImageRequest(
            Prompts = [| for _, prompt in scenes -> prompt |],
            Seeds = [| for number in 0 .. scenes.Length - 1 -> uint64 (1000 + number) |],
            Steps = 20,
            Guidance = 4.0
        )
    )

let target =
    match fsi.CommandLineArgs with
    | [| _; folder |] -> folder
    | _ -> Path.Combine(__SOURCE_DIRECTORY__, "..")

/// A WebP file of little loss.
let save (path: string) (image: Image) =
    use bitmap =
        new SKBitmap(SKImageInfo(image.Width, image.Height, SKColorType.Rgb888x, SKAlphaType.Opaque))

    bitmap.Pixels <- [|
        for rgb in Array.chunkBySize 3 image.Pixels -> SKColor(rgb[0], rgb[1], rgb[2])
    |]

    use file = File.Create path

    if not (bitmap.Encode(file, SKEncodedImageFormat.Webp, 92)) then
        failwith $"{path} cannot be encoded"

let write name (pictures: (string * Image) list) =
    let folder = Path.Combine(target, name)
    Directory.CreateDirectory folder |> ignore

    File.WriteAllLines(
        Path.Combine(folder, "metadata.jsonl"),
        [
            for number, (caption, image) in List.indexed pictures do
                let file = $"{number:D3}.webp"
                save (Path.Combine(folder, file)) image
                $"""{{"file_name": "{file}", "text": "{caption}"}}"""
        ]
    )

let pictures = List.zip (List.map fst scenes) (List.ofSeq images)
write "unseen" (List.take unseen pictures)
write "scenes" (List.skip unseen pictures)
