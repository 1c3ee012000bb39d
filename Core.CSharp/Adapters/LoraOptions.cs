namespace Recipes.Core.Adapters;

/// <summary>Settings of low-rank adapters (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models").</summary>
public sealed record LoraOptions
{
    /// <summary>Width of the bottleneck, from 1 to the smaller side of each layer.</summary>
    public required int Rank { get; init; }

    /// <summary>
    /// Each layer's output is scaled by alpha / that layer's rank; by default alpha is the layer's rank, which scales by 1.
    /// </summary>
    public double? Alpha { get; init; }

    /// <summary>The layers; see <see cref="LoraTargets"/>.</summary>
    public IReadOnlyList<string> Targets { get; init; } = ["attention"];

    /// <summary>Share of the input left out while training, in [0, 1).</summary>
    public double Dropout { get; init; }

    /// <summary>
    /// Whether each output gets a magnitude of its own (Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation").
    /// </summary>
    public bool Dora { get; init; }

    /// <summary>What A is drawn from.</summary>
    public LoraInitialisation Initialisation { get; init; }

    /// <summary>
    /// A share of the basis that all share, from 1: A is these rows and stays so, B alone is trained, and adapters on
    /// different shares can be added up; see <see cref="SharedBasis"/>. Null for an A of one's own that is trained.
    /// </summary>
    public int? Share { get; init; }

    /// <summary>
    /// Other ranks for layers that match a target; the first that matches counts. Alpha stays.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, int>> Ranks { get; init; } = [];

    /// <summary>The rank of the layer of this name.</summary>
    public int RankOf(string layer)
    {
        foreach (var (target, rank) in Ranks)
        {
            if (LoraTargets.Matches(target, layer))
            {
                return rank;
            }
        }

        return Rank;
    }

    /// <summary>The alpha of the layer of this name: the one that is set, else the layer's own rank.</summary>
    public double AlphaOf(string layer) => Alpha ?? RankOf(layer);

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A number is out of range.</exception>
    public void Check()
    {
        foreach (var rank in Ranks.Select(pair => pair.Value).Prepend(Rank))
        {
            Require(rank > 0, "Rank", $"rank {rank} adapts nothing", "Set a rank of 1 or more.");
        }

        Require(
            Alpha is null || (Alpha > 0 && double.IsFinite(Alpha.Value)),
            "Alpha",
            $"alpha {Alpha} switches the adapter off",
            "Set alpha above 0.");
        Require(
            Enum.IsDefined(Initialisation),
            "Initialisation",
            $"{(int)Initialisation} is no way to begin",
            "Choose Kaiming, Gaussian or Orthogonal.");
        Require(
            Share is null or >= 1,
            "Share",
            $"there is no share {Share} of a basis",
            "Number the subjects' shares from 1.");
        Require(
            Share is null || Ranks.Count == 0,
            "Share",
            "layers of other ranks would take other rows than those of the share",
            "Give all layers one rank.");
        Require(
            Dropout is >= 0 and < 1,
            "Dropout",
            $"a dropout of {Dropout} is out of range",
            "Set a dropout of at least 0 and below 1.");
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"Lora.{setting}", fault, cure);
        }
    }
}
