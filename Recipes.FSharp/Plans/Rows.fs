/// A plan as it is read: rows of a word and a fact with its unit. A row without a word goes on with the one before.
module internal Recipes.Plans.Rows

open System.Globalization
open Recipes

/// `950`, `12.3 thousand`, `4.56 million`.
let large (count: int64) =
    let short (value: float) =
        value.ToString((if value < 99.95 then "0.0" else "0"), CultureInfo.InvariantCulture)

    if count >= 1_000_000L then
        $"{short (float count / 1e6)} million"
    elif count >= 10_000L then
        $"{short (float count / 1e3)} thousand"
    else
        count.ToString("N0", CultureInfo.InvariantCulture)

let pictures (count: int) = counted (int64 count) "picture"

/// A row without a word, of facts with commas between; no row where there are none.
let joined (facts: string list) = [
    if not facts.IsEmpty then
        "", String.concat ", " facts
]

/// A row without a word, where there is something to say.
let optional (fact: 'a -> string) (value: 'a option) = [
    match value with
    | Some value -> "", fact value
    | None -> ()
]

/// The whole plan. Lines after the first are indented by four, so that it looks right in the interactive session.
let render (name: string) (shortHash: string) (rows: (string * string) list) =
    String.concat "\n" [
        $"plan {name} {shortHash}"
        for word, fact in rows do
            $"    {word, -8} {fact}".TrimEnd()
    ]
