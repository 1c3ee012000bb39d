module Recipes.Tests.EnlargingPlanTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.LanguageBench
open Recipes.Tests.Support

let private x4 =
    Models.folder<X4>(Path.Combine(root, "tests", "golden", "x4-upscaler"))

let private apart (folder: string) = Path.Combine(folder, "apart")

/// An upscaler's recipe without fault, and no warning.
let private right (folder: string) =
    writePictures (apart folder) 2 96

    recipe "large" x4 {
        learn (toy folder)
        adapt (lora 4<rank>)

        train {
            steps 400<step>
            rate 1e-4
            size 64<px>
        }

        noiseUpTo 60
        measureOn (apart folder)
    }

/// The same as the second stage of a recipe that draws.
let private within (stage: Recipe) (folder: string) =
    LanguageBench.right folder |> also [ RecipePart.Enlarge stage ]

let private without chosen =
    changed (fun part -> if chosen part then None else Some part)

let private withoutLearn =
    without (fun part ->
        match part with
        | RecipePart.Learn _ -> true
        | _ -> false)

let private withoutHeldOut =
    without (fun part ->
        match part with
        | RecipePart.MeasureOn _ -> true
        | _ -> false)

[<Tests>]
let tests =
    testList "enlarging plan" [
        test "the right one passes, and says what is measured" {
            withPictures (fun folder ->
                passes folder (right folder)
                let plan = plan (right folder)
                let upscaling = plan.Upscaling |> Option.get
                Expect.equal upscaling.Factor 4 "times"
                Expect.equal upscaling.HeldOut.Length 2 "held out"
                Expect.equal (upscaling.NoiseUpTo, upscaling.NoiseLevel) (60, 0) "noise"
                Expect.equal plan.Subjects.Head.PriorCount 0<img> "no class pictures"
                Expect.equal (plan.Draw.Guidance, plan.Draw.Seeds) (1.0, [ 0 ]) "an upscaler's own defaults"

                for line in
                    [
                        "base     x4-upscaler, X4, 32 px"
                        "noise    levels up to 60 on small pictures in training, 0 in enlarging"
                        "measure  2 pictures held out, 16 to 64 px, against bicubic and the upscaler untuned"
                    ] do
                    Expect.stringContains plan.Text line "text"

                for part in [ "\"upscaling\":{\"factor\":4,"; "\"noiseUpTo\":60"; "\"name\":\"p1.bmp\"" ] do
                    Expect.stringContains plan.Json part "JSON")
        }

        test "the noise goes as far as the upscaler's own, unless a line says otherwise" {
            withPictures (fun folder ->
                let recipe =
                    right folder
                    |> without (fun part ->
                        match part with
                        | RecipePart.NoiseUpTo _ -> true
                        | _ -> false)

                Expect.equal ((plan recipe).Upscaling |> Option.map _.NoiseUpTo) (Some 350) "default"
                Expect.notEqual (plan recipe).Hash (plan (right folder)).Hash "the hash knows")
        }

        test "a second stage learns what the recipe learns, and its size follows" {
            withPictures (fun folder ->
                let recipe = within (right folder |> withoutLearn |> withoutHeldOut) folder
                passes folder recipe
                let plan = plan recipe
                let stage = plan.Enlarge |> Option.get
                Expect.equal stage.Subjects.Head.Token "sks" "the recipe's subject"
                Expect.stringContains plan.Text "enlarge  what is drawn, 64 to 256 px, by x4-upscaler" "text"
                Expect.stringContains plan.Json "\"enlarge\":{" "JSON"
                Expect.notEqual plan.Hash (LanguageBench.plan (LanguageBench.right folder)).Hash "the hash knows")
        }

        test "problems of a second stage say that they are its own" {
            withPictures (fun folder ->
                let stage = right folder |> also [ RecipePart.Train [ size 60<px> ] ]

                refused folder (within stage folder) [
                    "L1 enlarge.train.size: given 2 times. Keep one `size` line."
                    "C19 enlarge.train.size: 60 px is not a multiple of 32 px. Write `size 32<px>` or `size 64<px>`."
                ])
        }

        test "C17: an upscaler is no base model, and a base model no upscaler" {
            withPictures (fun folder ->
                let other = {
                    LanguageBench.right folder with
                        Weights = x4.Weights
                }

                refused folder other [
                    "C17 recipe: written for SD1, but sd1 is an X4 model. Write `Models.folder<X4> ...`, or choose an SD1 model."
                ]

                Expect.contains
                    (findings folder {
                        right folder with
                            Weights = model.Weights
                    })
                    "C17 recipe: written for X4, but x4-upscaler is an SD1 model. Write `Models.folder<SD1> ...`, or choose an X4 model."
                    "the other way round")
        }

        test "F40: lines that mean nothing to an upscaler" {
            withPictures (fun folder ->
                let robot = toy folder

                let prompt = {
                    Text = "a photo of a sks toy"
                    Plain = "a photo of a toy"
                    Mentions = [ robot ]
                }

                refused folder (right folder |> also [ RecipePart.Sample prompt ]) [
                    "F40 sample: an upscaler enlarges pictures, and draws none of \"a photo of a sks toy\". Leave the line out."
                ]

                refused folder (right folder |> also [ RecipePart.Enlarge(right folder) ]) [
                    "F40 enlarge: an upscaler's own recipe enlarges already. Leave the line out."
                ]

                Expect.contains
                    (findings folder (right folder |> also [ RecipePart.Train [ priorWeight 1.0 ] ]))
                    "F40 train.priorWeight: an upscaler's training has no such line. Leave it out."
                    "prior weight")
        }

        test "averages, and blocks run again for their gradients, are an upscaler's too" {
            withPictures (fun folder ->
                passes folder (right folder |> also [ RecipePart.Train [ ema 0.9; gradientCheckpointing ] ]))
        }

        test "F41: ways that tune an upscaler" {
            withPictures (fun folder ->
                let tuned tuning = right folder |> withTuning tuning

                refused folder (tuned customDiffusion) [
                    "F41 adapt: cross-attention keys and values change what a prompt draws, and an upscaler draws from pictures. Write `adapt (lora 16<rank> { only Attention; only Convolution })`, or `adapt everything`."
                ]

                refused folder (tuned (everything { only Attention })) [
                    "F41 adapt.only: an upscaler's own weights are trained as a whole. Leave the line out."
                ]

                refused folder (tuned (everything { textEncoder })) [
                    "F41 adapt.textEncoder: the text encoder of an upscaler stays as it is. Leave the line out."
                ]

                refused
                    folder
                    (tuned (
                        lora 4<rank> {
                            only Attention
                            only TextEncoder
                        }
                    ))
                    [
                        "F41 adapt.only: the text encoder of an upscaler stays as it is. Leave the line `only TextEncoder` out."
                    ]

                refused folder (tuned (lora 4<rank> { dropout 0.1 })) [
                    "F41 adapt.dropout: an upscaler's adapter has no dropout, and 0.1 is asked for. Leave the line out: noise on the small pictures keeps them from being learned by heart."
                ]

                passes folder (tuned everything)
                passes folder (tuned (dora 4<rank> { only Convolution })))
        }

        test "F42: noise levels" {
            withPictures (fun folder ->
                let noisy parts =
                    right folder
                    |> without (fun part ->
                        match part with
                        | RecipePart.NoiseUpTo _ -> true
                        | _ -> false)
                    |> also parts

                refused folder (noisy [ RecipePart.NoiseUpTo 351; RecipePart.NoiseLevel -1 ]) [
                    "F42 noiseUpTo: level 351 is none of those that x4-upscaler knows. Write a level from 0 to 350."
                    "F42 noiseLevel: level -1 is none of those that x4-upscaler knows. Write a level from 0 to 350."
                ]

                warned folder (noisy [ RecipePart.NoiseUpTo 20; RecipePart.NoiseLevel 30 ]) [
                    "F42 noiseLevel: pictures are enlarged at level 30, and the training stops at 20. Write `noiseUpTo 30` or more."
                ]

                passes folder (noisy [ RecipePart.NoiseUpTo 350; RecipePart.NoiseLevel 350 ]))
        }

        test "F43: held-out pictures are large enough, and kept apart" {
            withPictures (fun folder ->
                let heldOut path =
                    right folder
                    |> changed (fun part ->
                        match part with
                        | RecipePart.MeasureOn _ -> Some(RecipePart.MeasureOn path)
                        | other -> Some other)

                refused folder (heldOut (Path.Combine(folder, "toy"))) [
                    "F43 measureOn: p1.bmp, p2.bmp, p3.bmp and 2 more would be learned from and measured by. Keep the two folders apart: only pictures that were never seen tell what was learned."
                ]

                writePictures (Path.Combine(folder, "tiny")) 1 32

                refused folder (heldOut (Path.Combine(folder, "tiny"))) [
                    "F43 measureOn: p1.bmp (32x32) below the size of 64 px. Replace what is too small, or lower `size`."
                ]

                refused folder (heldOut (Path.Combine(folder, "none"))) [
                    "B9 measureOn: FOLDER/none: no such folder. Check the path; a relative one starts at the script's folder."
                ])
        }

        test "L2: alone, an upscaler is measured by something" {
            withPictures (fun folder ->
                refused folder (right folder |> withoutHeldOut) [
                    "L2 recipe: has no held-out pictures, and would show nothing. Add a line `measureOn \"data/...\"`, naming pictures of the subject that it does not learn from."
                ])
        }

        test "F44: what can be enlarged, and by what" {
            withPictures (fun folder ->
                refused folder (within (LanguageBench.right folder) folder) [
                    "F44 enlarge: toy is a recipe for an SD1 model, which enlarges nothing. Write it for an upscaler, such as `recipe \"large\" Models.pocketX4 { ... }`."
                ]

                let bare =
                    within (right folder) folder
                    |> without (fun part ->
                        match part with
                        | RecipePart.Sample _ -> true
                        | _ -> false)

                Expect.contains
                    (findings folder bare)
                    "F44 enlarge: there is no sample to enlarge. Add a line `sample $\"...\"`, or submit the upscaler's recipe alone."
                    "no sample"

                refused folder (within (right folder) folder |> also [ RecipePart.Train [ size 60<px> ] ]) [
                    "C19 train.size: 60 px is not a multiple of 64 px. Write `size 64<px>`."
                    "F44 enlarge: x4-upscaler takes pictures whose sides are multiples of 8 px, and they are drawn with 60 px. Write `size 56<px>`."
                ]

                refused folder (within (right folder) folder |> also [ RecipePart.Enlarge(right folder) ]) [
                    "L1 enlarge: given 2 times. Keep one `enlarge` line."
                ])
        }
    ]
