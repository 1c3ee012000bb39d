namespace Recipes.Pretraining

open System.IO
open Recipes.Core
open Recipes.Core.Pocket

/// The icon pack of a pretraining.
[<RequireQualifiedAccess>]
module internal IconSource =
    let private fileName = "icons.pack"

    /// What to type to get the packages.
    let command =
        let names =
            SourcePackage.All
            |> Seq.map (fun package -> $"{package.Name}@{package.Version}")

        $"""npm pack {String.concat " " names}"""

    /// The pack in the folder. Where there is none it is built from the packages' tarballs, which must lie there.
    let find (folder: string) (tell: string -> unit) : string =
        let pack = Path.Combine(folder, fileName)

        if not (File.Exists pack) then
            let missing =
                SourcePackage.All
                |> Seq.filter (fun package -> not (File.Exists(Path.Combine(folder, package.FileName))))
                |> Seq.map _.FileName
                |> List.ofSeq

            if not missing.IsEmpty then
                raise (
                    RecipesException(
                        folder,
                        $"""there is no {fileName}, and to build it these are missing: {String.concat ", " missing}""",
                        $"Type `{command}` in that folder, and install rsvg-convert (Debian: librsvg2-bin)."
                    )
                )

            tell $"building {pack} from {SourcePackage.All.Count} packages"
            IconSet.Build(folder, pack) |> ignore

        pack
