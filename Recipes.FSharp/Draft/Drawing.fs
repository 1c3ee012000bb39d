namespace Recipes

/// The drawing settings with every default filled in.
type Drawing = {
    Denoise: int<step>
    Guidance: float
    Avoid: string
    /// One picture a prompt and seed.
    Seeds: int list
    Sampler: Sampler
    /// The share of guidance's contrast that is taken back.
    Rescale: float
    /// Last layers of the text encoder that are left out.
    ClipSkip: int
}

[<RequireQualifiedAccess>]
module internal Drawing =
    /// An upscaler follows its small picture, and needs neither guidance nor many tries.
    let ofParts upscales (parts: DrawPart list) =
        let start = {
            Denoise = 20<step>
            Guidance = if upscales then 1.0 else 5.0
            Avoid = ""
            Seeds = if upscales then [ 0 ] else [ 0..3 ]
            Sampler = Ddim
            Rescale = 0.0
            ClipSkip = 0
        }

        (start, parts)
        ||> List.fold (fun drawing part ->
            match part with
            | DrawPart.Denoise value -> { drawing with Denoise = value }
            | DrawPart.Guidance value -> { drawing with Guidance = value }
            | DrawPart.Avoid value -> { drawing with Avoid = value }
            | DrawPart.Seeds values -> { drawing with Seeds = values }
            | DrawPart.Count count -> {
                drawing with
                    Seeds = [ 0 .. int count - 1 ]
              }
            | DrawPart.Sampler value -> { drawing with Sampler = value }
            | DrawPart.Rescale value -> { drawing with Rescale = value }
            | DrawPart.ClipSkip value -> { drawing with ClipSkip = value })
