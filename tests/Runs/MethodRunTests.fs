module Recipes.Tests.MethodRunTests

open System
open System.IO
open System.Threading
open Expecto
open Recipes
open Recipes.Core.Weights
open Recipes.Runs
open Recipes.Tests.Support

let private planOf (folder: string) word (tuning: TuningBlock<'way>) =
    let data = Path.Combine(folder, "data")

    if not (Directory.Exists data) then
        CookTests.pictures data

    let dog = subject "dog" {
        token word
        images data
    }

    recipe "tiny" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
        learn dog
        adapt tuning

        train {
            steps 2<step>
            rate 1e-3
            size 64<px>
        }

        draw {
            denoise 2<step>
            seeds [ 3 ]
            sampler EulerAncestral
        }

        sample $"a photo of {dog} on the moon"
    }
    |> Plan.check
    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

/// A finished run's folder; drawing again from it gives the very pictures of the run.
let private finished folder (plan: Plan) =
    let place, _ =
        CookTests.finish plan (CookTests.options folder "out") ignore CancellationToken.None

    let again =
        Redraw.run
            plan
            {
                CookTests.redrawing with
                    Run = Some(Path.Combine(folder, "out"))
            }
            ignore
            CancellationToken.None

    let pixels (path: string) =
        (Recipes.Core.Imaging.ImageFile.Decode path).Pixels

    let after = pixels (Path.Combine(place, "samples", "01-seed3-after.png"))
    Expect.sequenceEqual (pixels again.Head) after "drawn again"
    Expect.isFalse ((pixels (Path.Combine(place, "samples", "01-seed3-before.png"))) = after) "something was learned"
    place

/// The UNet's weights that differ from the base model's.
let private changed (place: string) =
    use before =
        SafeTensorsFile.Open(Path.Combine(golden, "sd1", "unet", "diffusion_pytorch_model.safetensors"))

    use after =
        SafeTensorsFile.Open(Path.Combine(place, "unet", "diffusion_pytorch_model.safetensors"))

    Expect.equal (set after.Tensors.Keys) (set before.Tensors.Keys) "every weight is there"

    [
        for name in before.Tensors.Keys do
            use one = before.Read name
            use other = after.Read name

            if not (one.Equals other) then
                name
    ]

[<Tests>]
let tests =
    testSequenced
    <| testList "method runs" [
        test "new vectors leave a file of the token" {
            withFolder (fun folder ->
                let place =
                    textualInversion 2<vec> { startFrom "a" }
                    |> planOf folder "<new>"
                    |> finished folder

                use file = SafeTensorsFile.Open(Path.Combine(place, "tiny.safetensors"))
                Expect.equal (List.ofSeq file.Tensors.Keys) [ "<new>" ] "the token"
                Expect.equal file.Tensors["<new>"].Shape [| 2L; 32L |] "its vectors"
                Expect.equal file.Metadata["modelspec.architecture"] "stable-diffusion-v1/textual-inversion" "header")
        }

        test "a theme with captions trains, and is compared with its pictures" {
            withFolder (fun folder ->
                CookTests.pictures (Path.Combine(folder, "data"))

                let shades = theme "shades" {
                    images (Path.Combine(folder, "data"))
                    captions FileNames
                    flipped
                }

                let plan =
                    recipe "tiny" (Models.folder<SD1>(Path.Combine(golden, "sd1"))) {
                        data shades

                        adapt (
                            lora 2<rank> {
                                only Attention
                                only TextEncoder
                            }
                        )

                        train {
                            steps 3<step>
                            rate 1e-3
                            size 64<px>
                            batch 2<img>
                        }

                        draw {
                            denoise 2<step>
                            seeds [ 3 ]
                        }

                        sample $"a shade of the moon"
                    }
                    |> Plan.check
                    |> Result.defaultWith (fun problems -> failtest $"%A{problems}")

                let place = finished folder plan
                let page = File.ReadAllText(Path.Combine(place, "report.html"))
                Expect.stringContains page "CLIP-I" "compared"
                Expect.stringContains page "CLIP-T of the real pictures" "and what its own pictures and captions reach"
                let state = (RunState.load place).Value
                let figures = (nonNull state.Results.Value["figures"]).AsArray()

                let ceiling name =
                    figures
                    |> Seq.map nonNull
                    |> Seq.find (fun figure -> string figure["name"] = name)
                    |> fun figure -> (nonNull figure["ceiling"]).GetValue<float>()

                for name in [ "CLIP-I"; "CLIP-T" ] do
                    Expect.isLessThan (abs (ceiling name)) 1.0 $"{name} of the real pictures, a mean cosine")
        }

        test "DoRA leaves magnitudes" {
            withFolder (fun folder ->
                let place = dora 2<rank> |> planOf folder "sks" |> finished folder
                use file = SafeTensorsFile.Open(Path.Combine(place, "tiny.safetensors"))

                Expect.isTrue (file.Tensors.Keys |> Seq.exists _.EndsWith(".lora_magnitude_vector")) "magnitudes")
        }

        test "keys and values leave a small file in diffusers' naming, and a file of the new token" {
            withFolder (fun folder ->
                let place =
                    customDiffusion { startFrom "a" } |> planOf folder "<new>" |> finished folder

                use before =
                    SafeTensorsFile.Open(Path.Combine(golden, "sd1", "unet", "diffusion_pytorch_model.safetensors"))

                use after = SafeTensorsFile.Open(Path.Combine(place, "tiny.safetensors"))

                let layers = [
                    for name in before.Tensors.Keys do
                        if name.EndsWith ".attn2.to_k.weight" || name.EndsWith ".attn2.to_v.weight" then
                            name
                ]

                let key (name: string) =
                    name
                        .Replace(".attn2.to_k.weight", ".attn2.processor.to_k_custom_diffusion.weight")
                        .Replace(".attn2.to_v.weight", ".attn2.processor.to_v_custom_diffusion.weight")

                Expect.equal (set after.Tensors.Keys) (layers |> List.map key |> set) "keys and values alone"

                let moved =
                    layers
                    |> List.filter (fun name ->
                        use one = before.Read name
                        use other = after.Read(key name)
                        not (one.Equals other))

                Expect.isNonEmpty moved "trained"
                Expect.equal after.Metadata["modelspec.architecture"] "stable-diffusion-v1/custom-diffusion" "header"
                use token = SafeTensorsFile.Open(Path.Combine(place, "tokens", "1-new.safetensors"))
                Expect.equal (List.ofSeq token.Tensors.Keys) [ "<new>" ] "the token"
                Expect.equal token.Tensors["<new>"].Shape [| 1L; 32L |] "one vector"
                Expect.isFalse (Directory.Exists(Path.Combine(place, "unet"))) "no whole network")
        }

        test "a file of other keys and values is refused" {
            withFolder (fun folder ->
                let path = Path.Combine(folder, "odd.safetensors")
                use weights = TorchSharp.torch.zeros 2L

                SafeTensorsWriter.Write(
                    path,
                    [
                        Collections.Generic.KeyValuePair(
                            "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_q_custom_diffusion.weight",
                            weights
                        )
                    ],
                    null
                )

                use model =
                    Recipes.Core.Pipelines.StableDiffusionModel.Load(Path.Combine(golden, "sd1"))

                for part in [ "are missing"; "to_q_custom_diffusion" ] do
                    failsWith part (fun () -> Recipes.Core.Adapters.CustomDiffusionFile.Fill(model.UNet, path)))
        }

        test "the text encoder's own weights are trained, kept and exported" {
            withFolder (fun folder ->
                let plan =
                    everything {
                        only CrossAttention
                        textEncoder
                    }
                    |> planOf folder "sks"

                let place = finished folder plan
                let text = Path.Combine("text_encoder", "model.safetensors")
                Expect.stringContains plan.Text "and the text encoder's, " "the plan says so"

                let differing (one: string) (other: string) =
                    use one = SafeTensorsFile.Open one
                    use other = SafeTensorsFile.Open other

                    [
                        for name in one.Tensors.Keys do
                            use before = one.Read name
                            use after = other.Read name

                            if not (before.Equals after) then
                                name
                    ]

                let base' = Path.Combine(golden, "sd1", text)
                let names = differing base' (Path.Combine(place, text))
                Expect.isTrue (names |> List.exists _.EndsWith("fc1.weight")) "feed-forward"
                Expect.isTrue (names |> List.exists _.EndsWith("token_embedding.weight")) "and embeddings"
                let target = Path.Combine(folder, "merged")

                Exporting.run plan {
                    Run = Some place
                    Target = target
                    Scale = None
                    DType = None
                }

                Expect.isEmpty (differing (Path.Combine(place, text)) (Path.Combine(target, text))) "as trained")
        }

        test "SDXL's text encoders have adapters on all their layers" {
            withFolder (fun folder ->
                CookTests.pictures (Path.Combine(folder, "data"))

                let dog = subject "dog" {
                    token "sks"
                    images (Path.Combine(folder, "data"))
                }

                let plan =
                    recipe "tiny" (Models.folder<SDXL>(Path.Combine(golden, "sdxl"))) {
                        learn dog

                        adapt (
                            lora 2<rank> {
                                only CrossAttention
                                only TextEncoder
                            }
                        )

                        train {
                            steps 2<step>
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

                let place = finished folder plan
                use file = SafeTensorsFile.Open(Path.Combine(place, "tiny.safetensors"))

                let trained =
                    file.Tensors.Values |> Seq.sumBy (fun tensor -> Array.fold (*) 1L tensor.Shape)

                Expect.equal trained plan.Method.Parameters "the plan counts what is trained"

                for part in [ "text_encoder."; "text_encoder_2." ] do
                    Expect.isTrue (file.Tensors.Keys |> Seq.exists _.StartsWith(part)) part)
        }

        test "a part of the weights changes, and nothing else" {
            withFolder (fun folder ->
                let plan =
                    everything { only (FeedForward |> within [ Middle ]) } |> planOf folder "sks"

                let names = finished folder plan |> changed
                Expect.all names (fun name -> name.StartsWith "mid_block." && name.Contains ".ff.") "names"
                Expect.isTrue (names |> List.exists _.EndsWith(".bias")) "biases too")
        }
    ]
