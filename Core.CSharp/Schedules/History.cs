using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>The last few tensors of a way, newest first. It owns them.</summary>
internal sealed class History(int capacity) : IDisposable
{
    private readonly List<Tensor> tensors = [];

    public int Count => tensors.Count;

    /// <summary>The tensor so many places before the newest.</summary>
    public Tensor this[int age] => tensors[age];

    /// <summary>Takes a tensor over; the oldest goes when there are too many.</summary>
    public void Push(Tensor tensor)
    {
        tensors.Insert(0, tensor.DetachFromDisposeScope());
        if (tensors.Count > capacity)
        {
            tensors[capacity].Dispose();
            tensors.RemoveAt(capacity);
        }
    }

    public void Clear()
    {
        tensors.ForEach(tensor => tensor.Dispose());
        tensors.Clear();
    }

    public void Dispose() => Clear();
}
