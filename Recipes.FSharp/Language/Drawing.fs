namespace Recipes

/// The word `draw`, and its lines: how samples are drawn.
[<AutoOpen>]
module DrawingWords =
    /// How samples are drawn: `draw { denoise 20<step>; guidance 5.0 }`.
    let draw<'family> = DrawBlock<'family>()

    /// Denoising steps of a picture. Default: 20.
    let denoise count = DrawPart.Denoise count

    /// How strongly a picture follows its prompt (classifier-free guidance, arXiv 2207.12598); 1 is none. Default: 5.
    let guidance value = DrawPart.Guidance value

    /// What to keep away from: the negative prompt. Default: nothing.
    let avoid text = DrawPart.Avoid text

    /// The seeds of each prompt's pictures, one picture a seed. Default: 0, 1, 2 and 3.
    let seeds values = DrawPart.Seeds values

    /// Pictures of each prompt, from the seeds 0, 1, 2 and so on: a shorter way to write `seeds`.
    let count pictures = DrawPart.Count pictures

    /// How noise becomes a picture. Default: Ddim.
    let sampler kind = DrawPart.Sampler kind

    /// How far the higher contrast of guidance is taken back, from 0 to 1 (arXiv 2305.08891, section 3.4). Default: 0.
    let rescale share = DrawPart.Rescale share

    /// How many of the text encoder's last layers are left out. Default: 0.
    let clipSkip layers = DrawPart.ClipSkip layers
