// Measures the embedded model as its card states it, on the CPU: figures.json and sheet.png.
//
//     dotnet fsi recipes/figures.fsx [FOLDER [MODEL CLIP UPSCALER]] [--icons PACK] [--guidance 4]
//
// FOLDER takes the results (runs/figures by default); MODEL, CLIP and UPSCALER are other model folders than
// the embedded ones.
#load "_recipes.fsx"
#r "../Recipes.FSharp/bin/Release/net10.0/Recipes.Core.dll"
#r "../Recipes.FSharp/bin/Release/net10.0/Recipes.Eval.dll"

open System
open System.Globalization
open System.Threading
open Recipes
open Recipes.Core
open Recipes.Core.Pocket
open Recipes.Eval.Pocket
open Recipes.Pretraining

let rec private options (pack: string option) (guidance: float) (places: string list) (args: string list) =
    match args with
    | "--icons" :: path :: rest -> options (Some path) guidance places rest
    | "--guidance" :: value :: rest -> options pack (Double.Parse(value, CultureInfo.InvariantCulture)) places rest
    | place :: rest -> options pack guidance (places @ [ place ]) rest
    | [] -> pack, guidance, places

let private pack, private guidance, private places =
    fsi.CommandLineArgs |> List.ofArray |> List.tail |> options None 4.0 []

let private tell (progress: Runs.RunProgress) =
    match progress with
    | Runs.RunProgress.Began(phase, _, total) -> eprintfn $"{phase}: {total} steps"
    | Runs.RunProgress.Ended phase -> eprintfn $"{phase}: done"
    | Runs.RunProgress.Reached _
    | Runs.RunProgress.Note _ -> ()

try
    let target, folders =
        match places with
        | target :: folders -> target, folders
        | [] -> "runs/figures", []

    let model, clip, upscaler =
        match folders with
        | [] -> PocketModel.Folder, PocketModel.ClipFolder, PocketModel.UpscalerFolder
        | [ model; clip; upscaler ] -> model, clip, upscaler
        | _ -> raise (RecipesException("figures", $"{folders.Length} folders are named", "Name all three, or none."))

    let figures =
        Measuring.write
            model
            clip
            upscaler
            pack
            Cpu
            (FigureOptions(Guidance = guidance))
            target
            tell
            CancellationToken.None

    printf $"%s{figures.ToJson()}"
with :? RecipesException as fault ->
    eprintfn $"%s{fault.Message}"
    exit 1
