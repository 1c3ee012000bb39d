module Recipes.Tests.ResourcesTests

open Expecto
open Recipes
open Recipes.Checks
open Recipes.Tests.LanguageBench

let private text (problems: Problem list) = problems |> List.map _.Text

/// A recipe on a machine that has so much.
let private within memory device disk (recipe: Recipe) =
    let facts = Reading.facts Recipes.Core.Hub.HubSettings.FromEnvironment None recipe

    Resources.findings (Draft.ofRecipe 64<px> recipe) {
        facts with
            Memory = memory
            DeviceMemory = device
            FreeDisk = disk
    }
    |> text

/// The same for the right recipe, which trains on the CPU.
let private on memory disk folder = within memory None disk (right folder)

let private gigabytes count = int64 (count * 1e9)

/// The estimate for the right recipe with further lines.
let private estimate folder parts =
    let recipe = right folder |> also [ RecipePart.Train parts ]
    let facts = Reading.facts Recipes.Core.Hub.HubSettings.FromEnvironment None recipe
    let draft = Draft.ofRecipe 64<px> recipe
    Memory.most draft draft.Budget (Option.get facts.Base) (Some(List.exactlyOne draft.Tunings))

[<Tests>]
let tests =
    testList "resources" [
        test "E33: a run that does not fit into memory" {
            withPictures (fun folder ->
                let needed = estimate folder []
                Expect.isEmpty (on needed None folder) "just enough"

                match on (needed - 1L) None folder with
                | [ problem ] ->
                    Expect.stringStarts
                        problem
                        $"E33 train: needs about {Problems.bytes needed} of memory, and there are"
                        "what"

                    Expect.stringContains problem "`precision BFloat16` (" "one cure of several"
                    Expect.stringContains problem "`gradientCheckpointing` (" "another"
                | others -> failtest $"%A{others}"

                match on 1_000_000L None folder with
                | [ problem ] -> Expect.stringContains problem "choose a smaller base model" "nothing helps"
                | others -> failtest $"%A{others}")
        }

        test "E33: a device's own memory counts, less what CUDA takes, where it is known" {
            withPictures (fun folder ->
                let parts = [
                    TrainPart.Device(Cuda 0)
                    TrainPart.Batch 8<img>
                    TrainPart.Precision BFloat16
                ]

                let recipe = right folder |> also [ RecipePart.Train parts ]
                let needed = estimate folder parts

                let room bytes =
                    within 1L (Some(bytes + 500_000_000L)) None recipe

                Expect.isEmpty (within 1L None None recipe) "not known"
                Expect.isEmpty (room needed) "just enough"

                match room (needed - 1L) with
                | [ problem ] ->
                    Expect.stringContains problem "and cuda:0 has" "whose"
                    Expect.stringContains problem "`batch 7<img>` (" "the largest batch that fits"
                    Expect.stringContains problem "`gradientCheckpointing` (" "or time for memory"
                | others -> failtest $"%A{others}")
        }

        test "what is said to fit fits" {
            withPictures (fun folder ->
                let parts = [ TrainPart.Device(Cuda 0); TrainPart.Batch 64<img>; TrainPart.Size 512<px> ]
                let recipe = right folder |> also [ RecipePart.Train parts ]
                let needed = estimate folder parts

                // Too little for any change alone, enough for some together.
                let together =
                    estimate folder (parts @ [ TrainPart.GradientCheckpointing; TrainPart.Precision BFloat16 ])

                Expect.isLessThan together needed "less"

                match within 1L (Some(together + 500_000_000L)) None recipe with
                | [ problem ] -> Expect.stringContains problem "would fit" "together"
                | others -> failtest $"%A{others}")
        }

        test "E34: a disk that is full" {
            withPictures (fun folder ->
                Expect.equal
                    (on (gigabytes 8.0) (Some 100_000L) folder)
                    [
                        "E34 outputs: needs at least 359 kB of disk, and 100 kB are free. Free some, or choose another disk with `outputs { folder \"...\" }`."
                    ]
                    "too little"

                Expect.isEmpty (on (gigabytes 8.0) (Some 1_000_000L) folder) "enough")
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
