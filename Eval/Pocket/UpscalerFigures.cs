namespace Recipes.Eval.Pocket;

/// <summary>What the embedded upscaler reaches on scenes of held-out things: means in dB of PSNR.</summary>
/// <param name="Autoencoder">Its autoencoder's reconstructions: what enlarging could reach at most.</param>
/// <param name="Bicubic">Enlarged without a model.</param>
/// <param name="Enlarged">Enlarged by it, one seed, guidance 1, noise level 0, without a caption.</param>
/// <param name="Scenes">How many scenes.</param>
/// <param name="Steps">Denoising steps.</param>
public sealed record UpscalerFigures(double Autoencoder, double Bicubic, double Enlarged, int Scenes, int Steps);
