// The data that the embedded model is trained on: four npm packages of icons and names, joined into one pack.
//
//     npm pack @iconify-json/noto@1.2.9 @iconify-json/fluent-emoji-flat@1.2.6 \
//         @lobehub/fluent-emoji-3d@1.1.0 emojibase-data@17.0.0
//     dotnet fsi recipes/pretrain.fsx FOLDER       # the folder with the tarballs; icons.pack is written beside them
//
// SVG is drawn by rsvg-convert (`apt-get install librsvg2-bin`).
#load "_recipes.fsx"
#r "../Recipes.FSharp/bin/Release/net10.0/Recipes.Core.dll"

open System
open System.IO
open Recipes.Core
open Recipes.Core.Pocket

let folder =
    match List.ofArray fsi.CommandLineArgs with
    | _ :: folder :: _ -> folder
    | _ -> "."

let pack = Path.Combine(folder, "icons.pack")

try
    let labels = IconSet.Build(folder, pack)

    for package in SourcePackage.All do
        printfn $"%s{package.Name} %s{package.Version}, %s{package.Licence}, sha256 %s{package.Sha256}"

    let heldOut =
        labels |> Seq.filter (fun (struct (thing, _)) -> thing.HeldOut) |> Seq.length

    printfn $"%s{pack}: %d{labels.Count} things, %d{heldOut} of them held out, in %d{Styles.All.Count} styles"
with :? RecipesException as fault ->
    eprintfn $"%s{fault.Message}"
    exit 1
