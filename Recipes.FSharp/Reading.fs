namespace Recipes

/// Reads what the checks need from files.
[<RequireQualifiedAccess>]
module internal Reading =
    let facts (_script: string option) (recipe: Recipe) : Facts = {
        Base = None
        Tokens = None
        Folders = Draft.subjects recipe |> List.map (fun _ -> None)
        FreeDisk = None
        Memory = System.GC.GetGCMemoryInfo().TotalAvailableMemoryBytes
        Problems = []
    }
