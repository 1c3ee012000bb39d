namespace Recipes.Core.Schedules;

/// <summary>
/// A step as data: every slot's next value is a linear form of what there was before it. The forms are one matrix, whose
/// rows are all taken at once.
/// </summary>
/// <param name="Slots">What each slot holds after the step; slot 0 holds the sample.</param>
/// <param name="Draws">Whether new noise is drawn for it, even where that has no weight.</param>
internal sealed record LinearStep(LinearForm[] Slots, bool Draws = false);
