using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>A module whose own parameters are neither those of a map, a norm nor an embedding.</summary>
public interface IInitialised
{
    /// <summary>Fills the module's own parameters, not its children's. Called without gradients.</summary>
    void Fill(Generator generator);
}
