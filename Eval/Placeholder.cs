namespace Recipes.Eval;

internal static class Placeholder;
