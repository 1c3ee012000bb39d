namespace Recipes

open System
open System.Globalization
open System.Text

/// A JSON value, written in the one canonical form of RFC 8785, so that equal values have equal bytes.
[<RequireQualifiedAccess>]
type Json =
    | Null
    | Bool of bool
    | Number of float
    | Text of string
    | List of Json list
    | Object of (string * Json) list

[<RequireQualifiedAccess>]
module Json =
    /// As ECMAScript prints a number (RFC 8785, section 3.2.2.3): the shortest digits that read back the same, with an
    /// exponent from 1e21 up and below 1e-6.
    let private number (value: float) =
        if not (Double.IsFinite value) then
            invalidArg (nameof value) $"JSON has no number {value}"
        elif value = 0.0 then
            "0"
        else
            let shortest = (abs value).ToString("R", CultureInfo.InvariantCulture)
            let mantissa = (shortest.Split('E')[0]).Replace(".", "").TrimStart('0').TrimEnd('0')
            let sign = if value < 0.0 then "-" else ""

            // Where the decimal point stands, counted from before the first digit that is not 0.
            let point =
                match shortest.Split 'E', shortest.Split '.' with
                | [| digits; exponent |], _ -> int exponent + (digits.Split('.')[0]).Length
                | _, [| "0"; fraction |] -> fraction.TrimStart('0').Length - fraction.Length
                | _, whole -> whole[0].Length

            let digits = mantissa.Length

            if 0 < point && point <= 21 then
                if digits <= point then
                    sign + mantissa.PadRight(point, '0')
                else
                    $"{sign}{mantissa[.. point - 1]}.{mantissa[point..]}"
            elif -6 < point && point <= 0 then
                $"""{sign}0.{String('0', -point)}{mantissa}"""
            else
                let exponent = (point - 1).ToString("+0;-0", CultureInfo.InvariantCulture)

                if digits = 1 then
                    $"{sign}{mantissa}e{exponent}"
                else
                    $"{sign}{mantissa[..0]}.{mantissa[1..]}e{exponent}"

    let private quote (text: string) =
        let out = StringBuilder "\""

        for c in text do
            match c with
            | '"' -> out.Append "\\\""
            | '\\' -> out.Append "\\\\"
            | '\b' -> out.Append "\\b"
            | '\t' -> out.Append "\\t"
            | '\n' -> out.Append "\\n"
            | '\f' -> out.Append "\\f"
            | '\r' -> out.Append "\\r"
            | c when c < ' ' -> out.Append $"\\u%04x{int c}"
            | c -> out.Append c
            |> ignore

        out.Append('"').ToString()

    /// The canonical text: no spaces, keys in the order of their UTF-16 units, each key once.
    let rec canonical (json: Json) : string =
        match json with
        | Json.Null -> "null"
        | Json.Bool true -> "true"
        | Json.Bool false -> "false"
        | Json.Number value -> number value
        | Json.Text text -> quote text
        | Json.List items -> $"""[{items |> List.map canonical |> String.concat ","}]"""
        | Json.Object members ->
            let sorted =
                members
                |> List.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))
                |> List.map (fun (name, value) -> $"{quote name}:{canonical value}")
                |> String.concat ","

            if (members |> List.distinctBy fst).Length <> members.Length then
                invalidArg (nameof json) "a key stands twice in one object"

            "{" + sorted + "}"

    /// A number without a fraction.
    let whole (value: int) = Json.Number(float value)

    /// The member of an object that stands there only where it has a value.
    let optional name (json: 'a -> Json) (value: 'a option) = [
        match value with
        | Some value -> name, json value
        | None -> ()
    ]

    /// `null` where there is no value.
    let orNull (json: 'a -> Json) (value: 'a option) =
        value |> Option.map json |> Option.defaultValue Json.Null

    /// The SHA-256 of a text's UTF-8 bytes, in 64 lower-case hexadecimal digits.
    let sha256 (text: string) =
        UTF8Encoding(false, true).GetBytes text
        |> Security.Cryptography.SHA256.HashData
        |> Convert.ToHexStringLower
