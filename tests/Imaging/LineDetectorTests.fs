module Recipes.Tests.LineDetectorTests

open System
open System.Formats.Tar
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open Expecto
open Recipes.Core
open Recipes.Core.Hub
open Recipes.Core.Imaging
open Recipes.Core.Imaging.Annotators
open Recipes.Core.Native
open Recipes.Core.Pocket

let private refused (part: string) (action: unit -> unit) =
    Expect.throwsC action (fun error ->
        match error with
        | :? RecipesException -> Expect.stringContains error.Message part "what is wrong"
        | other -> failtest $"{other}")

let private hash (bytes: byte array) =
    Convert.ToHexStringLower(SHA256.HashData bytes)

/// A package of one file, as npm packs it.
let private tarball (contents: byte array) =
    use memory = new MemoryStream()

    do
        use zip = new GZipStream(memory, CompressionLevel.Fastest, true)
        use tar = new TarWriter(zip)
        use data = new MemoryStream(contents)

        let entry =
            PaxTarEntry(TarEntryType.RegularFile, "package/net.onnx", DataStream = data)

        tar.WriteEntry entry

    memory.ToArray()

let private contents = [| 1uy; 2uy; 3uy |]
let private packed = tarball contents

let private package =
    SourcePackage("test-net", "1.0.0", "test-net-1.0.0.tgz", hash packed, "MIT", "nobody")

let private file = PackagedFile(package, "package/net.onnx", hash contents)

let private put (package: SourcePackage) folder =
    File.WriteAllBytes(Path.Combine(folder, package.FileName), packed)

let private never _ _ = failtest "nothing is to be fetched"

let private packages =
    testList "packages" [
        test "a file is fetched once and then taken from the cache" {
            Support.withFolder (fun folder ->
                let cache = Path.Combine(folder, "cache")
                let path = file.Fetch(cache, false, put)
                Expect.equal (File.ReadAllBytes path) contents "contents"
                Expect.equal (file.Fetch(cache, true, never)) path "the same"

                Expect.equal
                    (Directory.GetFileSystemEntries cache |> Seq.map Path.GetFileName |> Set.ofSeq)
                    (set [ "net.onnx"; "download.lock" ])
                    "the tarball is not kept"

                File.WriteAllBytes(path, [| 9uy |])
                file.Fetch(cache, false, put) |> ignore
                Expect.equal (File.ReadAllBytes path) contents "a damaged one is replaced")
        }

        test "a tarball in the folder is used, offline too" {
            Support.withFolder (fun folder ->
                put package folder
                Expect.equal (File.ReadAllBytes(file.Fetch(folder, true, never))) contents "contents")
        }

        test "what cannot be fetched is told, with the way out" {
            Support.withFolder (fun folder ->
                refused "HF_HUB_OFFLINE forbids to fetch it" (fun () -> file.Fetch(folder, true, never) |> ignore)

                let program =
                    Action<_, _>(fun package folder -> NpmPack.Run("no-such-program", package, folder))

                refused "the program no-such-program cannot be started" (fun () ->
                    file.Fetch(folder, false, program) |> ignore)

                if not (OperatingSystem.IsWindows()) then
                    let fails =
                        Action<_, _>(fun package folder -> NpmPack.Run("false", package, folder))

                    refused "npm failed with exit code 1" (fun () -> file.Fetch(folder, false, fails) |> ignore)

                let nothing = Action<_, _>(fun _ _ -> ())
                refused "the package is not there" (fun () -> file.Fetch(folder, false, nothing) |> ignore)
                Expect.isEmpty (Directory.GetDirectories folder) "nothing half fetched is left")
        }

        test "other contents than the pinned ones are refused" {
            Support.withFolder (fun folder ->
                let other =
                    Action<_, _>(fun (package: SourcePackage) folder ->
                        File.WriteAllBytes(Path.Combine(folder, package.FileName), tarball [| 4uy |]))

                refused "is pinned" (fun () -> file.Fetch(folder, false, other) |> ignore)
                let wrong = PackagedFile(package, "package/net.onnx", hash [| 5uy |])
                refused "package/net.onnx has the SHA-256" (fun () -> wrong.Fetch(folder, false, put) |> ignore)
                let absent = PackagedFile(package, "package/other.onnx", hash contents)
                refused "it holds no package/other.onnx" (fun () -> absent.Fetch(folder, false, put) |> ignore))
        }
    ]

let private decoding = test "lines are read from the maps by hand" {
    let side = 8

    let scores, offsets =
        Array.zeroCreate (side * side), Array.zeroCreate<float32>(side * side * 4)

    let set x y score (values: float32 list) =
        scores[y * side + x] <- score
        Array.blit (Array.ofList values) 0 offsets ((y * side + x) * 4) 4

    set 3 2 0.5f [ -2f; -1f; 2f; 1f ]
    set 5 5 0.9f [ -1f; 0f; 1f; 0.5f ]
    set 1 1 0.8f [ 0.1f; 0f; 0f; 0f ]
    set 7 7 0.15f [ -5f; 0f; 0f; 0f ]

    let decode most =
        List.ofSeq (LineSegments.Decode(ReadOnlySpan scores, ReadOnlySpan offsets, side, 0.15f, most, 3f))

    Expect.equal
        (decode 10)
        [ LineSegment(8f, 10f, 12f, 11f, 0.9f); LineSegment(2f, 2f, 10f, 6f, 0.5f) ]
        "surest first; the short one and the one not above 0.15 are left out"

    Expect.equal (decode 2).Length 1 "the short one is among the two surest"
}

/// The network, where it is in the cache or can be fetched.
let private weights =
    lazy
        (try
            MlsdWeights.Large.Fetch()
         with :? RecipesException as error ->
             skiptest $"the weights of M-LSD cannot be fetched: {error.Message}")

let private network =
    testList "network" [
        test "the sides of a frame are found where they are" {
            // A bright frame on a dark wall, wider than high: lines must come back in the picture's own pixels.
            let picture = Image(640, 400)

            for y in 0..399 do
                for x in 0..639 do
                    let inside = x >= 120 && x < 520 && y >= 80 && y < 320
                    picture.Row(y).Slice(x * 3, 3).Fill(if inside then 225uy else 40uy)

            use detector = new LineDetector(weights.Value)
            let lines = List.ofSeq (detector.Detect picture)
            Expect.equal lines.Length 4 "four sides"
            let near a b = abs (a - b) < 4f

            let vertical at (line: LineSegment) =
                near line.X1 at && near line.X2 at && line.Length > 150f

            let level at (line: LineSegment) =
                near line.Y1 at && near line.Y2 at && line.Length > 250f

            for what, side in
                [
                    "left", vertical 120f
                    "right", vertical 520f
                    "upper", level 80f
                    "lower", level 320f
                ] do
                Expect.exists lines side what

            let drawn = detector.Annotate picture
            Expect.equal (drawn.Width, drawn.Height) (640, 400) "size"
            Expect.isTrue (Seq.exists ((=) 255uy) drawn.Pixels) "white lines"
            Expect.equal detector.Kind "mlsd" "kind"
            Expect.isTrue (lines |> List.pairwise |> List.forall (fun (a, b) -> a.Score >= b.Score)) "surest first"
        }

        test "a flat picture has no lines" {
            use detector = new LineDetector(weights.Value)
            Expect.isEmpty (detector.Detect(Image(300, 200))) "black"
        }

        test "settings out of range are refused" {
            use detector = new LineDetector(weights.Value, Score = 2.0)
            refused "a least score of 2" (fun () -> detector.Detect(Image(8, 8)) |> ignore)
        }

        test "files that are no such network are refused" {
            refused "no such file" (fun () -> new LineDetector("no/such.onnx") |> ignore)

            Support.withFolder (fun folder ->
                let path = Path.Combine(folder, "stub.onnx")
                File.WriteAllText(path, "this is no network")
                refused "it is no network that ONNX Runtime reads" (fun () -> new LineDetector(path) |> ignore)

                // ir_version 8, opset 13, and a graph "g" that gives x, float [1], as it is.
                let x name = [|
                    0x0Auy
                    1uy
                    byte (name: char)
                    0x12uy
                    10uy
                    0x0Auy
                    8uy
                    8uy
                    1uy
                    0x12uy
                    4uy
                    0x0Auy
                    2uy
                    8uy
                    1uy
                |]

                let field (tag: byte) (bytes: byte array) =
                    Array.append [| tag; byte bytes.Length |] bytes

                let node =
                    Array.concat [ field 0x0Auy "x"B; field 0x12uy "y"B; field 0x22uy "Identity"B ]

                let graph =
                    Array.concat [
                        field 0x0Auy node
                        field 0x12uy "g"B
                        field 0x5Auy (x 'x')
                        field 0x62uy (x 'y')
                    ]

                let opset = [| 0x0Auy; 0uy; 0x10uy; 13uy |]
                File.WriteAllBytes(path, Array.concat [ [| 8uy; 8uy |]; field 0x3Auy graph; field 0x42uy opset ])
                refused "it is another network: input [1], outputs y" (fun () -> new LineDetector(path) |> ignore))
        }

        test "a program published without ONNX Runtime says so" {
            refused "published without it" (fun () -> OnnxLibrary.Find [ Path.GetTempPath() ] |> ignore)
        }
    ]

[<Tests>]
let tests = testList "line detector" [ packages; decoding; network ]
