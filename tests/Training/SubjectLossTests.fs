module Recipes.Tests.SubjectLossTests

open System
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes.Core.Schedules
open Recipes.Core.Training
open Recipes.Core.Training.Subjects
open Recipes.Tests.AdapterSupport

let private near (expected: float) (actual: Tensor) what =
    Expect.floatClose { absolute = 1e-6; relative = 1e-6 } (float (actual.item<float32>())) expected what

/// White where the test says so.
let private mask width height (white: int -> int -> bool) =
    Image(
        width,
        height,
        [|
            for y in 0 .. height - 1 do
                for x in 0 .. width - 1 do
                    for _ in 1..3 -> if white x y then 255uy else 0uy
        |]
    )

let private perArea = MaskedLossOptions(Normalisation = MaskNormalisation.PerArea)

let private perPixel = MaskedLossOptions(Normalisation = MaskNormalisation.PerPixel)

/// A batch that holds nothing but tokens and masks.
let private named (tokens: Tensor) (masks: Tensor) =
    let none = torch.zeros 1L
    DenoisingBatch(none, none, none, none, SubjectTokens = tokens, SubjectMasks = masks)

let private square (values: float32 list) =
    torch.tensor(Array.ofList values).reshape(1L, 1L, 2L, 2L)

/// The tiny UNet in float64, so that differences show gradients.
let private wide () =
    let config = UNetConfig.Read(Path.Combine(Support.golden, "sd1", "unet"))
    let unet = new UNet2DConditionModel(config, dtype = torch.float64)
    Initialisation.Fill(unet, generator 3UL)
    unet

let private schedule () =
    new NoiseSchedule(SchedulerConfig.Read(Path.Combine(Support.golden, "sd1", "scheduler")))

let private batch (dtype: torch.ScalarType) =
    let draw (seed: uint64) (shape: int64 array) =
        torch.randn(shape, generator = generator seed).``to`` dtype

    let tokens = torch.zeros (2L, 2L, 5L)
    tokens[0L, 0L, 1L] <- torch.tensor 1.0f
    tokens[0L, 1L, 3L] <- torch.tensor 0.5f
    tokens[0L, 1L, 4L] <- torch.tensor 0.5f
    tokens[1L, 0L, 2L] <- torch.tensor 1.0f
    let masks = torch.zeros (2L, 2L, 8L, 8L)
    masks.narrow(1L, 0L, 1L).narrow(3L, 0L, 4L).fill_(1.0) |> ignore
    masks.narrow(1L, 1L, 1L).narrow(3L, 4L, 4L).fill_(1.0) |> ignore

    DenoisingBatch(
        draw 5UL [| 2L; 4L; 8L; 8L |],
        draw 6UL [| 2L; 4L; 8L; 8L |],
        torch.tensor [| 100L; 600L |],
        draw 7UL [| 2L; 5L; 32L |],
        SubjectTokens = tokens,
        SubjectMasks = masks
    )

let private predict (unet: UNet2DConditionModel) (noisy: Tensor) (batch: DenoisingBatch) =
    use text = new TextContext(batch.Context)
    unet.forward (noisy, batch.Timesteps, text, UNetConditions(Attention = batch.Attention))

let private source (batch: DenoisingBatch) = {
    new IBatchSource with
        member _.Batch _ = batch
}

[<Tests>]
let tests =
    testList "subject losses" [
        test "a mask shrinks to the share of each latent pixel that it covers" {
            use _ = torch.NewDisposeScope()
            let picture = mask 16 8 (fun x y -> x < 4 || (x >= 8 && y = 0))
            let latent = SubjectMask.FromImages([ picture ], 8, [ "robot.png" ])
            Expect.sequenceEqual latent.shape [| 1L; 1L; 1L; 2L |] "one for each 8 × 8"
            near 0.5 latent[0L, 0L, 0L, 0L] "half covered"
            near 0.125 latent[0L, 0L, 0L, 1L] "one row of eight"
        }

        test "masks that say nothing or do not fit are refused by name" {
            let left = mask 16 8 (fun x _ -> x < 8)

            let read masks =
                (SubjectMask.FromImages(masks, 8, [ for i in 1 .. List.length masks -> $"{i}.png" ])).Dispose()

            failsWith "2.png: the mask is empty" (fun () -> read [ left; mask 16 8 (fun _ _ -> false) ])
            failsWith "1.png: the mask is full" (fun () -> read [ mask 16 8 (fun _ _ -> true) ])

            failsWith "2.png: the mask is 8 × 8 px, the first one 16 × 8" (fun () ->
                read [ left; mask 8 8 (fun x _ -> x > 3) ])

            failsWith "1.png: the mask is 12 × 8 px" (fun () -> read [ mask 12 8 (fun x _ -> x > 3) ])
        }

        test "a loss per area is the mean inside the mask, one per pixel counts the subject's size" {
            use _ = torch.NewDisposeScope()
            let masks = square [ 1.0f; 0.0f; 0.0f; 0.0f ]
            // Errors of 2 inside and 5 outside, in three channels.
            let target = torch.randn (1L, 3L, 2L, 2L)
            let prediction = target + square [ 2.0f; 5.0f; 5.0f; 5.0f ]

            let loss options =
                DiffusionLoss.Compute(prediction, target, pixelWeights = SubjectMask.Weights(masks, options)).Total

            let close expected (actual: Tensor) what =
                Expect.floatClose { absolute = 1e-5; relative = 0.0 } (float (actual.item<float32>())) expected what

            close 4.0 (loss perArea) "4 over the one pixel"
            close 1.0 (loss perPixel) "4 over four pixels"

            let soft =
                MaskedLossOptions(Normalisation = MaskNormalisation.PerArea, Background = 0.1)

            close ((4.0 + 0.3 * 25.0) / 1.3) (loss soft) "a tenth of the background"
        }

        test "masks, min-SNR and prior preservation work together" {
            use _ = torch.NewDisposeScope()

            let masks =
                torch.cat ([| square [ 1.0f; 0.0f; 0.0f; 1.0f ]; square [ 1.0f; 1.0f; 1.0f; 1.0f ] |], 0L)

            let target = torch.zeros (2L, 1L, 2L, 2L)

            let errors =
                torch.cat ([| square [ 1.0f; 9.0f; 9.0f; 3.0f ]; square [ 2.0f; 2.0f; 2.0f; 2.0f ] |], 0L)

            let snr = torch.tensor [| 0.25f; 0.5f |]

            let terms =
                DiffusionLoss.Compute(errors, target, snr, 0.5, SubjectMask.Weights(masks, perArea))

            near (0.25 * 5.0) terms.Instance "(1 + 9) / 2, weighted"
            near (0.5 * 4.0) (nonNull terms.Prior) "class images count all over"
            near (1.25 + 0.5 * 2.0) terms.Total "the sum"
        }

        test "settings of masked losses that cannot train are refused" {
            failsWith "7 is no way" (fun () -> MaskedLossOptions(Normalisation = enum 7).Check())

            for share in [ -0.1; 1.0; nan ] do
                failsWith "outside the mask would count" (fun () ->
                    MaskedLossOptions(Normalisation = MaskNormalisation.PerArea, Background = share).Check())
        }

        test "the mask loss compares the map, its largest value 1, with the mask at its size" {
            use _ = torch.NewDisposeScope()
            let map = AttentionMap(4, square [ 0.2f; 0.1f; 0.05f; 0.4f ])
            let masks = torch.zeros (1L, 1L, 4L, 4L)
            // Upper left covered, lower right half covered.
            masks.narrow(2L, 0L, 2L).narrow(3L, 0L, 2L).fill_(1.0) |> ignore
            masks.narrow(2L, 2L, 1L).narrow(3L, 2L, 2L).fill_(1.0) |> ignore
            let expected = (0.5 ** 2.0 + 0.25 ** 2.0 + 0.125 ** 2.0 + 0.5 ** 2.0) / 4.0
            let batch = named (torch.ones (1L, 1L, 3L)) masks
            near expected (AttentionMaskLoss().Compute([ map ], batch)) "the mean over pixels"
            // A map twice as strong is the same after normalising, and two maps have their mean.
            let stronger = AttentionMap(8, map.Values * torch.tensor 2.0f)
            near expected (AttentionMaskLoss().Compute([ map; stronger ], batch)) "of two maps"
        }

        test "the unmix loss is the attention outside the subject's own place" {
            use _ = torch.NewDisposeScope()
            let map = AttentionMap(4, square [ 0.2f; 0.1f; 0.05f; 0.4f ])
            let batch = named (torch.ones (1L, 1L, 3L)) (square [ 1.0f; 0.0f; 1.0f; 0.0f ])
            near ((0.01 + 0.16) / 4.0) (UnmixLoss().Compute([ map ], batch)) "the right half"
        }

        test "subjects that a caption does not name do not count" {
            use _ = torch.NewDisposeScope()
            let map = square [ 0.2f; 0.1f; 0.05f; 0.4f ]
            let maps = AttentionMap(4, torch.cat ([| map; torch.zeros_like map |], 1L))
            let masks = torch.ones (1L, 2L, 2L, 2L)
            let tokens = torch.tensor([| 1.0f; 0.0f; 0.0f; 0.0f |]).reshape(1L, 2L, 2L)

            let alone =
                AttentionMaskLoss()
                    .Compute([ AttentionMap(4, map) ], named (torch.ones (1L, 1L, 2L)) (masks.narrow (1L, 0L, 1L)))

            let both = AttentionMaskLoss().Compute([ maps ], named tokens masks)
            Expect.equal (both.item<float32>()) (alone.item<float32>()) "the one that is named"

            let none =
                AttentionMaskLoss().Compute([ maps ], named (torch.zeros (1L, 2L, 2L)) masks)

            Expect.equal (none.item<float32>()) 0.0f "a batch that names none"
        }

        for name, loss in
            [
                "mask", (AttentionMaskLoss(Factors = [ 2; 4 ]) :> IAuxiliaryLoss)
                "unmix", UnmixLoss(Factors = [ 2 ])
            ] do
            test $"the gradient of the {name} loss is that of differences, through queries, keys and all before" {
                use _ = torch.NewDisposeScope()
                use unet = wide ()
                let batch = batch torch.float64

                let value () =
                    use recorder = new AttentionRecorder(nonNull batch.SubjectTokens, loss.Factors)
                    use text = new TextContext(batch.Context)

                    unet.forward (batch.Latents, batch.Timesteps, text, UNetConditions(Attention = recorder))
                    |> ignore

                    loss.Compute(recorder.Maps, batch)

                (value ()).backward()
                let mutable seen = 0

                for name in
                    [
                        "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"
                        "down_blocks.1.attentions.1.transformer_blocks.0.attn2.to_q.weight"
                        "down_blocks.0.resnets.0.conv1.weight"
                    ] do
                    let weight = unet.get_parameter name |> nonNull
                    let gradient = (nonNull weight.grad).flatten()
                    let at = gradient.abs().argmax().item<int64>()
                    let step = 1e-5
                    use _ = torch.no_grad ()
                    let flat = weight.view -1L

                    let shifted (by: float) =
                        flat[at].add_(torch.tensor (by, dtype = torch.float64)) |> ignore
                        (value ()).item<double>()

                    let above = shifted step
                    let below = shifted (-2.0 * step)
                    shifted step |> ignore
                    let slope = (above - below) / (2.0 * step)
                    let found = gradient[at].item<double>()
                    Expect.isGreaterThan (abs found) 1e-9 $"{name} takes part"
                    Expect.floatClose { absolute = 1e-9; relative = 1e-4 } found slope name
                    seen <- seen + 1

                Expect.equal seen 3 "layers"
            }

        test "training with the mask loss moves attention into the masks" {
            use _ = torch.NewDisposeScope()

            use unet =
                new UNet2DConditionModel(UNetConfig.Read(Path.Combine(Support.golden, "sd1", "unet")))

            Initialisation.Fill(unet, generator 3UL)
            let batch = batch torch.float32

            let parameters = [
                for struct (name, parameter) in unet.named_parameters () do
                    parameter.requires_grad <- name.Contains "attn2.to_q" || name.Contains "attn2.to_k"

                    if parameter.requires_grad then
                        NamedParameter($"unet.{name}", parameter)
            ]

            let options =
                DenoisingStepOptions(
                    Rate = LearningRate(Rate = 1e-2, Steps = 40L),
                    Auxiliary = [ AttentionMaskLoss(Weight = 5.0, Factors = [ 1; 2 ]) ]
                )

            use step =
                new DenoisingStep(Func<_, _, _>(predict unet), schedule (), source batch, parameters, options)

            let further (result: StepResult) =
                (result.Loss - result.InstanceLoss) / 5.0

            let first = further (step.Run 0L)
            let last = List.last [ for index in 1L .. 39L -> further (step.Run index) ]
            Expect.isGreaterThan first 0.05 "at first the maps are even"
            Expect.isLessThan last (0.6 * first) "after 40 steps"
        }

        test "a step without tokens, or whose network records nothing, is refused" {
            use _ = torch.NewDisposeScope()

            use unet =
                new UNet2DConditionModel(UNetConfig.Read(Path.Combine(Support.golden, "sd1", "unet")))

            Initialisation.Fill(unet, generator 3UL)
            let batch = batch torch.float32

            let parameters = [
                for struct (name, parameter) in unet.named_parameters () -> NamedParameter(name, parameter)
            ]

            let options =
                DenoisingStepOptions(Rate = LearningRate(Rate = 1e-2, Steps = 4L), Auxiliary = [ UnmixLoss() ])

            let bare =
                DenoisingBatch(batch.Latents, batch.Noise, batch.Timesteps, batch.Context)

            failsWith "does not say which tokens name its subjects" (fun () ->
                use step =
                    new DenoisingStep(Func<_, _, _>(predict unet), schedule (), source bare, parameters, options)

                step.Run 0L |> ignore)

            failsWith "Hand the recorder on to the UNet" (fun () ->
                let deaf (noisy: Tensor) (batch: DenoisingBatch) =
                    unet.forward (noisy, batch.Timesteps, batch.Context)

                use step =
                    new DenoisingStep(Func<_, _, _>(deaf), schedule (), source batch, parameters, options)

                step.Run 0L |> ignore)

            failsWith "UnmixLoss.Weight: the weight is 0" (fun () -> UnmixLoss(Weight = 0.0).Check())
            failsWith "[3] names no resolutions" (fun () -> AttentionMaskLoss(Factors = [ 3 ]).Check())

            failsWith "masks of none" (fun () ->
                let map = AttentionMap(4, torch.ones (2L, 2L, 2L, 2L))

                let maskless =
                    DenoisingBatch(
                        batch.Latents,
                        batch.Noise,
                        batch.Timesteps,
                        batch.Context,
                        SubjectTokens = batch.SubjectTokens
                    )

                UnmixLoss().Compute([ map ], maskless) |> ignore)
        }
    ]
