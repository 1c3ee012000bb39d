namespace Recipes

/// How noise becomes a picture.
type Sampler =
    /// Deterministic denoising (DDIM, arXiv 2010.02502).
    | Ddim
    /// The chain that the model was trained with (DDPM, arXiv 2006.11239).
    | Ddpm
    /// Pseudo linear multi-step (PNDM, arXiv 2202.09778).
    | Pndm
    /// Euler steps over the noise's size (arXiv 2206.00364).
    | Euler
    /// The same, with the sizes of Karras et al. (equation 5).
    | EulerKarras
    /// Euler steps with fresh noise.
    | EulerAncestral
    /// Second-order Heun steps, two evaluations each (arXiv 2206.00364).
    | Heun
    | HeunKarras
    /// DPM-Solver++ of second order, multi-step (arXiv 2211.01095).
    | DpmPlusPlus2M
    | DpmPlusPlus2MKarras
    /// The same for the stochastic equation.
    | DpmPlusPlus2MSde
    | DpmPlusPlus2MSdeKarras
    /// Unified predictor-corrector (arXiv 2302.04867).
    | UniPc
    | UniPcKarras
    /// For latent consistency models (arXiv 2310.04378).
    | Lcm

    /// As the core and the command line call it.
    override sampler.ToString() =
        match sampler with
        | Ddim -> "ddim"
        | Ddpm -> "ddpm"
        | Pndm -> "pndm"
        | Euler -> "euler"
        | EulerKarras -> "euler-karras"
        | EulerAncestral -> "euler-a"
        | Heun -> "heun"
        | HeunKarras -> "heun-karras"
        | DpmPlusPlus2M -> "dpm++2m"
        | DpmPlusPlus2MKarras -> "dpm++2m-karras"
        | DpmPlusPlus2MSde -> "dpm++2m-sde"
        | DpmPlusPlus2MSdeKarras -> "dpm++2m-sde-karras"
        | UniPc -> "unipc"
        | UniPcKarras -> "unipc-karras"
        | Lcm -> "lcm"

[<RequireQualifiedAccess>]
module Sampler =
    /// Every sampler.
    let all = [
        Ddim
        Ddpm
        Pndm
        Euler
        EulerKarras
        EulerAncestral
        Heun
        HeunKarras
        DpmPlusPlus2M
        DpmPlusPlus2MKarras
        DpmPlusPlus2MSde
        DpmPlusPlus2MSdeKarras
        UniPc
        UniPcKarras
        Lcm
    ]

/// A line of the drawing settings.
[<RequireQualifiedAccess>]
type DrawPart =
    | Denoise of int<step>
    | Guidance of float
    | Avoid of string
    | Seeds of int list
    | Count of int<img>
    | Sampler of Sampler
    | Rescale of float
    | ClipSkip of int

    /// The word that writes this line.
    member part.Word =
        match part with
        | Denoise _ -> "denoise"
        | Guidance _ -> "guidance"
        | Avoid _ -> "avoid"
        | Seeds _ -> "seeds"
        | Count _ -> "count"
        | Sampler _ -> "sampler"
        | Rescale _ -> "rescale"
        | ClipSkip _ -> "clipSkip"

/// A line about where results go.
[<RequireQualifiedAccess>]
type OutputPart =
    | Folder of string

    /// The word that writes this line.
    member part.Word =
        match part with
        | Folder _ -> "folder"
