module Recipes.Tests.ElfMendTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open FsCheck
open Recipes.Core.Native

/// TorchSharp's library as the package has it; mending concerns Linux alone.
let private original =
    if OperatingSystem.IsLinux() then
        Places.Find "libLibTorchSharp.so"
        |> Option.ofObj
        |> Option.map File.ReadAllBytes
    else
        None

let private onLinux name (test: byte[] -> unit) =
    testCase name (fun () ->
        match original with
        | Some bytes -> test bytes
        | None -> skiptest "no libLibTorchSharp.so here")

let private weaken (bytes: byte[]) version symbol =
    ElfMend.Weaken(ReadOnlySpan bytes, version, symbol) |> Option.ofObj

[<Tests>]
let tests =
    testList "elf mend" [
        onLinux "changes two bytes: the version's flag and the symbol's binding" (fun bytes ->
            let mended = (weaken bytes Bindings.Version Bindings.Symbol).Value

            let changes =
                Array.zip bytes mended
                |> Array.filter (fun (before, after) -> before <> after)
                |> Array.sort

            // No flag becomes "weak"; a global function (bind 1, type 2) becomes a weak one (bind 2, type 2).
            Expect.equal changes [| 0uy, 2uy; 0x12uy, 0x22uy |] "before and after"
            Expect.equal (weaken mended Bindings.Version Bindings.Symbol) (Some mended) "mending twice changes no more")

        onLinux "leaves a version alone that something else demands" (fun bytes ->
            Expect.isNone (weaken bytes "GLIBCXX_3.4.30" Bindings.Symbol) "condition_variable::wait, which is called"
            Expect.isNone (weaken bytes "GLIBCXX_3.4" Bindings.Symbol) "hundreds of symbols"
            Expect.isNone (weaken bytes "GLIBCXX_9.9" Bindings.Symbol) "no such version")

        testCase "refuses what is no library" (fun () ->
            for bytes in
                [
                    [||]
                    [| 0x7fuy |]
                    "\x7fELF\x02\x01"B
                    Array.zeroCreate 64
                    Array.create 4096 0xffuy
                ] do
                Expect.isNone (weaken bytes Bindings.Version Bindings.Symbol) $"{bytes.Length} bytes")

        testCase "survives any damage" (fun () ->
            match original with
            | None -> skiptest "no libLibTorchSharp.so here"
            | Some bytes ->
                // The tables that are read lie in the first 300 kB and in the section headers at the end.
                let spots = [| 0, 64; 0x3890, 0x13000; 0x3f8f0, 0x210; bytes.Length - 1984, 1984 |]

                let survives (edits: (PositiveInt * NonNegativeInt * byte) list) =
                    let damaged = Array.copy bytes

                    for spot, at, value in edits do
                        let start, length = spots[spot.Get % spots.Length]
                        damaged[start + at.Get * 7 % length] <- value

                    match weaken damaged Bindings.Version Bindings.Symbol with
                    | Some mended -> mended.Length = bytes.Length
                    | None -> true

                Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, survives)

                for length in [ 63; 100; 0x3890; 0x40000; bytes.Length - 2000; bytes.Length - 1 ] do
                    weaken bytes[.. length - 1] Bindings.Version Bindings.Symbol |> ignore)

        testCase "a copy is stored whole by many at once, and mended when it was damaged" (fun () ->
            Support.withFolder (fun folder ->
                let content = Array.init 100_000 byte
                let cache = Path.Combine(folder, "new", "recipes")
                let store _ = Bindings.Store(cache, "a.so", content)
                let paths = Task.WhenAll [ for i in 1..8 -> Task.Run(fun () -> store i) ]
                Expect.all paths.Result (fun path -> File.ReadAllBytes path = content) "what each found"
                Expect.equal (Directory.GetFiles cache) [| paths.Result[0] |] "nothing else is left"
                File.WriteAllText(paths.Result[0], "half")
                Expect.equal (File.ReadAllBytes(store 0)) content "written again"))
    ]
