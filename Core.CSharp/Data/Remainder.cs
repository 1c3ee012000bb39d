namespace Recipes.Core.Data;

/// <summary>What becomes of the pictures of a bucket that do not fill a last batch.</summary>
public enum Remainder
{
    /// <summary>Pictures of the next round complete the batch: none is left out, some buckets are seen more often.</summary>
    Repeat,

    /// <summary>They are left out of this round; others are in the next one.</summary>
    Drop,
}
