module Recipes.Tests.TokenizerParityTests

open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open Expecto
open Recipes.Core.Text
open Recipes.Core.Weights

/// The prompts in a reference file's header and the ids it holds for them.
let private reference file =
    use tensors =
        SafeTensorsFile.Open(Path.Combine(Support.golden, file + ".safetensors"))

    let prompts =
        JsonSerializer.Deserialize<string[]> tensors.Metadata["prompts"] |> nonNull

    let ids = MemoryMarshal.Cast<byte, int64>(tensors.Bytes "ids").ToArray()
    prompts, ids |> Array.map int |> Array.chunkBySize (ids.Length / prompts.Length)

let private sameIds file folder =
    testCase $"{file} with {folder}" (fun () ->
        let tokenizer = ClipTokenizer.Load(Path.Combine(Support.golden, folder))
        let prompts, expected = reference file

        for prompt, ids in Array.zip prompts expected do
            Expect.equal (tokenizer.Encode prompt) ids prompt)

[<Tests>]
let tests =
    testList "parity" [
        testList "tokenizer" [
            sameIds "tokenizer" "clip-vocab"
            sameIds "sd1-text" "sd1/tokenizer"
            sameIds "clip-io" "clip"
        ]
    ]
