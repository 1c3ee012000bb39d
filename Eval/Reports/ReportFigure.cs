namespace Recipes.Eval.Reports;

/// <summary>One row of the key figures.</summary>
public sealed record ReportFigure
{
    /// <summary>The metric with its variant, such as "CLIP-I (pocket-clip, mean pairwise cosine)".</summary>
    public required string Name { get; init; }

    /// <summary>How the number is made, exactly enough to make it again.</summary>
    public required string Definition { get; init; }

    public ReportNumber? Before { get; init; }

    public ReportNumber? After { get; init; }

    public ReportNumber? Difference { get; init; }

    /// <summary>Which way is the better one, so that the difference can be judged.</summary>
    public Better Better { get; init; }

    public ReportGoal? Goal { get; init; }

    /// <summary>Decimal places of every number in the row.</summary>
    public int Decimals { get; init; } = 3;

    /// <summary>The unit behind every number in the row; empty for a plain ratio.</summary>
    public string Unit { get; init; } = "";

    /// <summary>A row of two scores of the same pictures' prompts and seeds, with their paired difference.</summary>
    /// <param name="before">Without what was done.</param>
    /// <param name="after">With it.</param>
    /// <param name="goal">What it was meant to reach.</param>
    /// <param name="name">Instead of the score's own name, where several rows have the same.</param>
    public static ReportFigure Of(Score before, Score after, ReportGoal? goal = null, string? name = null) => new()
    {
        Name = name ?? after.Name,
        Definition = after.Definition,
        Before = ReportNumber.Of(before),
        After = ReportNumber.Of(after),
        Difference = ReportNumber.Of(after.Minus(before)),
        Better = after.Better,
        Goal = goal,
    };

    /// <summary>A row with one number only, such as the upper bound that the user's own pictures set.</summary>
    public static ReportFigure Of(Score score, string? name = null) => new()
    {
        Name = name ?? score.Name,
        Definition = score.Definition,
        After = ReportNumber.Of(score),
        Better = score.Better,
    };
}

/// <summary>A number, its 95 % interval where there is one, and how many items it rests on.</summary>
public sealed record ReportNumber(double Value, Interval? Interval = null, int? Count = null)
{
    public static ReportNumber Of(Score score) => new(score.Value, score.Interval, score.Count);
}

/// <summary>What a figure was meant to reach, and whether it did.</summary>
/// <param name="Text">The goal as a reader states it: "≥ +0.10".</param>
/// <param name="Met">Whether the figure reaches it.</param>
public sealed record ReportGoal(string Text, bool Met);
