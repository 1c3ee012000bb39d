module Recipes.Tests.LaterUseTests

open System
open System.IO
open System.Threading
open Expecto
open TorchSharp
open Recipes
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Weights
open Recipes.Runs
open Recipes.Tests.Support

let private pixels (path: string) =
    (ImageFile.Decode path).Pixels |> Array.map int

let private furthest one other =
    Array.map2 (fun a b -> abs (a - b)) one other |> Array.max

let private again folder (scale: float option) adapters anyBase target plan =
    Redraw.run
        plan
        {
            CookTests.redrawing with
                Run = Some folder
                Count = Some 1
                Target = Some(Path.Combine(folder, target))
                Scale = scale
                Adapters = adapters
                AnyBase = anyBase
        }
        ignore
        CancellationToken.None
    |> List.exactlyOne

/// A finished run of an adapter that changes pictures well beyond rounding.
let private withRun (test: string -> string -> Plan -> unit) =
    withFolder (fun folder ->
        let plan = CookTests.planOf folder 6<step>

        let place, _ =
            CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

        test folder place plan)

let private fails (words: string list) act =
    Expect.throwsC (fun () -> act () |> ignore) (fun error ->
        Expect.isTrue (error :? RecipesException) $"the kind of error: {error.Message}"

        for word in words do
            Expect.stringContains error.Message word "the message")

let private export place plan target scale =
    Exporting.run plan {
        Run = Some place
        Target = target
        Scale = scale
        DType = None
    }

/// What a model draws for the run's first prompt and seed.
let private drawnBy (path: string) (plan: Plan) =
    use model = StableDiffusionModel.Load(path, torch.CPU, torch.float32)

    let shot: Shot = {
        Number = 1
        Prompt = plan.Samples.Head.Text
        Plain = plan.Samples.Head.Plain
        Mentions = []
        Seed = plan.Draw.Seeds.Head
    }

    Painter.draw model plan [ shot ] [] ignore CancellationToken.None
    |> List.exactlyOne
    |> fun image -> Array.map int image.Pixels

[<Tests>]
let tests =
    testList "later use" [
        test "an adapter is drawn at any strength, and beside others" {
            withRun (fun _ place plan ->
                let before = pixels (Path.Combine(place, "samples", "01-seed3-before.png"))
                let after = pixels (Path.Combine(place, "samples", "01-seed3-after.png"))
                let own = Path.Combine(place, "tiny.safetensors")

                let draw scale adapters target =
                    again place scale adapters false target plan

                Expect.isGreaterThan (furthest before after) 2 "something was learned"
                Expect.equal (pixels (draw (Some 0.0) [] "none")) before "nothing of it"
                Expect.isLessThanOrEqual (furthest (pixels (draw None [] "whole")) after) 1 "all of it"
                let halves = [ FurtherAdapter.parse $"{own}@0.5" ]
                let two = draw (Some 0.5) halves "halves"
                Expect.isLessThanOrEqual (furthest (pixels two) after) 1 "two halves"
                let other = draw (Some 0.0) [ FurtherAdapter.parse own ] "other"
                Expect.isLessThanOrEqual (furthest (pixels other) after) 1 "from the file alone"
                let said = (PngText.Read two)["recipes"]
                Expect.stringContains said "\"scale\":0.5" "the picture says so"
                Expect.stringContains said "tiny.safetensors@0.5" "and names the other"

                fails [ "nowhere.safetensors" ] (fun () ->
                    draw None [ FurtherAdapter.parse "/nowhere.safetensors" ] "missing")

                Expect.isFalse (Directory.Exists(Path.Combine(place, "missing"))) "nothing is made")
        }

        test "C23: an adapter of another base is refused" {
            withRun (fun folder place plan ->
                let other = Path.Combine(folder, "other.safetensors")

                using (SafeTensorsFile.Open(Path.Combine(place, "tiny.safetensors"))) (fun file ->
                    use _ = torch.NewDisposeScope()
                    let header = Collections.Generic.Dictionary<string, string> file.Metadata
                    header["recipes.base_sha256"] <- String.replicate 64 "0"

                    let tensors = [
                        for name in file.Tensors.Keys -> Collections.Generic.KeyValuePair(name, file.Read name)
                    ]

                    SafeTensorsWriter.Write(other, tensors, header))

                let adapters = [ FurtherAdapter.parse other ]

                let draw anyBase =
                    again place None adapters anyBase "drawn" plan

                fails
                    [
                        "other.safetensors"
                        "trained on a base model of SHA-256 000000000000"
                        "--any-base"
                    ]
                    (fun () -> draw false)

                Expect.isTrue (File.Exists(draw true)) "unless that is asked for")
        }

        test "a name and its scale are told apart" {
            for text, file, scale in
                [
                    "a.safetensors", "a.safetensors", 1.0
                    "a.safetensors@0.25", "a.safetensors", 0.25
                    "a@b.safetensors", "a@b.safetensors", 1.0
                    "a@b.safetensors@-1", "a@b.safetensors", -1.0
                    "a@nan", "a@nan", 1.0
                ] do
                let found = FurtherAdapter.parse text
                Expect.equal (found.File, found.Scale) (file, scale) text
        }

        test "a result is merged into a model of its own, as a folder and as one file" {
            withRun (fun folder place plan ->
                let before = pixels (Path.Combine(place, "samples", "01-seed3-before.png"))
                let after = pixels (Path.Combine(place, "samples", "01-seed3-after.png"))
                let target name = Path.Combine(folder, name)

                for name in [ "merged"; "merged.safetensors" ] do
                    export place plan (target name) None
                    let found = furthest (drawnBy (target name) plan) after
                    Expect.isLessThanOrEqual found 1 $"{name} draws what base and adapter draw"

                export place plan (target "base") (Some 0.0)
                Expect.equal (drawnBy (target "base") plan) before "nothing of the adapter"
                use file = SafeTensorsFile.Open(target "merged.safetensors")
                Expect.equal file.Metadata["modelspec.title"] "tiny" "the header says what it is"
                Expect.isFalse (file.Metadata["modelspec.architecture"].Contains "lora") "a whole model"
                fails [ "merged"; "exists already" ] (fun () -> export place plan (target "merged") None))
        }

        test "what is no part of a model's weights is not merged" {
            withFolder (fun folder ->
                CookTests.pictures (Path.Combine(folder, "data"))

                let dog = subject "dog" {
                    token "<thing>"
                    images (Path.Combine(folder, "data"))
                }

                let plan =
                    recipe "word" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
                        learn dog
                        adapt (textualInversion 2<vec>)

                        train {
                            steps 1<step>
                            rate 1e-3
                            size 64<px>
                        }

                        draw {
                            denoise 2<step>
                            seeds [ 3 ]
                        }

                        sample $"a photo of {dog}"
                    }
                    |> Plan.check
                    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

                let place, _ =
                    CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

                let target = Path.Combine(folder, "merged")

                fails [ "no part of the model's weights"; "word.safetensors" ] (fun () ->
                    export place plan target None)

                fails [ "scale 0.5"; "low-rank" ] (fun () -> again place (Some 0.5) [] false "drawn" plan)
                Expect.isFalse (Directory.Exists target) "nothing is written")
        }

        test "a run that is not finished is neither drawn nor merged" {
            withFolder (fun folder ->
                let plan = CookTests.planOf folder 6<step>
                fails [ "no run of this plan"; "recipes run" ] (fun () -> export folder plan (folder + "/m") None))
        }
    ]
