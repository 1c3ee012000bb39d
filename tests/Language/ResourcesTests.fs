module Recipes.Tests.ResourcesTests

open Expecto
open Recipes
open Recipes.Checks
open Recipes.Tests.LanguageBench

let private text (problems: Problem list) = problems |> List.map _.Text

/// What the machine has, in place of what it really has.
let private on memory disk folder =
    let recipe = right folder
    let facts = Reading.facts Recipes.Core.Hub.HubSettings.FromEnvironment None recipe

    Resources.findings (Draft.ofRecipe 64<px> recipe) {
        facts with
            Memory = memory
            FreeDisk = disk
    }
    |> text

[<Tests>]
let tests =
    testList "resources" [
        test "E33: a model that does not fit into memory" {
            withPictures (fun folder ->
                Expect.equal
                    (on 1_000_000L None folder)
                    [
                        "E33 train: needs at least 1.1 MB of memory, and there are 1.0 MB. Write `precision BFloat16`, choose a smaller base model, or use a larger machine."
                    ]
                    "too little"

                Expect.isEmpty (on 2_000_000L None folder) "enough")
        }

        test "E34: a disk that is full" {
            withPictures (fun folder ->
                Expect.equal
                    (on 2_000_000L (Some 100_000L) folder)
                    [
                        "E34 outputs: needs at least 359 kB of disk, and 100 kB are free. Free some, or choose another disk with `outputs { folder \"...\" }`."
                    ]
                    "too little"

                Expect.isEmpty (on 2_000_000L (Some 1_000_000L) folder) "enough")
        }

        test "this machine has memory and disk" {
            withPictures (fun folder ->
                let facts =
                    Reading.facts Recipes.Core.Hub.HubSettings.FromEnvironment None (right folder)

                Expect.isGreaterThan facts.Memory 100_000_000L "memory"
                Expect.isSome facts.FreeDisk "disk")
        }

        for count, expected in
            [
                999L, "1.0 kB"
                12_345L, "12 kB"
                9_940_000L, "9.9 MB"
                1_500_000_000L, "1.5 GB"
            ] do
            test $"{count} bytes" { Expect.equal (Problems.bytes count) expected "text" }
    ]
