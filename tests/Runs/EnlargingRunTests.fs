module Recipes.Tests.EnlargingRunTests

open System
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Recipes
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Weights
open Recipes.Runs
open Recipes.Tests.Support

let private dog (folder: string) =
    let data = Path.Combine(folder, "data")

    if not (Directory.Exists data) then
        CookTests.pictures data
        let held = Path.Combine(folder, "held-out")
        CookTests.pictures held
        File.Delete(Path.Combine(held, "2.png"))

        // Other pictures than those that are learned from.
        for path in Directory.GetFiles held do
            let image = ImageFile.Decode path
            image.Pixels.AsSpan().Reverse()
            ImageFile.WritePng(path, image)

    subject "dog" {
        token "sks"
        images data
        flipped
    }

let private large (folder: string) (tuning: TuningBlock<'way>) =
    recipe "large" (Models.folder<X4>(Path.Combine(golden, "x4-upscaler"))) {
        learn (dog folder)
        adapt tuning

        train {
            steps 3<step>
            rate 1e-3
            size 64<px>
            batch 2<img>
            checkpoint 1<step>
            ema 0.9
            gradientCheckpointing
        }

        draw { denoise 2<step> }
        measureOn (Path.Combine(folder, "held-out"))
    }

let private drawnAndEnlarged (folder: string) =
    let dog = dog folder

    recipe "tiny" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
        learn dog
        adapt (lora 4<rank>)

        train {
            steps 2<step>
            rate 1e-3
            size 64<px>
        }

        draw {
            denoise 2<step>
            seeds [ 3 ]
        }

        sample $"a photo of {dog} on the moon"
        enlarge (large folder (lora 2<rank>))
    }

let private planOf recipe =
    Plan.check recipe
    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

let private finish folder out plan =
    CookTests.finish plan (CookTests.options folder out) ignore CancellationToken.None

let private names (folder: string) =
    Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
    |> Array.map (fun file -> Path.GetRelativePath(folder, file))
    |> Array.sort
    |> List.ofArray

/// The value of a key that must be there.
let private at (name: string) (node: JsonNode) : JsonNode =
    match node[name] with
    | null -> failtestf "no %s in %s" name (node.ToJsonString())
    | found -> found

let private items (node: JsonNode) : JsonNode list = [
    for item in node.AsArray() do
        match item with
        | null -> failtest "an item is null"
        | item -> item
]

let private resultsOf (state: RunState) : JsonNode =
    match state.Results with
    | Some results -> results :> JsonNode
    | None -> failtest "no results"

let private expected = [
    for picture in [ "0-seed0"; "1-seed0" ] do
        for kind in [ "after"; "before"; "bicubic" ] do
            $"held-out/{picture}-{kind}.png"
]

[<Tests>]
let tests =
    testSequenced
    <| testList "enlarging run" [
        test "an upscaler alone leaves its weights, its pictures and what they are worth" {
            withFolder (fun folder ->
                let place, state = planOf (large folder (lora 2<rank>)) |> finish folder "out"

                Expect.equal
                    (names place)
                    (List.sort (
                        expected
                        @ [
                            "environment.json"
                            "grid.png"
                            "large.safetensors"
                            "metrics.jsonl"
                            "plan.json"
                            "report.html"
                            "run.json"
                        ]
                    ))
                    "files"

                use file = SafeTensorsFile.Open(Path.Combine(place, "large.safetensors"))

                Expect.equal
                    file.Metadata["modelspec.architecture"]
                    "stable-diffusion-x4-upscaler/lora"
                    "what the adapter is for"

                let figures = resultsOf state |> at "figures" |> items

                Expect.equal
                    (figures |> List.map (fun figure -> (at "name" figure).GetValue<string>()))
                    [
                        "PSNR over bicubic"
                        "PSNR over x4-upscaler"
                        "SSIM over bicubic"
                        "SSIM over x4-upscaler"
                    ]
                    "figures"

                let each = resultsOf state |> at "held_out" |> items
                Expect.equal each.Length 2 "a line for each held-out picture"

                // The first figure is the mean over the pictures of what their own lines say.
                let value name =
                    each
                    |> List.averageBy (fun line -> (line |> at "psnr" |> at name).GetValue<float>())

                let stated name =
                    (at name figures.Head).GetValue<float>()

                Expect.floatClose Accuracy.high (stated "before") (value "bicubic") "bicubic"
                Expect.floatClose Accuracy.high (stated "after") (value "after") "tuned"

                let page = File.ReadAllText(Path.Combine(place, "report.html"))

                for word in [ "bicubic"; "x4-upscaler, tuned"; "original"; " dB, 0."; "Held out, enlarged" ] do
                    Expect.stringContains page word "report"

                Pages.higherIsBetter page

                let size kind =
                    (ImageFile.Decode(Path.Combine(place, "held-out", $"0-seed0-{kind}.png"))).Width

                Expect.equal
                    (List.map size [ "bicubic"; "before"; "after" ])
                    [ 64; 64; 64 ]
                    "as large as the originals"

                let pixels kind =
                    (ImageFile.Decode(Path.Combine(place, "held-out", $"0-seed0-{kind}.png"))).Pixels

                Expect.isFalse (pixels "before" = pixels "after") "something was learned")
        }

        test "an upscaler's own weights are kept as a UNet" {
            withFolder (fun folder ->
                let place, _ = planOf (large folder everything) |> finish folder "out"
                let unet = Path.Combine("unet", "diffusion_pytorch_model.safetensors")
                use before = SafeTensorsFile.Open(Path.Combine(golden, "x4-upscaler", unet))
                use after = SafeTensorsFile.Open(Path.Combine(place, unet))
                Expect.equal (set after.Tensors.Keys) (set before.Tensors.Keys) "every weight is there")
        }

        test "a stopped upscaler continues to the bytes of one that was not stopped" {
            withFolder (fun folder ->
                let plan = planOf (drawnAndEnlarged folder)
                let whole, _ = finish folder "whole" plan

                let stopAt wanted =
                    use stop = new CancellationTokenSource()

                    let told progress =
                        if wanted progress then
                            stop.Cancel()

                    match Cook.run plan (CookTests.options folder "parts") told stop.Token with
                    | Outcome.Stopped _ -> ()
                    | outcome -> failtest $"{outcome}"

                let during phase count progress =
                    match progress with
                    | RunProgress.Reached(found, reached, _, _) -> found = phase && reached = count
                    | _ -> false

                stopAt (during Phase.EnlargingBefore 1)
                stopAt (during Phase.UpscalerTraining 2)
                stopAt (during Phase.EnlargingAfter 3)
                let parts, _ = finish folder "parts" plan
                Expect.equal (names parts) (names whole) "files"

                for name in names whole do
                    if name <> "run.json" then
                        Expect.isTrue
                            (File.ReadAllBytes(Path.Combine(parts, name)) =
                                File.ReadAllBytes(Path.Combine(whole, name)))
                            name)
        }

        test "both stages lie in one run, and drawing again enlarges again" {
            withFolder (fun folder ->
                let plan = planOf (drawnAndEnlarged folder)
                let place, state = finish folder "out" plan

                let inside =
                    expected
                    @ [
                        for kind in [ "after"; "before"; "bicubic" ] do
                            $"enlarged/01-seed3-{kind}.png"
                        "large.safetensors"
                        "metrics.jsonl"
                    ]

                Expect.equal (names (Path.Combine(place, "upscaler"))) (List.sort inside) "the upscaler's folder"

                Expect.equal
                    (resultsOf state |> at "figures" |> items |> _.Length)
                    6
                    "CLIP-I, CLIP-T and the upscaler's"

                let large = Path.Combine(place, "upscaler", "enlarged", "01-seed3-after.png")
                Expect.equal (ImageFile.Decode large).Width 256 "four times 64"
                let page = File.ReadAllText(Path.Combine(place, "report.html"))

                for word in [ "CLIP-I"; "Drawn, enlarged"; "Held out, enlarged"; "training loss" ] do
                    Expect.stringContains page word "report"

                let again =
                    Redraw.run
                        plan
                        {
                            CookTests.redrawing with
                                Run = Some(Path.Combine(folder, "out"))
                        }
                        ignore
                        CancellationToken.None

                Expect.equal
                    (again |> List.map Path.GetFileName)
                    [
                        "a-photo-of-sks-dog-on-the-moon-seed3.png"
                        "a-photo-of-sks-dog-on-the-moon-seed3-enlarged.png"
                    ]
                    "files"

                Expect.isTrue ((ImageFile.Decode again[1]).Pixels = (ImageFile.Decode large).Pixels) "the same pixels")
        }

        test "an upscaler is asked for no prompts" {
            withFolder (fun folder ->
                let plan = planOf (large folder (lora 2<rank>))

                let asked () =
                    Redraw.run
                        plan
                        {
                            CookTests.redrawing with
                                Prompts = [ "a dog" ]
                        }
                        ignore
                        CancellationToken.None
                    |> ignore

                Expect.throwsC asked (fun error ->
                    Expect.stringContains error.Message "draws from pictures, not from prompts" "message"))
        }
    ]
