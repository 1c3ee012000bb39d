using TorchSharp;

namespace Recipes.Core.Native;

/// <summary>
/// The libtorch under TorchSharp. Nothing has to be called: the first use of TorchSharp loads it. These members choose
/// another one, load it early to report on it, and give a plain error where it cannot be loaded.
/// </summary>
public static class LibTorch
{
    private static LibTorchInfo? info;

    /// <summary>Computes with the libtorch of this folder, such as the lib folder of a Python PyTorch.</summary>
    /// <param name="folder">The folder that holds libtorch_cpu.</param>
    /// <exception cref="RecipesException">It holds none, or another libtorch is in use already.</exception>
    public static void Use(string folder) => Loader.Choose(Path.GetFullPath(folder), "--libtorch");

    /// <summary>
    /// Begins to load libtorch beside other work. Where it fails, the next <see cref="Load"/> tries again and says why.
    /// </summary>
    public static void Begin() => _ = Task.Run(Load);

    /// <summary>Loads libtorch if nothing has yet, and says which one it is.</summary>
    /// <exception cref="RecipesException">It cannot be loaded; the message has at most six lines.</exception>
    public static LibTorchInfo Load()
    {
        var loaded = Loader.Load();

        // Outside the loader's lock: this runs TorchSharp's static initialiser, which may call the loader.
        return info ??= new LibTorchInfo(
            loaded.Folder,
            loaded.Source,
            loaded.Version,
            torch.cuda.is_available(),
            loaded.Library,
            loaded.Mended);
    }
}
