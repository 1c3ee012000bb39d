namespace Recipes

/// Whether a plan is refused (an error) or runs all the same (a warning).
[<RequireQualifiedAccess>]
type Severity =
    | Error
    | Warning

/// One thing wrong with a recipe: which check found it, where, what is wrong, and what to do about it.
[<StructuredFormatDisplay("{Text}")>]
type Problem = {
    /// The check's name: a letter for its family (A tokens, B data, C compatibility, D optimisation, E resources,
    /// F upscalers, L the lines of the recipe, M where the base model is, P pretraining, S settings) and a number.
    Code: string
    Severity: Severity
    /// The line or block of the recipe, such as `train.steps`.
    At: string
    /// The fault, with the values found and no final period.
    What: string
    /// What to type or do: a full sentence.
    Try: string
} with

    /// `code place: fault. cure`
    member p.Text = $"{p.Code} {p.At}: {p.What}. {p.Try}"
    override p.ToString() = p.Text

[<AutoOpen>]
module internal Problems =
    let error code at what cure = {
        Code = code
        Severity = Severity.Error
        At = at
        What = what
        Try = cure
    }

    let warning code at what cure = {
        error code at what cure with
            Severity = Severity.Warning
    }

    let isError problem = problem.Severity = Severity.Error

    /// `a`, `a and b`, `a, b and c`.
    let listed (words: string list) =
        match List.rev words with
        | [] -> ""
        | [ only ] -> only
        | last :: before -> $"""{before |> List.rev |> String.concat ", "} and {last}"""

    /// The first few of many: `a, b, c and 7 more`.
    let first limit (words: string list) =
        if words.Length <= limit then
            listed words
        else
            $"""{words |> List.truncate limit |> String.concat ", "} and {words.Length - limit} more"""

    /// `1 picture`, `3 pictures`, `1,200 pictures`.
    let counted (number: int64) (noun: string) =
        let plural =
            if number = 1L then noun
            elif noun.EndsWith "pass" then noun + "es"
            else noun + "s"

        System.String.Format(System.Globalization.CultureInfo.InvariantCulture, "{0:N0} {1}", number, plural)

    /// `1.5 GB`, `12 MB`, `3 kB`.
    let bytes (count: int64) =
        let text (value: float) unit' =
            value.ToString((if value < 9.95 then "0.0 " else "0 "), System.Globalization.CultureInfo.InvariantCulture)
            + unit'

        if count >= 1_000_000_000L then
            text (float count / 1e9) "GB"
        elif count >= 1_000_000L then
            text (float count / 1e6) "MB"
        else
            text (float count / 1e3) "kB"

    /// The words nearest to a misspelt one by Levenshtein distance, nearest first.
    let nearest limit (wrong: string) (known: string list) =
        let distance (a: string) (b: string) =
            let mutable row = [| 0 .. b.Length |]

            for i in 1 .. a.Length do
                let next = Array.create (b.Length + 1) i

                for j in 1 .. b.Length do
                    let change = if a[i - 1] = b[j - 1] then 0 else 1
                    next[j] <- min (min (next[j - 1] + 1) (row[j] + 1)) (row[j - 1] + change)

                row <- next

            row[b.Length]

        let sorted =
            known
            |> List.map (fun word -> distance (wrong.ToLowerInvariant()) (word.ToLowerInvariant()), word)
            |> List.sort

        // What differs in more than half its letters is no near miss; the very nearest is named all the same.
        match sorted |> List.filter (fun (distance, _) -> 2 * distance <= wrong.Length) with
        | [] -> sorted |> List.truncate 1
        | near -> near |> List.truncate limit
        |> List.map snd

    /// `0.5`: a number as it is written.
    let decimal (value: float) =
        value.ToString("0.######", System.Globalization.CultureInfo.InvariantCulture)

    /// `1e-4` for small numbers, `0.5` for others.
    let small (value: float) =
        if value < 0.01 then
            value.ToString("0.###e-0", System.Globalization.CultureInfo.InvariantCulture)
        else
            decimal value
