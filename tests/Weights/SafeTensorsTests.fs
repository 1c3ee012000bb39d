module Recipes.Tests.SafeTensorsTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open Expecto
open Expecto.ExpectoFsCheck
open FsCheck
open TorchSharp
open Recipes.Core
open Recipes.Core.Weights

let private quick = {
    FsCheckConfig.defaultConfig with
        maxTest = 300
}

/// A file of a header, whatever it is, and so many bytes of data.
let private file (header: string) (data: int) =
    let json = Encoding.UTF8.GetBytes header
    Array.concat [ BitConverter.GetBytes(int64 json.Length); json; Array.init data byte ]

let private withBytes (bytes: byte[]) (test: SafeTensorsFile -> unit) =
    Support.withFolder (fun folder ->
        let path = Path.Combine(folder, "x.safetensors")
        File.WriteAllBytes(path, bytes)
        use opened = SafeTensorsFile.Open path
        test opened)

let private tensor dtype shape first last =
    $"""{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{first},{last}]}}"""

let private good = $"""{{"a":{tensor "F32" "2" 0 8},"b":{tensor "U8" "" 8 9}}}"""

/// Files that must be refused: name, bytes, and what the error must say.
let private hostile = [
    "an empty file", [||], "0 bytes"
    "half a length", [| 1uy; 2uy; 3uy |], "3 bytes"
    "a header beyond the file", Array.append (BitConverter.GetBytes 50UL) "{}"B, "only 2 bytes follow"
    "a header of 2^64 - 1 bytes", Array.append (BitConverter.GetBytes UInt64.MaxValue) "{}"B, "18446744073709551615"
    "a header over 100 MB", Array.append (BitConverter.GetBytes 100_000_001UL) "{}"B, "100000001 bytes"
    "an empty header", file "" 0, "begin with '{'"
    "no JSON", file "{hello" 0, "not valid JSON"
    "JSON that breaks off", file """{"a":{"dtype":"F32","shape":[2],"data""" 8, "not valid JSON"
    "a list", file "[]" 0, "begin with '{'"
    "a space in front", file " {}" 0, "begin with '{'"
    "more after the object", file "{}{}" 0, "not valid JSON"
    "zero bytes as padding", file "{}\000\000" 0, "not valid JSON"
    "deep nesting", file (String.replicate 1000 """{"dtype":""") 0, "unknown dtype '{'"
    "text that is no Unicode", file "{\"\\ud800\":1}" 0, "not valid JSON"
    "a number for a tensor", file """{"a":1}""" 0, "tensor 'a' is not an object"
    "a name twice", file $"""{{"a":{tensor "U8" "1" 0 1},"a":{tensor "U8" "1" 1 2}}}""" 2, "names 'a' twice"
    "a field twice", file """{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}""" 1, "dtype twice"
    "an unknown field", file """{"a":{"dtype":"U8","strides":[1],"shape":[],"data_offsets":[0,1]}}""" 1, "'strides'"
    "a missing field", file """{"a":{"dtype":"U8","shape":[]}}""" 1, "lacks"
    "an unknown dtype", file $"""{{"a":{tensor "F33" "2" 0 8}}}""" 8, "unknown dtype 'F33'"
    "a number for a dtype", file """{"a":{"dtype":7,"shape":[],"data_offsets":[0,1]}}""" 1, "unknown dtype '7'"
    "a negative dimension", file $"""{{"a":{tensor "U8" "-1" 0 1}}}""" 1, "whole numbers from 0 up"
    "a fraction", file $"""{{"a":{tensor "U8" "1.5" 0 1}}}""" 1, "whole numbers from 0 up"
    "a dimension above 64 bits", file $"""{{"a":{tensor "U8" "9223372036854775808" 0 1}}}""" 1, "whole numbers"
    "a size above 64 bits",
    file $"""{{"a":{tensor "F32" "4294967296,4294967296,4294967296,4294967296" 0 0}}}""" 0,
    "does not fit"
    "65 dimensions", file $"""{{"a":{tensor "U8" (String.Join(',', Array.create 65 1)) 0 1}}}""" 1, "more than 64"
    "a shape that does not fit", file $"""{{"a":{tensor "F32" "3" 0 8}}}""" 8, "does not fit F32 [3]"
    "an end before the beginning", file $"""{{"a":{tensor "U8" "1" 8 0}}}""" 8, "does not fit"
    "three offsets", file """{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1,2]}}""" 2, "more than 2"
    "one offset", file """{"a":{"dtype":"U8","shape":[],"data_offsets":[0]}}""" 1, "lacks"
    "an end beyond the file", file good 8, "only 8 bytes of data"
    "an end far beyond the file",
    file $"""{{"a":{tensor "U8" "9223372036854775807" 0 9223372036854775807L}}}""" 8,
    "only 8 bytes of data"
    "bytes left over", file good 12, "3 bytes follow the last tensor"
    "an overlap", file $"""{{"a":{tensor "F32" "2" 0 8},"b":{tensor "U8" "4" 4 8}}}""" 8, "overlaps"
    "the same bytes twice", file $"""{{"a":{tensor "F32" "2" 0 8},"b":{tensor "F32" "2" 0 8}}}""" 8, "overlaps"
    "a gap", file $"""{{"a":{tensor "F32" "2" 0 8},"b":{tensor "U8" "4" 12 16}}}""" 16, "leaves a gap"
    "metadata that is no object", file """{"__metadata__":"x"}""" 0, "__metadata__"
    "metadata that is no string", file """{"__metadata__":{"step":1}}""" 0, "'step'"
    "metadata twice", file """{"__metadata__":{},"__metadata__":{}}""" 0, "twice"
    "a key of metadata twice", file """{"__metadata__":{"a":"1","a":"2"}}""" 0, "names 'a' twice"
]

/// Reads everything there is, so that a wrong range would show.
let private readAll (opened: SafeTensorsFile) =
    let mutable read = 0L
    let mutable sum = 0

    for name in opened.Tensors.Keys do
        let bytes = opened.Bytes name
        read <- read + int64 bytes.Length

        for value in bytes do
            sum <- sum + int value

    read

let private types =
    Enum.GetValues<DType>()
    |> Array.choose (fun kind -> TensorIO.ScalarTypeOf kind |> Option.ofNullable)

/// A tensor of any type with any bytes in it.
let private randomTensor (random: Random) =
    let kind = types[random.Next types.Length]
    let shape = Array.init (random.Next 4) (fun _ -> int64 (random.Next 5))
    let made = torch.zeros (shape, dtype = kind)
    let bytes = made.bytes
    random.NextBytes bytes

    if kind = torch.ScalarType.Bool then
        for i in 0 .. bytes.Length - 1 do
            bytes[i] <- bytes[i] &&& 1uy

    made

let private dictionary (pairs: seq<string * 'T>) =
    Dictionary(pairs |> Seq.map KeyValuePair) :> IReadOnlyDictionary<string, 'T>

let private isUnicode (text: string) =
    text |> Seq.forall (Char.IsSurrogate >> not)

[<Tests>]
let tests =
    testList "safetensors" [
        testList "hostile" [
            for name, bytes, said in hostile ->
                testCase name (fun () -> Faults.expect [ "x.safetensors"; said ] (fun () -> withBytes bytes ignore))
        ]

        testCase "a missing file, a folder and an unknown key" (fun () ->
            Support.withFolder (fun folder ->
                let missing = Path.Combine(folder, "none.safetensors")
                Faults.expect [ missing; "no such file" ] (fun () -> SafeTensorsFile.Open(missing).Dispose())
                Faults.expect [ folder; "cannot be read" ] (fun () -> SafeTensorsFile.Open(folder).Dispose()))

            withBytes (file good 9) (fun opened ->
                Faults.expect [ "no tensor 'c'" ] (fun () -> opened.Bytes("c").Length |> ignore)))

        testCase "a good file is read lazily, with its padding, and not after it is closed" (fun () ->
            let path, bytes = "x", file (good + "   ") 9

            withBytes bytes (fun opened ->
                Expect.equal (List.ofSeq opened.Tensors.Keys) [ "a"; "b" ] path
                Expect.equal opened.Tensors["a"].Shape [| 2L |] "shape"
                Expect.equal (opened.Bytes("b").ToArray()) [| 8uy |] "the last byte"
                opened.Dispose()
                opened.Dispose()
                Expect.throwsT<ObjectDisposedException> (fun () -> opened.Bytes("a").Length |> ignore) "closed"))

        testPropertyWithConfig quick "damage is refused or harmless" (fun (edits: (NonNegativeInt * byte) list) cut ->
            let whole =
                file
                    $"""{{"__metadata__":{{"k":"v"}},"a":{tensor "F16" "2,3" 0 12},"b":{tensor "U8" "4" 12 16}}} """
                    16

            let damaged = Array.copy whole

            for at, value in edits do
                damaged[at.Get * 31 % damaged.Length] <- value

            let kept =
                damaged[.. damaged.Length - 1 - (abs cut % 3) * (abs cut % damaged.Length) / 2]

            try
                withBytes kept (fun opened ->
                    let header = 8L + BitConverter.ToInt64(kept, 0)
                    Expect.equal (readAll opened) (int64 kept.Length - header) "every byte belongs to one tensor")
            with :? RecipesException as e ->
                Expect.stringContains e.Message "x.safetensors" "the error names the file")

        testPropertyWithConfig quick "what is written is read again" (fun (names: NonEmptyString list) seed text ->
            let random = Random(seed: int)
            use _ = torch.NewDisposeScope()

            let names =
                names
                |> List.map _.Get
                |> List.filter (fun name -> isUnicode name && name <> "__metadata__")
                |> List.distinct

            let tensors = [ for name in names -> name, randomTensor random ]

            let metadata =
                match text with
                | Some(NonEmptyString text) when isUnicode text -> dictionary [ text, text; "format", "pt" ]
                | _ -> dictionary []

            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "x.safetensors")
                let again = Path.Combine(folder, "y.safetensors")
                SafeTensorsWriter.Write(path, tensors |> Seq.map KeyValuePair, metadata)
                SafeTensorsWriter.Write(again, tensors |> List.rev |> Seq.map KeyValuePair, metadata)
                Expect.equal (File.ReadAllBytes again) (File.ReadAllBytes path) "the order given does not matter"
                use opened = SafeTensorsFile.Open path
                Expect.equal (Seq.sort opened.Tensors.Keys |> List.ofSeq) (List.sort names) "names"

                Expect.equal
                    (opened.Metadata |> Seq.map (|KeyValue|) |> Map.ofSeq)
                    (metadata |> Seq.map (|KeyValue|) |> Map.ofSeq)
                    "metadata"

                let first = BitConverter.ToInt64(File.ReadAllBytes path, 0)
                Expect.equal (first % 8L) 0L "the data is aligned"

                for name, wanted in tensors do
                    let found = opened.Read name
                    Expect.equal found.dtype wanted.dtype "type"
                    Expect.equal found.shape wanted.shape "shape"
                    Expect.equal (found.bytes.ToArray()) (wanted.bytes.ToArray()) "values"))

        testCase "a reference file written again has the same bytes" (fun () ->
            for path in Directory.GetFiles(Support.golden, "*.safetensors", SearchOption.AllDirectories) do
                use _ = torch.NewDisposeScope()
                use opened = SafeTensorsFile.Open path

                // The reference writes metadata in no fixed order, so files with at most one entry can be compared.
                if opened.Metadata.Count <= 1 then
                    Support.withFolder (fun folder ->
                        let copy = Path.Combine(folder, "copy.safetensors")
                        let tensors = [ for name in opened.Tensors.Keys -> KeyValuePair(name, opened.Read name) ]
                        SafeTensorsWriter.Write(copy, tensors, opened.Metadata)
                        Expect.isTrue (File.ReadAllBytes copy = File.ReadAllBytes path) path))

        testCase "reading converts type and keeps views apart" (fun () ->
            withBytes (file $"""{{"a":{tensor "U8" "3" 0 3}}}""" 3) (fun opened ->
                use half = opened.Read("a", dtype = torch.float16)
                Expect.equal half.dtype torch.ScalarType.Float16 "type"
                use floats = half.``to`` torch.float32
                Expect.equal (floats.data<float32>().ToArray()) [| 0.0f; 1.0f; 2.0f |] "values"
                half.zero_ () |> ignore
                Expect.equal (opened.Bytes("a").ToArray()) [| 0uy; 1uy; 2uy |] "the file is as it was")

            withBytes (file $"""{{"a":{tensor "F8_E4M3" "3" 0 3}}}""" 3) (fun opened ->
                Faults.expect [ "'a'"; "F8_E4M3" ] (fun () -> (opened.Read "a").Dispose())))

        testCase "transposed views and gradients are written as they read" (fun () ->
            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "x.safetensors")
                use weight = torch.arange(6.0f).reshape(2L, 3L).requires_grad_ true
                SafeTensorsWriter.Write(path, [ KeyValuePair("w", weight.t ()) ])
                use opened = SafeTensorsFile.Open path
                use found = opened.Read "w"
                Expect.equal (found.data<float32>().ToArray()) [| 0.0f; 3.0f; 1.0f; 4.0f; 2.0f; 5.0f |] "row by row"))

        testCase "a write that fails leaves the old file and nothing else" (fun () ->
            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "x.safetensors")
                use weight = torch.zeros 100_000L
                SafeTensorsWriter.Write(path, [ KeyValuePair("old", weight) ])
                let before = File.ReadAllBytes path

                if File.Exists "/dev/full" then
                    Faults.expect [ path; "cannot be written"; "o space left" ] (fun () ->
                        SafeTensorsWriter.Write(
                            path,
                            [ KeyValuePair("new", weight) ],
                            dictionary [],
                            fun _ -> new FileStream("/dev/full", FileMode.Open, FileAccess.Write)
                        ))

                Faults.expect [ "'w'"; "twice" ] (fun () ->
                    SafeTensorsWriter.Write(path, [ KeyValuePair("w", weight); KeyValuePair("w", weight) ]))

                Faults.expect [ "not valid Unicode" ] (fun () ->
                    SafeTensorsWriter.Write(path, [ KeyValuePair(string (char 0xd800), weight) ]))

                Expect.equal (File.ReadAllBytes path) before "the old file"
                Expect.equal (Directory.GetFiles folder) [| path |] "no temporary file"
                let nowhere = Path.Combine(folder, "none", "x.safetensors")

                Faults.expect [ nowhere; "cannot be written" ] (fun () ->
                    SafeTensorsWriter.Write(nowhere, [ KeyValuePair("w", weight) ]))))
    ]
