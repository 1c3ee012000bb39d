/// Where collages and the masks beside them lie in a run's folder.
module internal Recipes.Lowering.CollageFolder

open System.IO
open Recipes

let path (folder: string) = Path.Combine(folder, "collages")

/// A mask that is white or black all over.
let blank (folder: string) white (width: int<px>) (height: int<px>) =
    let shade = if white then "white" else "black"
    Path.Combine(path folder, $"{shade}-{width}x{height}.png")
