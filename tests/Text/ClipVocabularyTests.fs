module Recipes.Tests.ClipVocabularyTests

open System.IO
open System.Text.Json
open Expecto
open Recipes.Core.Text

let private folder = Path.Combine(Support.golden, "clip-vocab")

[<Tests>]
let tests =
    testList "CLIP's vocabulary" [
        testCase "is the published one, token by token" (fun () ->
            let tokenizer = ClipTokenizer.Clip()

            let published =
                JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "vocab.json"))).RootElement

            for entry in published.EnumerateObject() do
                Expect.equal (tokenizer.TryGetId entry.Name) (true, entry.Value.GetInt32()) entry.Name

            Expect.equal tokenizer.Count (published.EnumerateObject() |> Seq.length) "and no more")

        testCase "encodes as the folder's tokenizer" (fun () ->
            let loaded, own = ClipTokenizer.Load folder, ClipTokenizer.Clip()

            for text in [ ""; "a photo of an astronaut, riding a horse!"; "naïve 日本語 🐶 it's 1,234.5" ] do
                Expect.equal (own.Encode text) (loaded.Encode text) text)

        testCase "may be padded with another token" (fun () ->
            let other = ClipTokenizer.Clip "!"
            let ids = other.Encode "a cat"
            let usual = ClipTokenizer.Clip().Encode "a cat"
            Expect.equal (Array.last ids, other.PadId) (0, 0) "the padding"
            Expect.equal (Array.take 4 ids) (Array.take 4 usual) "the words"
            Expect.equal ids[3] other.EosId "the end"

            Faults.expect [ "'no such token'" ] (fun () -> ClipTokenizer.Clip "no such token" |> ignore))

        testCase "is written as it is read" (fun () ->
            Support.withFolder (fun target ->
                let texts = [ "a photo of sks <my-toy> dog"; "WOW! <MY-TOY>" ]

                for name, tokenizer in
                    [
                        "published", ClipTokenizer.Load folder
                        "padded", ClipTokenizer.Clip "!"
                        "grown", ClipTokenizer.Clip().WithTokens [ "<my-toy>"; "<other>" ]
                        "small", ClipTokenizer.Load(Path.Combine(Support.golden, "sd1", "tokenizer"))
                    ] do
                    let path = Path.Combine(target, name)
                    tokenizer.Write path
                    let back = ClipTokenizer.Load path

                    Expect.equal
                        (back.Count, back.MaxLength, back.PadId)
                        (tokenizer.Count, tokenizer.MaxLength, tokenizer.PadId)
                        name

                    for text in texts do
                        Expect.equal (back.Encode text) (tokenizer.Encode text) $"{name}: {text}"

                Expect.equal
                    (File.ReadAllText(Path.Combine(target, "published", "merges.txt")))
                    (File.ReadAllText(Path.Combine(folder, "merges.txt")))
                    "merges.txt"))
    ]
