using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Operations over many tensors at once that libtorch has and TorchSharp does not bind, reached through TorchScript.
/// One call costs about as much host time as one operation on one tensor.
/// </summary>
internal static class TensorLists
{
    // A wrong script ends the process when the function is first called: every one of these is called by a test.
    // 6 is the number of float32, whose name TorchScript does not know; a script must end in an empty line.
    private const string Script = """
        def adamw(
            weights: List[Tensor],
            gradients: List[Tensor],
            first: List[Tensor],
            second: List[Tensor],
            counts: List[Tensor],
            rate: Tensor,
            beta1: float,
            beta2: float,
            decay: float,
            epsilon: float) -> Tensor:
            none: List[Tensor] = []
            torch._fused_adamw_(
                weights,
                gradients,
                first,
                second,
                none,
                counts,
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                weight_decay=decay,
                eps=epsilon,
                amsgrad=False,
                maximize=False)
            return rate

        def clip(gradients: List[Tensor], limit: float) -> Tensor:
            norms = torch._foreach_norm(gradients, 2.0, dtype=6)
            total = torch.linalg_vector_norm(torch.stack(norms))
            factor = torch.clamp(limit / (total + 1e-6), max=1.0)
            torch._foreach_mul_(gradients, factor)
            return total

        def norm(gradients: List[Tensor]) -> Tensor:
            norms = torch._foreach_norm(gradients, 2.0, dtype=6)
            return torch.linalg_vector_norm(torch.stack(norms))

        def zero(tensors: List[Tensor], result: Tensor) -> Tensor:
            torch._foreach_zero_(tensors)
            return result

        def copy(to: List[Tensor], source: List[Tensor], result: Tensor) -> Tensor:
            torch._foreach_copy_(to, source)
            return result

        def lerp(to: List[Tensor], source: List[Tensor], weight: float, result: Tensor) -> Tensor:
            torch._foreach_lerp_(to, source, weight)
            return result

        """;

    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(Script));

    /// <summary>
    /// One step of AdamW on float32 tensors; <paramref name="counts"/> hold the number of the step, from 1.
    /// </summary>
    public static void AdamW(
        Tensor[] weights,
        Tensor[] gradients,
        Tensor[] first,
        Tensor[] second,
        Tensor[] counts,
        Tensor rate,
        AdamWOptions options) =>
        Call(
            "adamw",
            weights,
            gradients,
            first,
            second,
            counts,
            rate,
            options.Beta1,
            options.Beta2,
            options.WeightDecay,
            options.Epsilon).Dispose();

    /// <summary>
    /// Scales all gradients alike so that their joint norm is at most the limit; the norm before, as a scalar on their
    /// device.
    /// </summary>
    public static Tensor Clip(Tensor[] gradients, double limit) => Call("clip", gradients, limit);

    /// <summary>The joint norm, a float32 scalar on their device.</summary>
    public static Tensor Norm(Tensor[] gradients) => Call("norm", [gradients]);

    /// <summary>Fills every tensor with zeros.</summary>
    public static void Zero(Tensor[] tensors) => Call("zero", tensors, tensors[0]).Dispose();

    /// <summary>Copies each tensor into its partner, converting where their types differ.</summary>
    public static void Copy(Tensor[] to, Tensor[] source) => Call("copy", to, source, to[0]).Dispose();

    /// <summary>Moves each tensor towards its partner: to += weight × (source - to).</summary>
    public static void Lerp(Tensor[] to, Tensor[] source, double weight) =>
        Call("lerp", to, source, weight, to[0]).Dispose();

    private static Tensor Call(string name, params object[] arguments)
    {
        using var _ = no_grad();

        // TorchSharp makes a native number of each double and holds only its address: a collection in the wrong moment
        // frees it before the script reads it. Numbers made here live until the call is over.
        var held = new List<Scalar>();
        try
        {
            var passed = Array.ConvertAll(arguments, argument => argument is double number ? (object)Hold(number) : argument);
            return Unit.Value.invoke<Tensor>(name, passed);
        }
        finally
        {
            held.ForEach(number => number.Dispose());
        }

        Scalar Hold(double number)
        {
            held.Add(number.ToScalar());
            return held[^1];
        }
    }
}
