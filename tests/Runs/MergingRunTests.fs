module Recipes.Tests.MergingRunTests

open System.IO
open System.Threading
open Expecto
open Recipes
open Recipes.Core.Weights
open Recipes.Runs
open Recipes.Tests.Support

let private sd1 = Models.folder<SD1>(Path.Combine(golden, "sd1"))

let private part name (one: Subject) (tuning: TuningBlock<'way>) = recipe name sd1 {
    learn one
    adapt tuning

    train {
        steps 2<step>
        rate 1e-3
        size 64<px>
    }

    draw {
        denoise 2<step>
        seeds [ 3 ]
    }

    sample $"a photo of {one}"
}

let private both way other (dog: Subject) (cat: Subject) recipes =
    recipe "both" sd1 {
        merge way recipes
        against other
        train { size 64<px> }

        draw {
            denoise 2<step>
            seeds [ 3 ]
        }

        sample $"a photo of {dog} and {cat}"
    }
    |> Plan.check
    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

let private pixels (path: string) =
    (Recipes.Core.Imaging.ImageFile.Decode path).Pixels

let private finish folder plan =
    CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

/// What is drawn again from the run's files is what the run drew.
let private drawnAgain folder plan place =
    let again =
        Redraw.run
            plan
            {
                CookTests.redrawing with
                    Run = Some(Path.Combine(folder, "out"))
            }
            ignore
            CancellationToken.None

    Expect.sequenceEqual
        (pixels again.Head)
        (pixels (Path.Combine(place, "samples", "01-seed3-after.png")))
        "drawn again"

[<Tests>]
let tests =
    testSequenced
    <| testList "merging runs" [
        test "keys and values are merged after their own runs, and another way is drawn and measured" {
            withFolder (fun folder ->
                let dog, cat =
                    InCompanyRunTests.subjectOf folder "dog" "<dog>", InCompanyRunTests.subjectOf folder "cat" "<cat>"

                let keys = customDiffusion { startFrom "a" }

                let plan =
                    both LeastSquares PlainSum dog cat [ part "one" dog keys; part "two" cat keys ]

                let place, state = finish folder plan
                drawnAgain folder plan place

                let labels = InCompanyRunTests.labels state

                for label in
                    [
                        "CLIP-I <dog> dog in company"
                        "CLIP-I <cat> cat in company"
                        "CLIP-I <dog> dog in company by plain sum"
                        "recognised <cat> cat in company by plain sum"
                    ] do
                    Expect.contains labels label "figures"

                for part in plan.Parts do
                    match Cook.run part (CookTests.options folder "out") ignore CancellationToken.None with
                    | Outcome.Already _ -> ()
                    | outcome -> failtest $"{outcome}"

                use weights = SafeTensorsFile.Open(Path.Combine(place, "both.safetensors"))

                Expect.all
                    weights.Tensors.Keys
                    (fun key -> key.EndsWith "_custom_diffusion.weight")
                    "keys and values alone"

                for name in [ "1-dog.safetensors"; "2-cat.safetensors" ] do
                    Expect.isTrue (File.Exists(Path.Combine(place, "tokens", name))) name

                let before = pixels (Path.Combine(place, "samples", "01-seed3-before.png"))
                let sum = pixels (Path.Combine(place, "samples", "01-seed3-plain-sum.png"))
                let after = pixels (Path.Combine(place, "samples", "01-seed3-after.png"))
                Expect.isFalse (before = sum || before = after || sum = after) "three pictures"
                let page = File.ReadAllText(Path.Combine(place, "report.html"))
                Expect.stringContains page "learned apart and merged by least squares" "summary"
                Expect.stringContains page "Training loss of two" "the parts' losses")
        }

        test "the closed form answers the few prompts that each subject was learned with" {
            withFolder (fun folder ->
                let dog, cat =
                    InCompanyRunTests.subjectOf folder "dog" "<dog>", InCompanyRunTests.subjectOf folder "cat" "<cat>"

                let keys = customDiffusion { startFrom "a" }

                let plan =
                    both ClosedForm PlainSum dog cat [ part "one" dog keys; part "two" cat keys ]

                let place, _ = finish folder plan
                drawnAgain folder plan place
                let sum = pixels (Path.Combine(place, "samples", "01-seed3-plain-sum.png"))
                let after = pixels (Path.Combine(place, "samples", "01-seed3-after.png"))
                Expect.isFalse (sum = after) "two ways")
        }

        test "adapters at right angles are merged into one adapter by their sum" {
            withFolder (fun folder ->
                let dog, cat =
                    InCompanyRunTests.subjectOf folder "dog" "sks", InCompanyRunTests.subjectOf folder "cat" "ktn"

                let share number = lora 2<rank> { orthogonal number }

                let plan =
                    both Sum PlainSum dog cat [ part "one" dog (share 1); part "two" cat (share 2) ]

                let place, state = finish folder plan
                drawnAgain folder plan place
                use weights = SafeTensorsFile.Open(Path.Combine(place, "both.safetensors"))

                let downs =
                    weights.Tensors.Keys
                    |> Seq.filter (fun key -> key.Contains "lora_A" || key.Contains "lora.down")
                    |> Seq.map (fun key -> weights.Tensors[key].Shape[0])
                    |> Seq.distinct
                    |> List.ofSeq

                Expect.equal downs [ 4L ] "the sum of the ranks"

                let crosstalk =
                    match state.Results with
                    | Some results -> (nonNull results["crosstalk"]).GetValue<float>()
                    | None -> failtest "no results"

                Expect.isLessThan crosstalk 1e-5 "they read nothing of each other's inputs")
        }
    ]
