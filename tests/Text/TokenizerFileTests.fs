module Recipes.Tests.TokenizerFileTests

open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open Recipes.Core
open Recipes.Core.Text

let private vocabulary =
    """{ "a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab</w>": 4, "!": 5, "<|startoftext|>": 6, "<|endoftext|>": 7 }"""

let private sound = [
    "vocab.json", vocabulary
    "merges.txt", "#version: 0.2\na b</w>\n"
    "tokenizer_config.json", """{ "model_max_length": 6 }"""
]

/// Stands for a file that is not there.
let private absent = "\000"

/// Loads a folder of the sound files with some replaced, added, or taken away.
let private load changes (test: (unit -> ClipTokenizer) -> unit) =
    Support.withFolder (fun folder ->
        for name, text in Map(sound @ changes) |> Map.toSeq do
            if text <> absent then
                File.WriteAllText(Path.Combine(folder, name), text)

        test (fun () -> ClipTokenizer.Load folder))

let private loads name changes (test: ClipTokenizer -> unit) =
    testCase name (fun () -> load changes (fun tokenizer -> test (tokenizer ())))

/// The error names the file and each of the words.
let private refuses name (file: string) (text: string) (words: string list) =
    testCase name (fun () ->
        load [ file, text ] (fun tokenizer ->
            try
                tokenizer () |> ignore
                failtest "the file was accepted"
            with :? RecipesException as error ->
                Expect.stringEnds error.Where file "where"
                Expect.isNotEmpty error.Cure "cure"

                for word in words do
                    Expect.stringContains error.Fault word "fault"))

let private hostileJson =
    let part =
        Gen.elements [
            "{"
            "}"
            "["
            "]"
            ":"
            ","
            "\"a\""
            "\"\\ud800\""
            "1"
            "-1"
            "1e30"
            "null"
            "true"
            "\"pad_token\""
            "\"added_tokens_decoder\""
            "\"model_max_length\""
            "\"content\""
            " "
            "{\"a\":0}"
        ]

    Gen.listOf part |> Gen.map (String.concat "") |> Arb.fromGen

[<Tests>]
let tests =
    testList "tokenizer files" [
        loads "a small sound folder" [] (fun tokenizer ->
            Expect.equal (tokenizer.Encode "ab a") [| 6; 4; 2; 7; 7; 7 |] "ids"
            Expect.equal (tokenizer.Encode "ab a b ab a b") [| 6; 4; 2; 3; 4; 7 |] "cut ids"
            Expect.equal tokenizer.Count 8 "count")

        loads "signs outside the vocabulary are the unknown token" [] (fun tokenizer ->
            Expect.equal (tokenizer.Tokenize "c" |> List.ofSeq) [ 7 ] "ids")

        loads
            "a token may be an object"
            [
                "tokenizer_config.json", """{ "pad_token": { "content": "!", "lstrip": false } }"""
            ]
            (fun tokenizer ->
                Expect.equal tokenizer.PadId 5 "pad"
                Expect.equal tokenizer.MaxLength 77 "length")

        loads
            "special_tokens_map.json wins, and its padding is found in texts"
            [
                "tokenizer_config.json", """{ "pad_token": "<|endoftext|>", "model_max_length": 1e30 }"""
                "special_tokens_map.json", """{ "pad_token": "!" }"""
            ]
            (fun tokenizer ->
                Expect.equal tokenizer.PadId 5 "pad"
                Expect.equal tokenizer.MaxLength 77 "length"
                Expect.equal (tokenizer.Tokenize "a!" |> List.ofSeq) [ 2; 5 ] "ids")

        loads "added_tokens.json adds to the vocabulary" [ "added_tokens.json", """{ "<toy>": 8 }""" ] (fun tokenizer ->
            Expect.equal (tokenizer.Tokenize "a <toy>" |> List.ofSeq) [ 2; 8 ] "ids")

        loads
            "added_tokens_decoder adds too, and the other files no longer count"
            [
                "tokenizer_config.json",
                """{ "added_tokens_decoder": { "9": { "content": "<Toy>", "special": true } } }"""
                "special_tokens_map.json", """{ "pad_token": "!" }"""
            ]
            (fun tokenizer ->
                Expect.equal (tokenizer.Tokenize "<Toy>" |> List.ofSeq) [ 9 ] "ids"
                Expect.equal tokenizer.PadId 7 "pad"
                Expect.equal tokenizer.Count 10 "count")

        refuses "no vocabulary" "vocab.json" absent [ "no such file" ]
        refuses "no merges" "merges.txt" absent [ "no such file" ]
        refuses "no settings" "tokenizer_config.json" absent [ "no such file" ]
        refuses "a vocabulary that is no JSON" "vocab.json" "version https://git-lfs" [ "not valid JSON" ]
        refuses "an empty vocabulary file" "vocab.json" "" [ "not valid JSON" ]
        refuses "an empty vocabulary" "vocab.json" "{}" [ "empty" ]
        refuses "a vocabulary that is a list" "vocab.json" "[1]" [ "[1]" ]
        refuses "a token twice" "vocab.json" """{ "a": 0, "a": 1 }""" [ "not valid JSON" ]
        refuses "an id twice" "vocab.json" """{ "a": 0, "b": 0 }""" [ "'a'"; "'b'"; "0" ]
        refuses "a negative id" "vocab.json" """{ "a": -1 }""" [ "-1" ]
        refuses "a broken id" "vocab.json" """{ "a": 1.5 }""" [ "1.5" ]
        refuses "half a surrogate pair as token" "vocab.json" """{ "\ud800": 1 }""" [ "Unicode" ]
        refuses "no end token" "vocab.json" """{ "a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3 }""" [
            "<|endoftext|>"
        ]
        refuses "a merge of unknown parts" "merges.txt" "#version: 0.2\na c</w>" [ "line 2"; "'c</w>'" ]
        refuses "a merge into an unknown token" "merges.txt" "a b" [ "line 1"; "'ab'" ]
        refuses "a merge of three" "merges.txt" "a b</w>\na b c" [ "line 2"; "a b c" ]
        refuses "a merge twice" "merges.txt" "a b</w>\na b</w>" [ "line 2"; "repeats" ]
        refuses "a length of one" "tokenizer_config.json" """{ "model_max_length": 1 }""" [ "1" ]
        refuses "a length that is text" "tokenizer_config.json" """{ "model_max_length": "long" }""" [ "long" ]
        refuses "a token that is a number" "tokenizer_config.json" """{ "pad_token": 3 }""" [ "pad_token"; "3" ]

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 300
            }
            "hostile JSON gives a tokenizer or a clear error"
        <| Prop.forAll hostileJson (fun text ->
            for file in
                [
                    "vocab.json"
                    "tokenizer_config.json"
                    "special_tokens_map.json"
                    "added_tokens.json"
                ] do
                load [ file, text ] (fun tokenizer ->
                    try
                        tokenizer().Encode "ab" |> ignore
                    with :? RecipesException as error ->
                        Expect.isNotEmpty error.Cure "cure"))
    ]
