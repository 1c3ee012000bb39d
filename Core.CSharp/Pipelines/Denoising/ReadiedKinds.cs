using System.Runtime.CompilerServices;
using Recipes.Core.Networks;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// What a network computed before, and on which thread, so that libraries have chosen their kernels: cuDNN tries them
/// out, which no recording bears, and remembers its choice for the thread.
/// </summary>
internal static class ReadiedKinds
{
    private static readonly ConditionalWeakTable<UNet2DConditionModel, HashSet<string>> Seen = [];

    /// <summary>Whether this thread asked for the network and kind before; from now on it did.</summary>
    public static bool Has(UNet2DConditionModel unet, string kind) =>
        !Seen.GetOrCreateValue(unet).Add($"{Environment.CurrentManagedThreadId};{kind}");
}
