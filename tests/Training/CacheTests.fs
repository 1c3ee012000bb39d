module Recipes.Tests.CacheTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Data
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Training.Caches

type private Tensors = System.Collections.Generic.IReadOnlyDictionary<string, torch.Tensor>

let private load () =
    StableDiffusionModel.Load(Path.Combine(Support.golden, "sd1"))

let private picture (folder: string) name (shade: int) =
    let path = Path.Combine(folder, name)

    let image =
        Image(48, 32, Array.init (48 * 32 * 3) (fun at -> byte ((at * 7 + shade) % 256)))

    File.WriteAllBytes(path, ImageFile.EncodePng image)
    path

let private middle = Framing.Centre(Bucket(48, 32), Bucket(32, 32))

/// What the autoencoder makes of a picture, and how often it was asked.
type private Encoder(model: StableDiffusionModel) =
    member val Asked = 0 with get, set

    member this.Latents(store: LatentStore, path: string, framing: Framing) =
        let struct (mean, deviation) =
            store.Get(
                path,
                framing,
                fun () ->
                    this.Asked <- this.Asked + 1
                    let prepared = PreparedPicture.Read(TrainingPicture(path, ""), framing)
                    use _ = torch.no_grad ()
                    use encoded = model.Vae.Encode prepared.Pixels
                    struct (encoded.Mean.alias (), encoded.LogVar.exp ())
            )

        torch.cat([| mean; deviation |], 1L).data<float32>().ToArray()

let private withModel test =
    Support.withFolder (fun folder ->
        use _ = torch.NewDisposeScope()
        use model = load ()
        test folder model)

let private made (value: float32) : Tensors =
    readOnlyDict [ "value", torch.tensor [| value; value; value |] ]

let private values (tensors: Tensors) =
    tensors["value"].data<float32>().ToArray()

let private store =
    testList "store" [
        test "what was made is found by the next store, and no other key finds it" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                TensorStore(folder).Get("a", torch.CPU, fun () -> made 1f) |> ignore
                let second = TensorStore folder
                Expect.equal (values (second.Get("a", torch.CPU, fun () -> made 2f))) [| 1f; 1f; 1f |] "found"
                Expect.equal (values (second.Get("b", torch.CPU, fun () -> made 2f))) [| 2f; 2f; 2f |] "another"
                Expect.equal (second.Found, second.Made) (1, 1) "counts")
        }

        test "a harmed file, or one of another key, is made anew and replaced" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                let first = TensorStore folder
                first.Get("a", torch.CPU, fun () -> made 1f) |> ignore
                first.Get("b", torch.CPU, fun () -> made 2f) |> ignore
                let bytes = File.ReadAllBytes(first.PathOf "a")
                File.WriteAllBytes(first.PathOf "a", bytes[.. bytes.Length - 3])
                File.Copy(first.PathOf "b", Path.Combine(folder, "other"), true)
                Expect.equal (values (first.Get("a", torch.CPU, fun () -> made 3f))) [| 3f; 3f; 3f |] "cut short"
                File.Copy(Path.Combine(folder, "other"), first.PathOf "a", true)
                Expect.equal (values (first.Get("a", torch.CPU, fun () -> made 4f))) [| 4f; 4f; 4f |] "another's"
                let again = TensorStore(folder).Get("a", torch.CPU, fun () -> made 5f)
                Expect.equal (values again) [| 4f; 4f; 4f |] "replaced"
                let strays = Directory.GetFiles(folder, "*.tmp", SearchOption.AllDirectories)
                Expect.isEmpty strays "nothing half-written stays")
        }

        test "a folder that cannot be made is one error" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                let path = Path.Combine(folder, "file")
                File.WriteAllText(path, "")

                let act () =
                    TensorStore(path).Get("a", torch.CPU, fun () -> made 1f) |> ignore

                Support.failsWith "the cache's folder cannot be made" act)
        }
    ]

let private latents =
    testList "latents" [
        test "a second store gives the same bytes without asking the autoencoder" {
            withModel (fun folder model ->
                let path, encoder = picture folder "a.png" 0, Encoder model
                let cache = Path.Combine(folder, "cache")
                let first = encoder.Latents(LatentStore(model.Vae, cache), path, middle)
                let store = LatentStore(model.Vae, cache)
                let second = encoder.Latents(store, path, middle)
                Expect.equal second first "bytes"
                Expect.equal (encoder.Asked, store.Found, store.Made) (1, 1, 0) "asked once")
        }

        test "another picture, name, cut, mirroring or autoencoder is never mistaken for it" {
            withModel (fun folder model ->
                let cache = Path.Combine(folder, "cache")
                let path, encoder = picture folder "a.png" 0, Encoder model

                let asked act =
                    let before = encoder.Asked
                    act () |> ignore
                    encoder.Asked - before

                let get path framing () =
                    encoder.Latents(LatentStore(model.Vae, cache), path, framing)

                Expect.equal (asked (get path middle)) 1 "first"
                let renamed = Path.Combine(folder, "b.png")
                File.Copy(path, renamed)
                Expect.equal (asked (get renamed middle)) 0 "the same picture by another name"
                picture folder "a.png" 90 |> ignore
                Expect.equal (asked (get path middle)) 1 "another picture by the same name"
                let flipped = Framing.Centre(Bucket(48, 32), Bucket(32, 32), true)
                Expect.equal (asked (get path flipped)) 1 "mirrored"
                let aside = Framing.At(Bucket(48, 32), Bucket(32, 32), 0.0, 0.0)
                Expect.equal (asked (get path aside)) 1 "cut elsewhere"
                let wide = Framing.Centre(Bucket(48, 32), Bucket(48, 32))
                Expect.equal (asked (get path wide)) 1 "another size"
                model.Vae.Tiling <- true
                Expect.equal (asked (get path middle)) 1 "in tiles"
                model.Vae.Tiling <- false
                Expect.equal (asked (get path middle)) 0 "as at first"
                use _ = torch.no_grad ()

                (Seq.head (model.Vae.parameters ())).view(-1L).[0].add_(torch.tensor 1e-3f)
                |> ignore

                Expect.equal (asked (get path middle)) 1 "one weight changed")
        }
    ]

let private texts =
    testList "texts" [
        test "states are found by tokens and encoder" {
            withModel (fun folder model ->
                let mutable asked = 0

                let get caption =
                    let struct (states, pooled) =
                        TextStore(model, folder)
                            .Get(
                                caption,
                                fun () ->
                                    asked <- asked + 1
                                    use _ = torch.no_grad ()
                                    struct (model.EncodePrompts [| caption |], null)
                            )

                    Expect.isNull pooled "SD1 has no pooled states"
                    states.data<float32>().ToArray()

                let first = get "a photo of a dog"
                Expect.equal (get "a photo of a dog") first "found"
                Expect.equal (get "A photo  of a dog") first "the same tokens"
                Expect.equal asked 1 "once"
                get "a photo of a cat" |> ignore
                Expect.equal asked 2 "other tokens"
                use _ = torch.no_grad ()

                (Seq.head (model.TextEncoder.parameters ())).view(-1L).[0].add_(torch.tensor 1e-3f)
                |> ignore

                get "a photo of a dog" |> ignore
                Expect.equal asked 3 "another encoder")
        }
    ]

[<Tests>]
let tests = testList "caches" [ store; latents; texts ]
