namespace Recipes

open System.IO

/// Base models are values; a new one is one line.
[<RequireQualifiedAccess>]
module Models =
    /// The small model that comes with this library: 128 px pictures of simple scenes, in seconds on a processor.
    let pocket: Model<SD1> = {
        Name = "pocket"
        Weights = Weights.Pocket
    }

    /// A model of one's own in the layout of the diffusers library: `Models.folder<SD1> "models/sd-1.5"`. A relative
    /// path starts at the script's folder.
    let folder<'family when 'family :> Family> (path: string) : Model<'family> = {
        Name =
            match path.TrimEnd('/', '\\') |> Path.GetFileName with
            | null
            | "" -> path
            | name -> name
        Weights = Weights.Folder path
    }
