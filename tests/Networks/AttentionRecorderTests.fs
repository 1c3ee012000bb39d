module Recipes.Tests.AttentionRecorderTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open Recipes.Tests.Agreement

let private tokens = 5L

/// A tiny UNet of random weights with attention to the text at every resolution from 1 to 1/8 of the latents'.
let private network () =
    let unet =
        new UNet2DConditionModel(UNetConfig.Read(Path.Combine(Support.golden, "sd1", "unet")))

    use random = new torch.Generator(3UL, torch.CPU)
    Initialisation.Fill(unet, random)
    unet

let private drawn (seed: uint64) (shape: int64 array) =
    use random = new torch.Generator(seed, torch.CPU)
    torch.randn (shape, generator = random)

let private pass (unet: UNet2DConditionModel) (size: int64 * int64) (recorder: AttentionRecorder | null) =
    use context = new TextContext(drawn 1UL [| 2L; tokens; 32L |])
    let conditions = UNetConditions(Attention = recorder)
    let height, width = size
    unet.forward (drawn 2UL [| 2L; 4L; height; width |], torch.tensor [| 10L; 700L |], context, conditions)

/// One subject for each position of the text.
let private each () =
    torch.eye(tokens).unsqueeze(0L).repeat(2L, 1L, 1L)

/// Keeps what a layer gives.
type private Catch(found: ResizeArray<Tensor>) =
    interface IAdapter with
        member _.Apply(_, _, _, output) =
            // The network frees its own handle.
            found.Add(output.alias().DetachFromDisposeScope())
            output

let private caught (unet: UNet2DConditionModel) (suffix: string) =
    let found = ResizeArray()

    for struct (name, layer) in unet.named_modules () do
        match layer with
        | :? Linear as linear when name.EndsWith $"attn2.{suffix}" -> linear.Adapters.Add(Catch found)
        | _ -> ()

    found

let private failsWith (part: string) (act: unit -> unit) =
    try
        act ()
        failtest $"nothing was refused where '{part}' was expected"
    with :? RecipesException as e ->
        Expect.stringContains e.Message part "the message"

[<Tests>]
let tests =
    testList "attention maps" [
        quietly "a recorder changes no bit of the prediction" (fun () ->
            use unet = network ()
            use recorder = new AttentionRecorder(each ())
            let plain, recorded = pass unet (8L, 8L) null, pass unet (8L, 8L) recorder
            Expect.equal (distance recorded plain) 0.0 "the prediction")

        quietly "maps are the softmax of queries and keys, averaged over heads and layers" (fun () ->
            use unet = network ()
            let queries, keys = caught unet "to_q", caught unet "to_k"
            use recorder = new AttentionRecorder(each ())
            pass unet (8L, 8L) recorder |> ignore
            let maps = recorder.Maps
            Expect.sequenceEqual [ for map in maps -> map.Factor ] [ 1; 2; 4; 8 ] "the finest first"

            for map in maps do
                let side = 8L / int64 map.Factor

                let layers = [
                    for query, key in Seq.zip queries keys do
                        if query.shape[1] = side * side then
                            let split (rows: Tensor) =
                                rows.view(2L, rows.shape[1], 2L, -1L).transpose(1L, 2L)

                            let query, key = split query, split key
                            let width = torch.tensor (sqrt (float32 query.shape[3]))
                            (torch.matmul (query, key.transpose (2L, 3L)) / width).softmax(-1L).mean [| 1L |]
                ]

                let expected = (layers |> List.reduce (+)) / torch.tensor (float32 layers.Length)

                let expected = expected.transpose(1L, 2L).reshape(2L, tokens, side, side)
                close 1e-6 $"at 1/{map.Factor}" map.Values expected
                close 1e-6 "all tokens together" (map.Values.sum 1L) (torch.ones (2L, side, side))

            for tensor in Seq.append queries keys do
                tensor.Dispose())

        quietly "a subject of several tokens has the mean of their maps, one not named has none" (fun () ->
            use unet = network ()
            use all = new AttentionRecorder(each (), [ 2 ])
            pass unet (8L, 8L) all |> ignore
            let single = all.Maps[0].Values
            let selection = torch.zeros (2L, 2L, tokens)
            let half = torch.tensor 0.5f
            selection[0L, 0L, 1L] <- half
            selection[0L, 0L, 3L] <- half
            selection[1L, 1L, 4L] <- torch.tensor 1.0f
            use chosen = new AttentionRecorder(selection, [ 2 ])
            pass unet (8L, 8L) chosen |> ignore
            let maps = chosen.Maps
            Expect.equal maps.Count 1 "one resolution"
            let found = maps[0].Values
            close 1e-6 "two tokens" (found[0L, 0L]) ((single[0L, 1L] + single[0L, 3L]) * half)
            close 1e-6 "one token" (found[1L, 1L]) (single[1L, 4L])
            close 0.0 "not named" (found[1L, 0L]) (torch.zeros (4L, 4L)))

        quietly "maps have the shape of the picture, also where sides are odd" (fun () ->
            use unet = network ()
            use recorder = new AttentionRecorder(each ())
            pass unet (6L, 10L) recorder |> ignore

            Expect.sequenceEqual
                [ for map in recorder.Maps -> List.ofArray map.Values.shape[2..] ]
                [ [ 6L; 10L ]; [ 3L; 5L ]; [ 2L; 3L ]; [ 1L; 2L ] ]
                "height and width")

        quietly "a recorder holds the last pass only, whether keys are kept or not" (fun () ->
            use unet = network ()
            use recorder = new AttentionRecorder(each (), [ 4 ])
            use context = new TextContext(drawn 1UL [| 2L; tokens; 32L |], reused = true)
            let conditions = UNetConditions(Attention = recorder)

            let run seed =
                unet.forward (drawn seed [| 2L; 4L; 8L; 8L |], torch.tensor [| 10L; 700L |], context, conditions)
                |> ignore

                recorder.Maps[0].Values

            let first = run 2UL
            Expect.isGreaterThan (distance (run 5UL) first) 0.0 "another picture looks elsewhere"
            close 0.0 "the first again" (run 2UL) first)

        quietly "what cannot be recorded is refused" (fun () ->
            use unet = network ()
            failsWith "not [batch, subjects, tokens]" (fun () -> new AttentionRecorder(torch.ones (2L, 3L)) |> ignore)
            use unused = new AttentionRecorder(each ())
            failsWith "looked at no text" (fun () -> unused.Maps |> ignore)
            use coarse = new AttentionRecorder(each (), [ 2; 16 ])
            pass unet (8L, 8L) coarse |> ignore
            failsWith "no attention to the text at 1/16" (fun () -> coarse.Maps |> ignore)
            failsWith "Choose among 1/1, 1/2, 1/4, 1/8" (fun () -> coarse.Maps |> ignore)
            use long = new AttentionRecorder(torch.ones (2L, 1L, 77L))
            failsWith "2 texts of 77 positions" (fun () -> pass unet (8L, 8L) long |> ignore))
    ]
