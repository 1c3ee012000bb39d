namespace Recipes.Core.Native;

/// <summary>Which libtorch this process computes with.</summary>
/// <param name="Folder">The folder it was loaded from.</param>
/// <param name="Source">Who chose that folder: "packaged", RECIPES_LIBTORCH, --libtorch or "loaded before".</param>
/// <param name="Version">libtorch's version, "unknown" where it does not say.</param>
/// <param name="Cuda">Whether it sees an NVIDIA GPU.</param>
/// <param name="Library">The file of TorchSharp's own native library.</param>
/// <param name="Mended">Whether that file is a copy mended for an older C++ library.</param>
public sealed record LibTorchInfo(
    string Folder, string Source, string Version, bool Cuda, string Library, bool Mended)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"libtorch {Version} ({Source}, {(Cuda ? "CUDA" : "CPU only")}) from {Folder}"
        + (Mended ? ", mended for this host's C++ library" : "");
}
