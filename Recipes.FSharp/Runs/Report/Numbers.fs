namespace Recipes.Runs

open System.Globalization

/// Numbers as pages and grids write them.
[<RequireQualifiedAccess>]
module internal Numbers =
    /// With as few digits as tell it from every other number.
    let shortest (value: float) =
        value.ToString(CultureInfo.InvariantCulture)

    let decimals (places: int) (value: float) =
        value.ToString($"F{places}", CultureInfo.InvariantCulture)

    /// Three decimals and a true sign, none for what rounds to zero.
    let signed (value: float) =
        value.ToString("+0.000;−0.000;0.000", CultureInfo.InvariantCulture)
