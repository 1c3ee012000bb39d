namespace Recipes.Core.Pocket;

/// <summary>Where the embedded model lies: folders beside the assembly, in the layouts of diffusers and transformers.</summary>
public static class PocketModel
{
    /// <summary>The text-to-image model (unet, vae, text_encoder, tokenizer, scheduler): 128 px, SD 1 family.</summary>
    /// <exception cref="RecipesException">The folder is not beside the assembly.</exception>
    public static string Folder => Find("pocket", "model_index.json");

    /// <summary>The CLIP model that scores pictures against captions and one another.</summary>
    /// <exception cref="RecipesException">The folder is not beside the assembly.</exception>
    public static string ClipFolder => Find("pocket-clip", "config.json");

    /// <summary>
    /// The upscaler of 32x32 px to 128x128 px, in the layout of stable-diffusion-x4-upscaler. Its text encoder and
    /// tokenizer are those of <see cref="Folder"/>.
    /// </summary>
    /// <exception cref="RecipesException">The folder is not beside the assembly.</exception>
    public static string UpscalerFolder => Find("pocket-x4", "model_index.json");

    private static string Find(string name, string file)
    {
        // An assembly loaded from memory has no location.
        var assembly = typeof(PocketModel).Assembly.Location;
        var beside = assembly.Length > 0 ? Path.GetDirectoryName(assembly)! : AppContext.BaseDirectory;
        var folder = Path.Combine(beside, name);
        return File.Exists(Path.Combine(folder, file))
            ? folder
            : throw new RecipesException(
                folder, $"the embedded model is not there ({file} is missing)",
                "Build the project again: the build copies Core.CSharp/Pocket/model to its output.");
    }
}
