using TorchSharp.Modules;

namespace Recipes.Core;

/// <summary>A weight being trained, with the name it has in checkpoints.</summary>
/// <param name="Name">Unique among the parameters trained together.</param>
/// <param name="Parameter">The weight itself.</param>
public readonly record struct NamedParameter(string Name, Parameter Parameter);
