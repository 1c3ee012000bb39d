using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Native;

/// <summary>
/// Gradients of operations that libtorch does not know, such as this program's own kernels: a node in its gradient
/// graph whose backward is C#. TorchSharp's own class for this keeps a second tensor of each output's size until the
/// graph is gone; this one keeps what the caller saved, and only until it has run.
/// </summary>
internal static unsafe class CustomGradient
{
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate HandleArray ApplyCallback(IntPtr* gradients, int count);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void DeletedCallback();

    private static readonly Lazy<Exports> Library = new(() => new Exports(Loader.Load().Handle));
    private static readonly ConcurrentDictionary<Node, bool> Alive = new();
    private static Exception? failure;

    [ThreadStatic]
    private static Tensor?[]? given;

    [ThreadStatic]
    private static IntPtr* slots;

    [ThreadStatic]
    private static IntPtr* wrapped;

    /// <summary>Greatest number of inputs or outputs of one operation.</summary>
    private const int Most = 16;

    /// <summary>Whether an operation on these inputs takes part in a gradient.</summary>
    public static bool Needed(params ReadOnlySpan<Tensor?> inputs)
    {
        if (!is_grad_enabled())
        {
            return false;
        }

        foreach (var input in inputs)
        {
            if (input is not null && input.requires_grad)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A copy of the handle, not of the values, that outlives the scope and holds no gradient graph.</summary>
    public static Tensor Save(Tensor value) => value.detach().DetachFromDisposeScope();

    /// <summary>Makes outputs, computed outside of the graph, the results of inputs in it.</summary>
    /// <param name="inputs">Those that require gradients.</param>
    /// <param name="outputs">Fresh tensors.</param>
    /// <param name="saved">What backward needs, from <see cref="Save"/>; freed after it ran.</param>
    /// <param name="backward">
    /// The outputs' gradients (null for none) to fresh tensors with the inputs'. Runs once, on a thread of libtorch.
    /// Those of parameters must share memory with nothing else: they become the parameters' gradients as they are, where
    /// libtorch would copy each, as it cannot know that nobody else holds it.
    /// </param>
    public static void Attach(
        Tensor[] inputs, Tensor[] outputs, Tensor?[] saved, Func<Tensor?[], Tensor?[]> backward)
    {
        var library = Library.Value;
        var node = new Node(saved, backward, [.. inputs.Select(input => input as Parameter)]);
        Alive.TryAdd(node, true);
        var pair = library.Create(node.ApplyPointer, node.DeletedPointer);
        library.ThrowError();
        var from = stackalloc IntPtr[Most];
        var to = stackalloc IntPtr[Most];
        Fill(inputs, from);
        Fill(outputs, to);
        library.SetEdges(pair, new HandleArray(from, inputs.Length), 1);
        library.ThrowError();
        library.Clear(pair);
        wrapped = (IntPtr*)NativeMemory.AllocZeroed(Most, (nuint)sizeof(IntPtr));
        library.Wrap(
            new HandleArray(from, inputs.Length),
            default,
            default,
            new HandleArray(to, outputs.Length),
            pair,
            &Allocate);
        for (var i = 0; i < outputs.Length && wrapped[i] != IntPtr.Zero; i++)
        {
            // Further handles of the same tensors, which now know where they come from.
            Tensor.UnsafeCreateTensor(wrapped[i]).Dispose();
        }

        NativeMemory.Free(wrapped);
        wrapped = null;
        library.DisposeShared(pair);
        library.DisposeWeak(pair);
        library.ThrowError();
    }

    /// <summary>
    /// Computes the gradients of a loss. What a backward of <see cref="Attach"/> throws, which libtorch cannot pass
    /// on, is thrown from here.
    /// </summary>
    public static void Backward(Tensor loss)
    {
        try
        {
            loss.backward();
        }
        catch (ExternalException) when (failure is not null)
        {
            throw Interlocked.Exchange(ref failure, null)!;
        }
    }

    private static void Fill(Tensor[] tensors, IntPtr* handles)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tensors.Length, Most);
        for (var i = 0; i < tensors.Length; i++)
        {
            handles[i] = tensors[i].Handle;
        }
    }

    [UnmanagedCallersOnly]
    private static IntPtr* Allocate(nuint count) => count <= Most ? wrapped : null;

    /// <summary>Handles by address and number, as libtorch's bindings pass them.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct HandleArray(IntPtr* handles, long count)
    {
        private readonly IntPtr* handles = handles;
        private readonly long count = count;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct NodePair
    {
        private readonly IntPtr shared;
        private readonly IntPtr weak;
    }

    private sealed class Node
    {
        private readonly ApplyCallback apply;
        private readonly DeletedCallback deleted;
        private readonly Parameter?[] parameters;
        private Tensor?[]? saved;
        private Func<Tensor?[], Tensor?[]>? backward;

        public Node(Tensor?[] saved, Func<Tensor?[], Tensor?[]> backward, Parameter?[] parameters)
        {
            this.saved = saved;
            this.backward = backward;
            this.parameters = parameters;
            apply = Apply;
            deleted = Delete;
            ApplyPointer = Marshal.GetFunctionPointerForDelegate(apply);
            DeletedPointer = Marshal.GetFunctionPointerForDelegate(deleted);
        }

        public IntPtr ApplyPointer { get; }

        public IntPtr DeletedPointer { get; }

        private HandleArray Apply(IntPtr* gradients, int count)
        {
            // What was handed over the last time has been copied by now.
            Free(given);
            given = null;
            if (slots is null)
            {
                slots = (IntPtr*)NativeMemory.AllocZeroed(Most, (nuint)sizeof(IntPtr));
            }

            var incoming = new Tensor?[count];
            try
            {
                for (var i = 0; i < count; i++)
                {
                    incoming[i] = gradients[i] == IntPtr.Zero
                        ? null
                        : Tensor.UnsafeCreateTensor(gradients[i]).DetachFromDisposeScope();
                }

                var run = Interlocked.Exchange(ref backward, null)
                    ?? throw new InvalidOperationException("this graph's gradient was computed before");
                Tensor?[] found;
                using (no_grad())
                {
                    found = run(incoming);
                }

                for (var i = 0; i < found.Length; i++)
                {
                    if (parameters[i] is { } parameter && found[i] is { } gradient)
                    {
                        Give(parameter, gradient);
                        found[i] = null;
                    }
                }

                // A backward within this one has left its own behind.
                Free(given);
                given = found;

                for (var i = 0; i < given.Length; i++)
                {
                    slots[i] = given[i]?.Handle ?? IntPtr.Zero;
                }

                return new HandleArray(slots, given.Length);
            }
            catch (Exception e)
            {
                // An exception must not unwind through native code.
                Interlocked.CompareExchange(ref failure, e, null);
                return default;
            }
            finally
            {
                Free(incoming);
                Release();
            }
        }

        /// <summary>Makes a gradient a parameter's own, or adds it to the one it has.</summary>
        private static void Give(Parameter parameter, Tensor gradient)
        {
            using var none = no_grad();
            using (gradient)
            using (var present = parameter.grad)
            {
                if (present is null)
                {
                    parameter.grad = gradient;
                }
                else
                {
                    present.add_(gradient);
                }
            }
        }

        private void Delete()
        {
            Release();
            Alive.TryRemove(this, out _);
        }

        private void Release() => Free(Interlocked.Exchange(ref saved, null));

        private static void Free(Tensor?[]? tensors)
        {
            foreach (var tensor in tensors ?? [])
            {
                tensor?.Dispose();
            }
        }
    }

    /// <summary>The functions of TorchSharp's native library behind its own class.</summary>
    private sealed class Exports(IntPtr library)
    {
        public readonly delegate* unmanaged<IntPtr, IntPtr, NodePair> Create =
            (delegate* unmanaged<IntPtr, IntPtr, NodePair>)NativeLibrary.GetExport(
                library, "THSAutograd_CSharpNode_ctor");

        public readonly delegate* unmanaged<NodePair, void> DisposeShared =
            (delegate* unmanaged<NodePair, void>)NativeLibrary.GetExport(
                library, "THSAutograd_CSharpNode_disposeSharedPtr");

        public readonly delegate* unmanaged<NodePair, void> DisposeWeak =
            (delegate* unmanaged<NodePair, void>)NativeLibrary.GetExport(
                library, "THSAutograd_CSharpNode_disposeWeakPtr");

        public readonly delegate* unmanaged<NodePair, HandleArray, byte, void> SetEdges =
            (delegate* unmanaged<NodePair, HandleArray, byte, void>)NativeLibrary.GetExport(
                library, "THSAutograd_CSharpNode_setNextEdges");

        public readonly delegate* unmanaged<NodePair, void> Clear =
            (delegate* unmanaged<NodePair, void>)NativeLibrary.GetExport(
                library, "THSAutograd_CSharpNode_clearInputMetadata");

        public readonly delegate* unmanaged<
            HandleArray, HandleArray, HandleArray, HandleArray, NodePair, delegate* unmanaged<nuint, IntPtr*>, void>
            Wrap =
                (delegate* unmanaged<
                    HandleArray,
                    HandleArray,
                    HandleArray,
                    HandleArray,
                    NodePair,
                    delegate* unmanaged<nuint, IntPtr*>,
                    void>)NativeLibrary.GetExport(library, "THSAutograd_Function_wrapOutputs");

        private readonly delegate* unmanaged<IntPtr> error =
            (delegate* unmanaged<IntPtr>)NativeLibrary.GetExport(library, "THSTorch_get_and_reset_last_err");

        public void ThrowError()
        {
            var text = error();
            if (text != IntPtr.Zero)
            {
                throw new ExternalException(Marshal.PtrToStringUTF8(text));
            }
        }
    }
}
