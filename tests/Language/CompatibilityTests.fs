module Recipes.Tests.CompatibilityTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.LanguageBench
open Recipes.Tests.Support

let private sized pixels (recipe: Recipe) =
    recipe |> also [ RecipePart.Train [ size pixels ] ]

let private based (model: Model<'family>) (recipe: Recipe) = {
    recipe with
        Model = model.Name
        Family = typeof<'family>.Name
        Weights = model.Weights
}

let private tuned tuning folder = right folder |> withTuning tuning

[<Tests>]
let tests =
    testList "compatibility" [
        test "C17: written for another family" {
            withPictures (fun folder ->
                refused folder (right folder |> based (Models.folder<SD2> modelFolder)) [
                    "C17 recipe: written for SD2, but sd1 is an SD1 model. Write `Models.folder<SD1> ...`, or choose an SD2 model."
                ])
        }

        test "C17: no model there" {
            withPictures (fun folder ->
                refused folder (right folder |> based (Models.folder<SD1>(Path.Combine(folder, "none")))) [
                    "C17 recipe: FOLDER/none: there is no such folder or file. Check the path, or download the model there."
                ])
        }

        test "C17: a model for inpainting" {
            withPictures (fun folder ->
                let inpainting = Path.Combine(root, "tests", "golden", "inpaint")

                refused folder (right folder |> based (Models.folder<SD1> inpainting)) [
                    "C17 recipe: the UNet of inpaint takes 9 channels, one that draws from a prompt alone takes 4. Choose a model that is not made for inpainting or editing."
                ])
        }

        test "C19: a size that the networks cannot halve" {
            withPictures (fun folder ->
                writePictures (Path.Combine(folder, "toy")) 5 128

                refused folder (right folder |> sized 100<px>) [
                    "C19 train.size: 100 px is not a multiple of 64 px. Write `size 64<px>` or `size 128<px>`."
                ]

                refused folder (right folder |> sized 40<px>) [
                    "C19 train.size: 40 px is not a multiple of 64 px. Write `size 64<px>`."
                ]

                passes folder (right folder |> sized 64<px>))
        }

        test "C19: a size far from the model's own" {
            withPictures (fun folder ->
                writePictures (Path.Combine(folder, "toy")) 5 128

                warned folder (right folder |> sized 128<px>) [
                    "C19 train.size: 128 px is far from the 64 px that sd1 was made for. Write `size 64<px>`, or leave the line out."
                ])
        }

        test "C20: a target that is no layer" {
            withPictures (fun folder ->
                refused folder (tuned (lora 4<rank> { only (Named "attn3") }) folder) [
                    "C20 adapt.only: `attn3` matches 0 of 300 layers. Nearest: `attn1` and `attn2`."
                ]

                refused folder (tuned (lora 4<rank> { only (Named "mid_blck.*") }) folder) [
                    "C20 adapt.only: `mid_blck.*` matches 0 of 300 layers. Nearest: `mid_block`."
                ]

                passes folder (tuned (lora 4<rank> { only (Named "unet.mid_block.*to_q") }) folder)
                passes folder (tuned (lora 4<rank> { only (Named "mid_block") }) folder))
        }

        test "C20: nothing in the UNet" {
            withPictures (fun folder ->
                refused folder (tuned (lora 4<rank> { only TextEncoder }) folder) [
                    "C20 adapt.only: none of the 12 chosen layers is in the UNet. Add the line `only Attention`."
                ])
        }

        test "C20: a rank for layers that do not change" {
            withPictures (fun folder ->
                let stray = lora 4<rank> {
                    only CrossAttention
                    rankAt FeedForward 2<rank>
                }

                refused folder (tuned stray folder) [
                    "C20 adapt.rankAt: feed-forward is none of the layers that the adapter changes. Add the line `only FeedForward`, or remove this one."
                ])
        }

        test "C21: a rank wider than a layer" {
            withPictures (fun folder ->
                refused folder (tuned (lora 8<rank>) folder) [
                    "C21 adapt: rank 8 is wider than 40 of 128 layers (narrowest: unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k, 4). Write 4<rank> or less, or give those layers their own with `rankAt`."
                ]

                let narrower = lora 8<rank> {
                    rankAt (Named "down_blocks.0.*") 4<rank>
                    rankAt (Named "up_blocks.3.*") 4<rank>
                }

                passes folder (tuned narrower folder))
        }

        test "C21: no rank at all" {
            withPictures (fun folder ->
                refused folder (tuned (lora 0<rank>) folder) [ "C21 adapt: rank 0 is no rank. Write 1<rank> or more." ])
        }

        test "C21: an alpha that does next to nothing" {
            withPictures (fun folder ->
                warned folder (tuned (lora 4<rank> { alpha 0.125 }) folder) [
                    "C21 adapt.alpha: alpha 0.125 over rank 4 scales the change by 0.0312 (usual: 1/16 to 2). Write `alpha 4.0`, or leave the line out."
                ]

                passes folder (tuned (lora 4<rank> { alpha 8.0 }) folder))
        }

        test "every word for layers finds its own" {
            withPictures (fun folder ->
                let layers =
                    (Reading.facts Recipes.Core.Hub.HubSettings.FromEnvironment None (right folder)).Base
                    |> Option.map _.Layers
                    |> Option.defaultValue []

                let names layer =
                    Targets.adapted 1<rank> (lora 1<rank> { only layer }).Tuning layers
                    |> List.map _.Layer.FullName

                let all = names (Named "*")
                let attention = names Attention
                let cross = names CrossAttention
                Expect.all cross (fun name -> name.Contains ".attn2.") "cross-attention"

                Expect.equal
                    (set cross + set (attention |> List.filter _.Contains(".attn1.")))
                    (set attention)
                    "attention"

                Expect.equal attention.Length (2 * cross.Length) "as many of both kinds"
                Expect.all (names FeedForward) (fun name -> name.Contains ".ff.net.") "feed-forward"
                Expect.equal (names FeedForward).Length (cross.Length / 2) "two of a block of four"

                let convolutions = names Convolution
                Expect.all convolutions (fun name -> name.Contains "conv") "convolution"
                Expect.contains convolutions "unet.mid_block.resnets.0.conv1" "residual"
                Expect.contains convolutions "unet.down_blocks.0.downsamplers.0.conv" "halving"
                Expect.isFalse (List.contains "unet.conv_in" convolutions) "not the first"

                Expect.all (names TextEncoder) (fun name -> name.StartsWith "text_encoder.text_model.") "text encoder"
                Expect.equal (names TextEncoder).Length 12 "four of three blocks"
                Expect.equal (names (Named "to_q")).Length (attention.Length / 4) "the end of a name"

                Expect.isTrue
                    ([ attention; convolutions; names FeedForward; names TextEncoder ]
                     |> List.forall (fun some -> Set.isSubset (set some) (set all)))
                    "all are layers")
        }
    ]
