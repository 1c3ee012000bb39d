module Recipes.Tests.LinesTests

open Expecto
open Recipes
open Recipes.Tests.LanguageBench

let private train parts = also [ RecipePart.Train parts ]
let private draw parts = also [ RecipePart.Draw parts ]

/// The toy with one of its lines changed.
let private subjectWith change folder : Subject =
    let toy = toy folder

    {
        toy with
            Parts = List.choose change toy.Parts
    }

[<Tests>]
let tests =
    testList "lines" [
        test "a right recipe passes" { withPictures (fun folder -> passes folder (right folder)) }

        test "a line given twice" {
            withPictures (fun folder ->
                refused folder (right folder |> train [ steps 300<step> ]) [
                    "L1 train.steps: given 2 times. Keep one `steps` line."
                ]

                refused folder (right folder |> draw [ seeds [ 3 ]; guidance 4.0 ]) [
                    "L1 draw.seeds: given 2 times. Keep one `seeds` line."
                ]

                refused folder (right folder |> draw [ count 3<img> ]) [
                    "L1 draw: `seeds` and `count` both say how many pictures a prompt gets. Keep one of the two lines."
                ]

                refused folder (right folder |> also [ RecipePart.Adapt (lora 2<rank>).Tuning ]) [
                    "L1 adapt: given 2 times. Keep one `adapt` line."
                ]

                refused folder (right folder |> withTuning (lora 4<rank> { alpha 4.0 } { alpha 4.0 })) [
                    "L1 adapt.alpha: given 2 times. Keep one `alpha` line."
                ]

                let twice = {
                    toy folder with
                        Parts = (toy folder).Parts @ [ PicturePart.Token "sks" ]
                }

                refused folder (right folder |> withSubject twice) [
                    "L1 subject toy.token: given 2 times. Keep one `token` line."
                ])
        }

        test "lines that may stand often" {
            withPictures (fun folder ->
                let many = lora 4<rank> {
                    only CrossAttention
                    only FeedForward
                    rankAt CrossAttention 2<rank>
                    rankAt FeedForward 3<rank>
                }

                passes folder (right folder |> withTuning many))
        }

        test "what must be there" {
            withPictures (fun folder ->
                let empty = { right folder with Parts = [] }

                refused folder empty [
                    "L2 recipe: learns nothing. Add a line `learn robot`, where `let robot = subject \"robot\" { ... }`."
                    "L2 recipe: adapts nothing. Add a line `adapt (lora 16<rank>)`."
                    "L2 train: has no steps. Add a line `steps 400<step>` to the `train` block."
                ]

                refused folder (empty |> also [ RecipePart.Adapt (textualInversion 1<vec>).Tuning ]) [
                    "L2 recipe: learns nothing. Add a line `learn robot`, where `let robot = subject \"robot\" { ... }`."
                    "L2 train: has no steps. Add a line `steps 400<step>` to the `train` block."
                ]

                let bare: Subject = { Noun = "toy"; Parts = [] }

                refused folder (right folder |> withSubject bare) [
                    "L2 subject toy: has no token. Add a line `token \"sks\"`."
                    "L2 subject toy: has no pictures. Add a line `images \"data/...\"`, naming their folder."
                ])
        }

        test "numbers that mean nothing" {
            withPictures (fun folder ->
                let steps' n =
                    right folder
                    |> changed (fun part ->
                        match part with
                        | RecipePart.Train _ -> Some(RecipePart.Train [ steps n ])
                        | other -> Some other)

                refused folder (steps' 0<step>) [ "L3 train.steps: 0 is less than 1. Write 1<step> or more." ]

                refused
                    folder
                    (right folder
                     |> train [
                         batch 0<img>
                         accumulate 0
                         warmup -1<step>
                         weightDecay -0.1
                         clipNorm nan
                         checkpoint 0<step>
                         device (Cuda -1)
                     ])
                    [
                        "L3 train.batch: 0 is less than 1. Write 1<img> or more."
                        "L3 train.accumulate: 0 is less than 1. Write 1 or more."
                        "L3 train.warmup: -1 is less than 0. Write 0<step> or more."
                        "L3 train.weightDecay: -0.1 is out of range. Write a number of 0 or more."
                        "L3 train.clipNorm: NaN is out of range. Write a number of 0 or more."
                        "L3 train.checkpoint: 0 is less than 1. Write 1<step> or more."
                        "L3 train.device: -1 is less than 0. Write 0 or more."
                    ]

                refused folder (right folder |> withTuning (lora 4<rank> { dropout 1.0 })) [
                    "L3 adapt.dropout: 1 is out of range. Write a number from 0 to below 1."
                ]

                refused folder (right folder |> draw [ guidance 0.5 ]) [
                    "L3 draw.guidance: 0.5 is out of range. Write a number of 1 or more; 1 is no guidance."
                ])
        }

        test "seeds" {
            withPictures (fun folder ->
                let seeded values =
                    right folder
                    |> changed (fun part ->
                        match part with
                        | RecipePart.Draw _ -> Some(RecipePart.Draw [ seeds values ])
                        | other -> Some other)

                refused folder (seeded []) [
                    "L3 draw.seeds: names no seed. Write at least one, such as `seeds [ 0; 1; 2; 3 ]`."
                ]

                refused folder (seeded [ 5; 6; 5 ]) [
                    "L3 draw.seeds: names a seed twice, which draws the same picture twice. Name each seed once."
                ]

                passes folder (seeded [ 5; 6 ]))
        }

        test "a name that can name a folder" {
            withPictures (fun folder ->
                for name in [ ""; "a/b"; ".."; "my robot" ] do
                    refused folder { right folder with Name = name } [
                        $"L3 recipe: the name \"{name}\" cannot name a folder. Use letters, digits, `-`, `_` and `.`, and do not begin with `.`."
                    ])
        }

        test "a subject's prior" {
            withPictures (fun folder ->
                let negative =
                    subjectWith
                        (fun part ->
                            match part with
                            | PicturePart.Prior _ -> Some(PicturePart.Prior -1<img>)
                            | other -> Some other)
                        folder

                refused folder (right folder |> withSubject negative) [
                    "L3 subject toy.prior: -1 is less than 0. Write 0<img> or more."
                ])
        }
    ]
