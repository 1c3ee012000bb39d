module Recipes.Tests.RandomParityTests

open Expecto
open TorchSharp
open Recipes.Tests.Agreement

let private same what (actual: Tensor) (expected: Tensor) =
    Expect.equal (distance actual expected) 0.0 what

[<Tests>]
let tests =
    testList "parity" [
        testList "random" [
            testCase "generators of the CPU"
            <| fun () ->
                withFile "random" (fun file read ->
                    let generators = [
                        for seed in setting<uint64[]> file "seeds" -> new torch.Generator(seed, torch.CPU)
                    ]

                    let normal, large, permutation, integers =
                        read "randn", read "randn_large", read "randperm", read "randint"

                    close 1e-6 "randn" (torch.randn (normal.shape, generator = generators[0])) normal
                    let drawn = torch.randn ([| 5000L |], generator = generators[1])
                    close 1e-6 "randn, many" (drawn.narrow (0L, 0L, large.shape[0])) large
                    same "randperm" (torch.randperm (permutation.shape[0], generator = generators[2])) permutation
                    let drawn = torch.randint (0L, 1000L, integers.shape, generator = generators[3])
                    same "randint" drawn integers)
        ]
    ]
