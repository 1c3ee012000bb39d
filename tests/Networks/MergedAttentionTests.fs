module Recipes.Tests.MergedAttentionTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Core.Adapters.Merging
open Recipes.Core.Kernels
open Recipes.Core.Networks
open Recipes.Core.Networks.Blocks
open Recipes.Core.Pipelines.Denoising
open Recipes.Core.Weights
open Recipes.Tests.Agreement

let private shape =
    UNetConfig(
        SampleSize = 8L,
        BlockOutChannels = [| 16L; 32L |],
        DownBlockTypes = [| "CrossAttnDownBlock2D"; "DownBlock2D" |],
        UpBlockTypes = [| "UpBlock2D"; "CrossAttnUpBlock2D" |],
        LayersPerBlock = 1L,
        CrossAttentionDim = 12L,
        AttentionHeads = [| 2L |],
        NormNumGroups = 4L
    )

let private draw seed (shape: int64 list) =
    torch.randn (Array.ofList shape, generator = new torch.Generator(seed, torch.CPU))

let private network () =
    let unet = new UNet2DConditionModel(shape)
    Initialisation.Fill(unet, new torch.Generator(1UL, torch.CPU))

    for parameter in unet.parameters () do
        parameter.requires_grad <- false

    unet

let private merge (unet: UNet2DConditionModel) =
    for item in unet.modules () do
        match item with
        | :? CrossAttention as attention -> attention.Merge()
        | _ -> ()

let private output (unet: UNet2DConditionModel) =
    use _ = torch.no_grad ()
    unet.forward (draw 2UL [ 2L; 4L; 8L; 8L ], torch.tensor [| 3L; 700L |], draw 3UL [ 2L; 7L; 12L ])

let private state (unet: UNet2DConditionModel) = [
    for struct (name, parameter) in unet.named_parameters () do
        name, parameter.detach().clone()
]

let private same (found: (string * Tensor) list) (expected: (string * Tensor) list) =
    Expect.sequenceEqual (List.map fst found) (List.map fst expected) "names"

    for (name, found), (_, expected) in List.zip found expected do
        Expect.equal (distance found expected) 0.0 name

let private weights (unet: UNet2DConditionModel) (attention: string) (maps: string list) = [|
    for struct (name, parameter) in unet.named_parameters () do
        if name.Contains $"down_blocks.0.attentions.0.transformer_blocks.0.{attention}." then
            if maps |> List.exists (fun map -> name.EndsWith $"{map}.weight") then
                parameter :> Tensor
|]

let private isWhole (unet: UNet2DConditionModel) =
    use first = SideBySide.Whole(weights unet "attn1" [ "to_q"; "to_k"; "to_v" ])
    use second = SideBySide.Whole(weights unet "attn2" [ "to_k"; "to_v" ])
    not (isNull first) && not (isNull second)

[<Tests>]
let tests =
    testSequenced
    <| testList "merged attentions" [
        quietly "lie in one piece and keep names, values, and the output's bits" (fun () ->
            use unet = network ()
            let before, plain = state unet, output unet
            Expect.isFalse (isWhole unet) "before"
            merge unet
            Expect.isTrue (isWhole unet) "after"
            same (state unet) before
            Expect.equal (distance (output unet) plain) 0.0 "the output"

            use whole =
                nonNull (SideBySide.Whole(weights unet "attn1" [ "to_q"; "to_k"; "to_v" ]))

            Expect.sequenceEqual whole.shape [ 48L; 16L ] "of queries, keys and values")

        quietly "lie where they lay when prepared again" (fun () ->
            use unet = network ()
            let apart = KeptRecordings.Lie [ unet ]
            merge unet
            let once = KeptRecordings.Lie [ unet ]
            Expect.isFalse (Seq.forall2 (fun a b -> a.Equals b) apart once) "moved the first time"
            merge unet
            Expect.isTrue (Seq.forall2 (fun a b -> a.Equals b) once (KeptRecordings.Lie [ unet ])) "then no more")

        quietly "take adapters along, which recordings notice" (fun () ->
            use unet = network ()
            merge unet

            use set =
                LoraSet.Attach(unet, "unet", LoraOptions(Rank = 2), new torch.Generator(5UL, torch.CPU))

            let apart = KeptRecordings.Lie [ unet ]
            merge unet
            let laid = KeptRecordings.Lie [ unet ]
            Expect.equal laid.Length apart.Length "as many"
            Expect.isFalse (Seq.forall2 (fun a b -> a.Equals b) apart laid) "adapters moved")

        testCase "are written and read as before" (fun () ->
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use unet = network ()
                let before = state unet
                merge unet
                let path = Path.Combine(folder, "unet.safetensors")
                SafeTensorsWriter.Write(path, unet.state_dict ())
                use file = SafeTensorsFile.Open path
                use again = new UNet2DConditionModel(shape)

                for parameter in again.parameters () do
                    parameter.requires_grad <- false

                merge again
                StateDict.Load(again, [| file |], null, "here")
                Expect.isTrue (isWhole again) "still in one piece"
                same (state again) before))

        quietly "come apart when the network is converted, and are laid together again" (fun () ->
            use unet = network ()
            let before = state unet
            merge unet
            unet.``to`` torch.float64 |> ignore
            Expect.isFalse (isWhole unet) "converted"
            unet.``to`` torch.float32 |> ignore
            same (state unet) before

            for parameter in unet.parameters () do
                Expect.isFalse parameter.requires_grad "still frozen"

            merge unet
            Expect.isTrue (isWhole unet) "again"
            same (state unet) before)

        quietly "are trained one by one" (fun () ->
            use unet = network ()
            let before = state unet
            merge unet
            let name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.weight"

            for struct (key, parameter) in unet.named_parameters () do
                parameter.requires_grad <- (key = name)

            let trained = [
                for parameter in unet.parameters () do
                    if parameter.requires_grad then
                        parameter
            ]

            use optimiser = torch.optim.SGD(trained, 0.1)
            use _ = torch.enable_grad ()

            let prediction =
                unet.forward (draw 2UL [ 2L; 4L; 8L; 8L ], torch.tensor [| 3L; 700L |], draw 3UL [ 2L; 7L; 12L ])

            (prediction * draw 4UL [ 2L; 4L; 8L; 8L ]).sum().backward()
            optimiser.step () |> ignore

            let changed = [
                for (key, found), (_, values) in List.zip (state unet) before do
                    if distance found values > 0.0 then
                        key
            ]

            Expect.sequenceEqual changed [ name ] "the one that is trained")

        quietly "have adapters fused into them and taken out again" (fun () ->
            use unet = network ()
            merge unet

            use set =
                LoraSet.Attach(unet, "unet", LoraOptions(Rank = 2), new torch.Generator(5UL, torch.CPU))

            use _ = torch.no_grad ()

            for parameter in set.Parameters do
                parameter.Parameter.normal_ (0.0, 0.2) |> ignore

            merge unet
            let adapted, before = output unet, state unet
            let fused = FusedAdapters.Fuse [| set |]
            Expect.isLessThan (distance (output unet) adapted) 1e-4 "fused"
            Expect.isTrue (isWhole unet) "in one piece"
            fused.Dispose()
            same (state unet) before)

        quietly "are left apart where one weight is trained" (fun () ->
            use unet = network ()
            let values = weights unet "attn1" [ "to_v" ]
            values[0].requires_grad <- true
            let other = weights unet "attn2" [ "to_k"; "to_v" ]
            merge unet

            Expect.isNull
                (SideBySide.Whole(weights unet "attn1" [ "to_q"; "to_k"; "to_v" ]))
                "queries, keys and values"

            use whole = SideBySide.Whole other
            Expect.isNotNull whole "the text's keys and values")
    ]
