module Recipes.Tests.TokensTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.LanguageBench

let private named word folder = subject "toy" {
    token word
    images (Path.Combine(folder, "toy"))
}

let private captioned instance other folder = subject "toy" {
    token "sks"
    images (Path.Combine(folder, "toy"))
    prior 24<img>
    instancePrompt instance
    classPrompt other
}

let private another noun word (folder: string) =
    writePictures (Path.Combine(folder, "other")) 4 72

    subject noun {
        token word
        images (Path.Combine(folder, "other"))
        prior 24<img>
    }

/// Two subjects, both sampled.
let private two (a: Subject) (b: Subject) folder =
    right folder
    |> withSubject a
    |> also [
        RecipePart.Learn b
        RecipePart.Sample {
            Text = $"a photo of a {b}"
            Plain = $"a photo of a {b.Noun}"
            Mentions = [ b ]
        }
    ]

let private says text =
    RecipePart.Sample {
        Text = text
        Plain = text
        Mentions = []
    }

[<Tests>]
let tests =
    testList "tokens" [
        test "A1: the token is missing in the instance prompt" {
            withPictures (fun folder ->
                refused
                    folder
                    (right folder
                     |> withSubject (captioned "a photo of a toy" "a picture of a {noun}" folder))
                    [
                        "A1 subject toy.instancePrompt: `sks` is missing in \"a photo of a toy\". Write `{token} {noun}` where the subject stands."
                    ])
        }

        test "A1: no sample draws the subject" {
            withPictures (fun folder ->
                let silent =
                    right folder
                    |> changed (fun part ->
                        match part with
                        | RecipePart.Sample _ -> None
                        | other -> Some other)

                refused folder silent [
                    "A1 subject toy: none of 0 samples draws `sks toy`. Add a line `sample $\"a photo of a {toy}\"`, where `toy` is the subject's value."
                ]

                refused folder (silent |> also [ says "it asks" ]) [
                    "A1 subject toy: none of 1 sample draws `sks toy`. Add a line `sample $\"a photo of a {toy}\"`, where `toy` is the subject's value."
                ]

                passes folder (silent |> also [ says "an sks toy, drawn" ]))
        }

        test "A1: a sample mentions what is never learned" {
            withPictures (fun folder ->
                let stranger = another "cat" "zwx" folder

                refused
                    folder
                    (right folder
                     |> also [
                         RecipePart.Sample {
                             Text = $"{stranger} and a moon"
                             Plain = "cat and a moon"
                             Mentions = [ stranger ]
                         }
                     ])
                    [
                        "A1 sample 3: \"zwx cat and a moon\" mentions zwx cat, which is never learned. Add a line `learn` for the cat, or leave it out of the prompt."
                    ])
        }

        test "A2: an ordinary word" {
            withPictures (fun folder ->
                refused folder (right folder |> withSubject (named "the" folder)) [
                    "A2 subject toy.token: `the` is an ordinary word (entry 518 of 1000). Choose a rare one, such as `sks`."
                ])
        }

        test "A2: every whole word of a small vocabulary is ordinary" {
            withPictures (fun folder ->
                let onPocket word =
                    let recipe = right folder |> withSubject (named word folder)
                    { recipe with Weights = Weights.Pocket }

                for word in [ "dog"; "robot"; "shark"; "the" ] do
                    match findings folder (onPocket word) with
                    | finding :: _ ->
                        Expect.stringStarts finding $"A2 subject toy.token: `{word}` is an ordinary word (entry " word
                    | [] -> failtestf "`%s` passes" word

                for word in [ "sks"; "zwx"; "ohwx" ] do
                    Expect.isFalse
                        (findings folder (onPocket word)
                         |> List.exists (fun finding -> finding.StartsWith "A2"))
                        word)
        }

        test "A2: not a token" {
            withPictures (fun folder ->
                refused folder (right folder |> withSubject (named "my toy" folder)) [
                    "A1 subject toy.instancePrompt: `my toy` is missing in \"a photo of my toy toy\". Write `{token} {noun}` where the subject stands."
                    "A1 subject toy: none of 1 sample draws `my toy toy`. Add a line `sample $\"a photo of a {toy}\"`, where `toy` is the subject's value."
                    "A2 subject toy.token: \"my toy\" is not one word. Write one word without spaces, such as `sks`."
                ]

                refused folder (right folder |> withSubject (named "<|x|>" folder)) [
                    "A2 subject toy.token: `<|x|>` is a mark of the tokenizer's own. Choose a rare word, such as `sks`."
                ]

                refused folder (right folder |> withSubject (named "Toy" folder)) [
                    "A2 subject toy.token: `Toy` is the class noun itself. Choose a rare word, such as `sks`."
                ])
        }

        test "A2: two subjects with one token, or with tokens that contain each other" {
            withPictures (fun folder ->
                refused folder (two (toy folder) (another "cat" "SKS" folder) folder) [
                    "A2 subject cat.token: `SKS` is the token of the toy too. Give each subject its own."
                ]

                refused folder (two (toy folder) (another "cat" "sksy" folder) folder) [
                    "A2 subject cat.token: `sksy` and `sks` contain each other. Give each subject its own."
                ]

                passes folder (two (toy folder) (another "cat" "zwx" folder) folder))
        }

        test "A4: a prompt that is too long" {
            withPictures (fun folder ->
                let text = "a {token} {noun} " + String.replicate 40 "on the old land "
                let toy = captioned (text.TrimEnd()) "a photo of a {noun}" folder

                match findings folder (right folder |> withSubject toy) with
                | [ finding ] ->
                    Expect.stringStarts finding "A4 subject toy.instancePrompt: the prompt is " "place and length"
                    Expect.stringContains finding "tokens, the model reads 75; lost: \"" "room"
                    Expect.stringContains finding "on the old land on the old land\". Shorten it." "what is lost"
                | other -> failtestf "%A" other

                // Drawing reads all of it, in chunks.
                passes folder (right folder |> also [ says (text.Replace("{token} {noun}", "sks toy")) ]))
        }

        test "A5: the class prompt holds the token, or is the subject's own" {
            withPictures (fun folder ->
                let instance = "a photo of {token} {noun}"

                refused
                    folder
                    (right folder
                     |> withSubject (captioned instance "a photo of sks toy, far away" folder))
                    [
                        "A5 subject toy.classPrompt: \"a photo of sks toy, far away\" holds the token `sks`. Name the class alone, such as `a photo of a {noun}`."
                    ]

                refused folder (right folder |> withSubject (captioned "a toy" "a toy" folder)) [
                    "A1 subject toy.instancePrompt: `sks` is missing in \"a toy\". Write `{token} {noun}` where the subject stands."
                    "A5 subject toy.classPrompt: is the subject's own prompt. Name the class alone, such as `a photo of a {noun}`."
                ])
        }

        test "A5: a prompt without the class noun" {
            withPictures (fun folder ->
                warned folder (right folder |> withSubject (captioned "a photo of {token}" "a photo" folder)) [
                    "A5 subject toy.instancePrompt: \"a photo of sks\" lacks the class noun `toy`. Write `{token} {noun}` where the subject stands."
                    "A5 subject toy.classPrompt: \"a photo\" lacks the class noun `toy`. Name the class, such as `a photo of a {noun}`."
                ]

                passes folder (right folder |> withSubject (captioned "{noun}: {token}" "a {noun}" folder)))
        }

        test "A6: two subjects of one class" {
            withPictures (fun folder ->
                warned folder (two (toy folder) (another "toy" "zwx" folder) folder) [
                    "A6 subject toy: `sks` and `zwx` are both `toy`, and likely to merge. Give each a narrower class noun, or learn them in separate recipes."
                ])
        }

        test "A7: a token of several pieces" {
            withPictures (fun folder ->
                warned folder (right folder |> withSubject (named "zqvxj" folder)) [
                    "A7 subject toy.token: `zqvxj` is 5 tokens for this model (z|q|v|x|j). Choose a shorter rare word, such as `sks`: at most three."
                ]

                passes folder (right folder |> withSubject (named "sks" folder)))
        }

        test "A8: weights and marks in a prompt" {
            withPictures (fun folder ->
                warned
                    folder
                    (right folder
                     |> withSubject (captioned "a (red:1.2) {token} {noun}" "a {noun}" folder)
                     |> also [ says "sks toy<|endoftext|>" ])
                    [
                        "A8 subject toy.instancePrompt: training reads `(red:1.2)` literally. Leave the brackets and the weight out: prompts that are drawn may have them."
                        "A8 sample 2: the prompt holds `<|endoftext|>`. Leave it out; the encoder adds its own marks."
                    ]

                passes folder (right folder |> also [ says "an sks toy (red:1.2)" ]))
        }
    ]
