namespace Recipes

open System.IO

/// Base models are values; a new one is one line.
[<AbstractClass; Sealed>]
type Models private () =
    /// The last part of a path.
    static member private Last(path: string) =
        match path.TrimEnd('/', '\\') |> Path.GetFileName with
        | null
        | "" -> path
        | name -> name

    /// The small model that comes with this library: 128 px pictures of simple scenes, in seconds on a processor.
    static member pocket: Model<SD1> = {
        Name = "pocket"
        Weights = Weights.Pocket
    }

    /// The small upscaler that comes with this library: four times as many pixels a side, for what `pocket` draws.
    static member pocketX4: Model<X4> = {
        Name = "pocket-x4"
        Weights = Weights.PocketX4
    }

    /// A model of one's own in the layout of the diffusers library: `Models.folder<SD1> "models/sd-1.5"`. A relative
    /// path starts at the script's folder.
    static member folder<'family when 'family :> Family>(path: string) : Model<'family> = {
        Name = Models.Last path
        Weights = Weights.Folder path
    }

    /// A checkpoint in one file: `Models.file<SD1> "models/v1-5.safetensors"`. A relative path starts at the script's
    /// folder.
    static member file<'family when 'family :> Family>(path: string) : Model<'family> = {
        Name = Models.Last path
        Weights = Weights.File path
    }

    /// A model on the Hugging Face hub: `Models.hf<SDXL> "org/name"`, or
    /// `Models.hf<SDXL>("org/name", revision = "main", variant = "fp16")`. It is taken from the caches on this disk;
    /// `recipes run` downloads it where they lack it. `revision` is a branch, a tag or a commit (default: `main` as it was
    /// when it was downloaded), `variant` a variant of the weights (default: full precision), and `file` one checkpoint of
    /// the repository instead of its folders.
    static member hf<'family when 'family :> Family>
        (repository: string, ?revision: string, ?variant: string, ?file: string)
        : Model<'family> = {
        Name = Models.Last(defaultArg file repository)
        Weights =
            Weights.Hub {
                Id = repository
                Revision = defaultArg revision "main"
                Variant = variant
                File = file
            }
    }
