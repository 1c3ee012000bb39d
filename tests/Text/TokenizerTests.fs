module Recipes.Tests.TokenizerTests

open System
open System.Diagnostics
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open Recipes.Core.Text

let private full =
    lazy (ClipTokenizer.Load(Path.Combine(Support.golden, "clip-vocab")))

let private pieces text = full.Value.Pieces text |> List.ofSeq

/// Any UTF-16: letters, controls, halves of surrogate pairs, whole emoji, marks and special tokens.
let private anyText =
    let character =
        Gen.frequency [
            4, Gen.choose (0x20, 0x7e) |> Gen.map (char >> string)
            2, Gen.choose (0, 0x1f) |> Gen.map (char >> string)
            2, Gen.choose (0x80, 0xffff) |> Gen.map (char >> string)
            2, Gen.choose (0xd800, 0xdfff) |> Gen.map (char >> string)
            2, Gen.choose (0x1f300, 0x1faff) |> Gen.map Char.ConvertFromUtf32
            1, Gen.choose (0x300, 0x36f) |> Gen.map (char >> string)
            1, Gen.elements [ "<|endoftext|>"; "<|startoftext|>"; "'ll"; "\u0130"; "<|" ]
        ]

    Gen.listOf character |> Gen.map (String.concat "") |> Arb.fromGen

let private words =
    let word =
        Gen.choose (int 'a', int 'z')
        |> Gen.map char
        |> Gen.nonEmptyListOf
        |> Gen.map (List.truncate 12 >> Array.ofList >> String)

    Gen.nonEmptyListOf word |> Gen.map (List.truncate 20) |> Arb.fromGen

let private property name body =
    testPropertyWithConfig
        {
            FsCheckConfig.defaultConfig with
                maxTest = 300
        }
        name
        body

[<Tests>]
let tests =
    testList "tokenizer" [
        testList "properties" [
            property "any text gives MaxLength ids of the vocabulary, begun and ended"
            <| Prop.forAll anyText (fun text ->
                let ids = full.Value.Encode text

                ids.Length = full.Value.MaxLength
                && ids |> Array.forall (fun id -> id >= 0 && id < full.Value.Count)
                && ids[0] = full.Value.BosId
                && Array.contains full.Value.EosId ids)

            property "the ids are those of the text, cut"
            <| Prop.forAll anyText (fun text ->
                let whole = full.Value.Tokenize text |> Array.ofSeq
                let kept = min whole.Length (full.Value.MaxLength - 2)
                (full.Value.Encode text)[1..kept] = whole[.. kept - 1])

            property "a fresh tokenizer agrees with one that has its cache filled"
            <| Prop.forAll anyText (fun text -> full.Value.Encode text = full.Value.WithTokens([]).Encode text)

            property "decoding gives ascii words back"
            <| Prop.forAll words (fun words ->
                let text = String.concat " " words
                full.Value.Decode(full.Value.Tokenize text) = text)

            property "decoding never fails"
            <| Prop.forAll anyText (fun text -> (full.Value.Decode(full.Value.Tokenize text)).Length >= 0)
        ]

        testList "words" [
            testCase "contractions, digits and signs stand apart" (fun () ->
                Expect.equal
                    (pieces "It's 42% !? I'LL")
                    [ "it</w>"; "'s</w>"; "4</w>"; "2</w>"; "%</w>"; "!?</w>"; "i</w>"; "'ll</w>" ]
                    "pieces")

            testCase "a contraction needs no word's end behind it" (fun () ->
                Expect.equal (pieces "'sky") [ "'s</w>"; "ky</w>" ] "pieces")

            testCase "letters beyond the basic plane are letters" (fun () ->
                // U+1D41A, mathematical bold a: one word of eight bytes, so only its last symbol ends a word.
                let found = pieces "\U0001D41A\U0001D41A"
                Expect.equal (found |> List.filter _.EndsWith("</w>") |> List.length) 1 "ends of words")

            testCase "composed and decomposed accents are the same" (fun () ->
                Expect.equal (pieces "cafe\u0301 \u0130") (pieces "CAF\u00c9 i\u0307") "pieces")

            testCase "half a surrogate pair reads as the replacement sign" (fun () ->
                Expect.equal (pieces "\ud83d") (pieces "\ufffd") "pieces")

            testCase "specials count only as written" (fun () ->
                let ids = full.Value.Tokenize "<|endoftext|>a<|startoftext|>" |> List.ofSeq
                Expect.equal ids [ full.Value.EosId; 320; full.Value.BosId ] "ids"
                Expect.isGreaterThan (pieces "<|ENDOFTEXT|>").Length 1 "upper case is plain text")

            testCase "a word of a million letters takes seconds at most" (fun () ->
                let clock = Stopwatch.StartNew()
                let ids = full.Value.Encode(String('x', 1_000_000))
                Expect.equal ids.Length full.Value.MaxLength "ids"
                Expect.isLessThan clock.Elapsed.TotalSeconds 20.0 "seconds")
        ]

        testList "added tokens" [
            testCase "are numbered on and found in any case, even within words" (fun () ->
                let grown = full.Value.WithTokens [ "<my-toy>"; "<My-Toy>_1" ]
                let first = full.Value.Count
                Expect.equal grown.Count (first + 2) "count"

                Expect.equal
                    (grown.Tokenize "a <MY-toy>cat <my-toy>_1" |> List.ofSeq)
                    [ 320; first; 2368; first + 1 ]
                    "ids"

                Expect.equal (grown.Decode [ 320; first; 2368 ]) "a <my-toy> cat" "decoded")

            testCase "leave the first tokenizer as it was" (fun () ->
                full.Value.WithTokens [ "<x>" ] |> ignore
                Expect.isGreaterThan (pieces "<x>").Length 1 "pieces")

            for text in [ ""; "  "; "photo</w>"; "<|endoftext|>" ] do
                testCase $"refuse '{text}'" (fun () ->
                    Expect.throwsT<Recipes.Core.RecipesException>
                        (fun () -> full.Value.WithTokens [ text ] |> ignore)
                        text)

            testCase "refuse the same word twice" (fun () ->
                Expect.throwsT<Recipes.Core.RecipesException>
                    (fun () -> full.Value.WithTokens [ "<a>"; "<a>" ] |> ignore)
                    "twice")
        ]
    ]
