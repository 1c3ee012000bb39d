namespace Recipes.Core.Schedules;

/// <summary>
/// A weighted sum of what there is when a step is taken: the slots (slot 0 holds the sample, the others what earlier
/// steps left), the model's answer, new noise, and the predicted clean sample within its limit.
/// </summary>
internal sealed class LinearForm
{
    private const int Besides = 3;

    private readonly double[] weights;

    private LinearForm(double[] weights) => this.weights = weights;

    /// <summary>How many slots there are.</summary>
    public int Slots => weights.Length - Besides;

    /// <summary>Weight of the model's answer.</summary>
    public double Output => weights[Slots];

    /// <summary>Weight of new noise.</summary>
    public double Fresh => weights[Slots + 1];

    /// <summary>All weights: of the slots, the answer, new noise, the limited clean sample.</summary>
    public ReadOnlySpan<double> Weights => weights;

    /// <summary>The source whose value this is, unchanged; null where there is no such source.</summary>
    public int? Copied
    {
        get
        {
            var found = Array.FindIndex(weights, weight => weight != 0);
            return found >= 0 && weights[found] == 1 && weights.Count(weight => weight != 0) == 1 ? found : null;
        }
    }

    public static LinearForm operator +(LinearForm left, LinearForm right) =>
        new([.. left.weights.Zip(right.weights, (a, b) => a + b)]);

    /// <summary>A factor or weight of 0 gives 0, whatever the other is.</summary>
    public static LinearForm operator *(double factor, LinearForm form) =>
        new([.. form.weights.Select(weight => factor == 0 || weight == 0 ? 0 : factor * weight)]);

    /// <summary>What forms of a way are made of.</summary>
    /// <param name="Slots">How many slots the way has.</param>
    internal readonly record struct Sources(int Slots)
    {
        /// <summary>Nothing.</summary>
        public LinearForm None => new(new double[Slots + Besides]);

        /// <summary>The sample before the step.</summary>
        public LinearForm Sample => Of(0);

        /// <summary>The model's answer.</summary>
        public LinearForm Output => Of(Slots);

        /// <summary>New noise.</summary>
        public LinearForm Fresh => Of(Slots + 1);

        /// <summary>The predicted clean sample within its limit.</summary>
        public LinearForm Clean => Of(Slots + 2);

        /// <summary>What a slot held before the step.</summary>
        public LinearForm Slot(int slot) => Of(slot);

        private LinearForm Of(int source)
        {
            var weights = new double[Slots + Besides];
            weights[source] = 1;
            return new(weights);
        }
    }
}
