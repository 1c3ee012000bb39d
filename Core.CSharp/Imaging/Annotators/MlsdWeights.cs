using Recipes.Core.Hub;
using Recipes.Core.Pocket;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>The networks of M-LSD (Apache-2.0), fetched once from an npm package and checked by their hashes.</summary>
public static class MlsdWeights
{
    private static readonly SourcePackage Package = new(
        "jp.keijiro.mlsd", "1.0.0", "jp.keijiro.mlsd-1.0.0.tgz",
        "700e384ed337273202138ecad4a540b4b4f224b6aae92e85696c7c1a405b0bc8", "Apache-2.0",
        "NAVER Corp., Keijiro Takahashi");

    /// <summary>The large one for pictures of 512 pixels: 6.2 MB.</summary>
    public static PackagedFile Large { get; } = new(
        Package, "package/ONNX/mlsd_512x512_large.onnx",
        "c54856d88ff908a2feec230d6cab4714e88e99b692b095bb170042640e20f90d");

    /// <summary>The tiny one, 2.5 MB, about three times as fast.</summary>
    public static PackagedFile Tiny { get; } = new(
        Package, "package/ONNX/mlsd_512x512_tiny.onnx",
        "86182f576d4741945c6e9f1b5f6dd308f50745e6b2144fd8e799a4ae6a306d8d");
}
