module Recipes.Tests.JsonTests

open System
open System.Text.Json
open Expecto
open FsCheck
open FsCheck.FSharp
open Recipes

/// Text without lone surrogates, which JSON cannot carry.
let private texts =
    ArbMap.defaults
    |> ArbMap.generate<char array>
    |> Gen.map (Array.filter (Char.IsSurrogate >> not) >> String)

let private numbers =
    Gen.oneof [
        ArbMap.defaults |> ArbMap.generate<NormalFloat> |> Gen.map _.Get
        ArbMap.defaults |> ArbMap.generate<int> |> Gen.map float
        Gen.choose (-30, 30) |> Gen.map (fun power -> 10.0 ** float power)
        Gen.choose (-400, 400) |> Gen.map (fun power -> 1.2345 * 2.0 ** float power)
    ]

let rec private values depth =
    let leaves = [
        Gen.constant Json.Null
        ArbMap.defaults |> ArbMap.generate<bool> |> Gen.map Json.Bool
        numbers |> Gen.map Json.Number
        texts |> Gen.map Json.Text
    ]

    if depth = 0 then
        Gen.oneof leaves
    else
        let items = values (depth - 1)

        Gen.oneof (
            leaves
            @ [
                Gen.listOf items |> Gen.resize 4 |> Gen.map Json.List
                Gen.zip texts items
                |> Gen.listOf
                |> Gen.resize 6
                |> Gen.map (List.distinctBy fst >> Json.Object)
            ]
        )

let private json = values 3 |> Arb.fromGen

let rec private read (element: JsonElement) =
    match element.ValueKind with
    | JsonValueKind.Null -> Json.Null
    | JsonValueKind.True -> Json.Bool true
    | JsonValueKind.False -> Json.Bool false
    | JsonValueKind.Number -> Json.Number(element.GetDouble())
    | JsonValueKind.String -> Json.Text(string (element.GetString()))
    | JsonValueKind.Array -> Json.List [ for item in element.EnumerateArray() -> read item ]
    | JsonValueKind.Object ->
        Json.Object [ for member' in element.EnumerateObject() -> member'.Name, read member'.Value ]
    | other -> failwithf "%A" other

let rec private reversed json =
    match json with
    | Json.List items -> Json.List(List.map reversed items)
    | Json.Object members ->
        members
        |> List.map (fun (name, value) -> name, reversed value)
        |> List.rev
        |> Json.Object
    | leaf -> leaf

[<Tests>]
let tests =
    testList "json" [
        testProperty "canonical text reads back as the same value"
        <| Prop.forAll json (fun value ->
            use document = JsonDocument.Parse(Json.canonical value)
            Json.canonical (read document.RootElement) = Json.canonical value)

        testProperty "the order of keys does not matter"
        <| Prop.forAll json (fun value -> Json.canonical (reversed value) = Json.canonical value)

        testProperty "a number's text reads back as the same number"
        <| Prop.forAll (Arb.fromGen numbers) (fun value ->
            let text = Json.canonical (Json.Number value)
            Double.Parse(text, Globalization.CultureInfo.InvariantCulture) = value)

        // The table of RFC 8785, appendix B, as bits of the double and expected text.
        for bits, text in
            [
                0x0000000000000000L, "0"
                0x0000000000000001L, "5e-324"
                0x8000000000000001L, "-5e-324"
                0x7fefffffffffffffL, "1.7976931348623157e+308"
                0xffefffffffffffffL, "-1.7976931348623157e+308"
                0x4340000000000000L, "9007199254740992"
                0xc340000000000000L, "-9007199254740992"
                0x4430000000000000L, "295147905179352830000"
                0x44b52d02c7e14af5L, "9.999999999999997e+22"
                0x44b52d02c7e14af6L, "1e+23"
                0x44b52d02c7e14af7L, "1.0000000000000001e+23"
                0x444b1ae4d6e2ef4eL, "999999999999999700000"
                0x444b1ae4d6e2ef4fL, "999999999999999900000"
                0x444b1ae4d6e2ef50L, "1e+21"
                0x3eb0c6f7a0b5ed8cL, "9.999999999999997e-7"
                0x3eb0c6f7a0b5ed8dL, "0.000001"
                0x41b3de4355555553L, "333333333.3333332"
                0x41b3de4355555554L, "333333333.33333325"
                0x41b3de4355555555L, "333333333.3333333"
                0x41b3de4355555556L, "333333333.3333334"
                0x41b3de4355555557L, "333333333.33333343"
                0xbecbf647612f3696L, "-0.0000033333333333333333"
                0x43143ff3c1cb0959L, "1424953923781206.2"
            ] do
            test $"number {text}" {
                Expect.equal (Json.canonical (Json.Number(BitConverter.Int64BitsToDouble bits))) text "text"
            }

        test "minus zero is zero" { Expect.equal (Json.canonical (Json.Number -0.0)) "0" "text" }

        test "text is escaped as RFC 8785 says" {
            let text = "\u20ac$\u000f\nA'B\"\\\"/\u0000\u007f"

            Expect.equal
                (Json.canonical (Json.Text text))
                "\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\"/\\u0000\u007f\""
                "escapes"
        }

        test "keys are sorted by their UTF-16 units" {
            let keys = [ "\u20ac"; "\r"; "\ufb33"; "1"; "\U0001f600"; "\u0080"; "\u00f6" ]

            let text =
                keys |> List.map (fun key -> key, Json.Null) |> Json.Object |> Json.canonical

            use document = JsonDocument.Parse text
            let order = [ for member' in document.RootElement.EnumerateObject() -> member'.Name ]
            Expect.equal order [ "\r"; "1"; "\u0080"; "\u00f6"; "\u20ac"; "\U0001f600"; "\ufb33" ] "order"
        }

        test "what JSON cannot say is refused" {
            for value in [ nan; infinity; -infinity ] do
                Expect.throwsT<ArgumentException> (fun () -> Json.canonical (Json.Number value) |> ignore) "number"

            let twice = Json.Object [ "a", Json.Null; "a", Json.Bool true ]
            Expect.throwsT<ArgumentException> (fun () -> Json.canonical twice |> ignore) "key twice"
        }

        test "the hash is SHA-256 of the UTF-8 bytes" {
            Expect.equal
                (Json.sha256 "abc")
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
                "FIPS 180-4's example"
        }
    ]
