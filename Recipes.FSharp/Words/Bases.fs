namespace Recipes

/// A family of base models: a mark for the type checker, never an object.
type Family = interface end

/// Stable Diffusion 1.x: one CLIP text encoder of width 768.
type SD1 =
    inherit Family

/// Stable Diffusion 2.x: one OpenCLIP text encoder of width 1024.
type SD2 =
    inherit Family

/// Stable Diffusion XL: two text encoders, 2048 wide together.
type SDXL =
    inherit Family

/// An upscaler of four times in the layout of stable-diffusion-x4-upscaler: it draws from small pictures.
type X4 =
    inherit Family

/// A model on a hub such as huggingface.co.
type Repository = {
    /// Such as `org/name`.
    Id: string
    /// A branch, a tag or a commit.
    Revision: string
    /// The weights' variant, such as `fp16`; nothing for full precision.
    Variant: string option
    /// The one file to take; nothing for the whole folder.
    File: string option
}

/// Where the weights of a base model lie.
[<RequireQualifiedAccess>]
type Weights =
    /// The small model that comes with this library.
    | Pocket
    /// The small upscaler that comes with this library.
    | PocketX4
    /// A folder in the layout of the diffusers library.
    | Folder of path: string
    /// A checkpoint in one `.safetensors` file.
    | File of path: string
    /// A model on a hub, from a cache on this disk or downloaded.
    | Hub of Repository

/// A base model that belongs to a family.
type Model<'family when 'family :> Family> = { Name: string; Weights: Weights }
