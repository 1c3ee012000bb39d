namespace Recipes.Core.Weights.Original;

/// <summary>One tensor under both of its names.</summary>
/// <param name="Diffusers">The key in the component's own file, and in the network.</param>
/// <param name="Original">The key in the checkpoint, with its prefix. Three rows share a joint projection.</param>
/// <param name="How">How the one lies in the other.</param>
internal sealed record KeyRow(string Diffusers, string Original, Arrangement How);
