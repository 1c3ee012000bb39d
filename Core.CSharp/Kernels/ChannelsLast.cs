using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// Pictures [n, channels, height, width] whose channels lie side by side in memory, as tensor cores want them.
/// </summary>
internal static class ChannelsLast
{
    // A wrong script ends the process: a test calls this one. 2 is the number of the channels-last format.
    private const string Script = """
        def channels_last(x: Tensor) -> Tensor:
            return x.contiguous(memory_format=2)

        """;

    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(Script));

    /// <summary>Whether the values lie that way, without gaps.</summary>
    public static bool Is(Tensor pictures)
    {
        var shape = pictures.shape;
        var stride = pictures.stride();
        return shape.Length == 4
            && stride[1] == 1
            && stride[3] == shape[1]
            && stride[2] == shape[1] * shape[3]
            && (shape[0] == 1 || stride[0] == shape[1] * shape[2] * shape[3]);
    }

    /// <summary>The same values, copied only where they do not lie that way.</summary>
    public static Tensor Of(Tensor pictures) =>
        Is(pictures) ? pictures.alias() : Unit.Value.invoke<Tensor>("channels_last", pictures);

    /// <summary>The pixels as rows, [n, height · width, channels], of the same memory.</summary>
    public static Tensor Rows(Tensor pictures)
    {
        using var flat = pictures.flatten(2);
        return flat.transpose(1, 2);
    }
}
