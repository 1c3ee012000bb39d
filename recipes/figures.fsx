// Measures the embedded model as its card states it, on the CPU: figures.json and sheet.png.
//
//     dotnet fsi recipes/figures.fsx [FOLDER [MODEL CLIP]] [--icons PACK] [--guidance 4]
//
// FOLDER takes the results (runs/figures by default); MODEL and CLIP are other model folders than the embedded ones.
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
    let target, model, clip =
        match places with
        | target :: model :: clip :: _ -> target, model, clip
        | target :: _ -> target, PocketModel.Folder, PocketModel.ClipFolder
        | [] -> "runs/figures", PocketModel.Folder, PocketModel.ClipFolder

    let figures =
        Measuring.write model clip pack Cpu (FigureOptions(Guidance = guidance)) target tell CancellationToken.None

    printf $"%s{figures.ToJson()}"
with :? RecipesException as fault ->
    eprintfn $"%s{fault.Message}"
    exit 1
