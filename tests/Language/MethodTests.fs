module Recipes.Tests.MethodTests

open System.IO
open System.Text.Json
open Expecto
open Recipes
open Recipes.Tests.LanguageBench

/// The right recipe with another way to learn a subject of this token, and with a rate that is usual for it.
let private learning (tuning: TuningBlock<'way>) word pace folder =
    let toy = subject "toy" {
        token word
        images (Path.Combine(folder, "toy"))
    }

    right folder
    |> withSubject toy
    |> withTuning tuning
    |> changed (fun part ->
        match part with
        | RecipePart.Train parts ->
            Some(
                RecipePart.Train [
                    for part in parts do
                        match part with
                        | TrainPart.Rate _ -> TrainPart.Rate pace
                        | other -> other
                ]
            )
        | other -> Some other)

let private vectors count = textualInversion count

let private json (plan: Plan) =
    (JsonDocument.Parse plan.Json).RootElement.GetProperty "method"

let private parameters folder tuning pace =
    (plan (learning tuning "sks" pace folder)).Method.Parameters

[<Tests>]
let tests =
    testList "methods" [
        test "each says in the plan what it trains" {
            withPictures (fun folder ->
                let told tuning word pace =
                    let plan = plan (learning tuning word pace folder)
                    (json plan).GetProperty("method").GetString(), plan.Text

                for (name, text), expected, line in
                    [
                        told (lora 4<rank>) "sks" 1e-4, "lora", "LoRA of rank 4, alpha as the rank"
                        told (dora 4<rank>) "sks" 1e-4, "dora", "DoRA of rank 4, alpha as the rank"
                        told (vectors 2<vec> { startFrom "a" }) "<new>" 5e-3,
                        "vectors",
                        "2 new vectors for `<new>`, starting from \"a\""
                        told (customDiffusion { startFrom "a" }) "<new>" 1e-4,
                        "keys-and-values",
                        "keys and values of the attention to the prompt"
                        told everything "sks" 1e-4, "weights", "the UNet's own weights"
                    ] do
                    Expect.equal name expected "method"
                    Expect.stringContains text line expected)
        }

        test "the numbers that are trained are those of the files" {
            withPictures (fun folder ->
                let model = Recipes.Core.Weights.ModelFolder.Read(modelFolder)

                Expect.equal (parameters folder everything 1e-4) model.UNetParameterCount "the whole UNet"

                let attention = [
                    for layer in model.Layers do
                        if layer.Component = "unet" && layer.Name.EndsWith ".attn2.to_k" then
                            layer.In * layer.Out
                ]

                // Keys and values are of one size, and have no biases.
                Expect.equal
                    (plan (learning (customDiffusion { startFrom "a" }) "<new>" 1e-4 folder)).Method.Parameters
                    (2L * List.sum attention + int64 model.CrossAttentionDim)
                    "keys and values, and a vector"

                let mid = everything { only (Attention |> within [ Middle ]) }

                Expect.isLessThan
                    (parameters folder mid 1e-4)
                    (parameters folder (everything { only Attention }) 1e-4)
                    "a part of it"

                Expect.equal
                    (plan (learning (vectors 3<vec> { startFrom "a" }) "<new>" 5e-3 folder)).Method.Parameters
                    (3L * int64 model.CrossAttentionDim)
                    "vectors")
        }

        test "A2: a new token is no word yet" {
            withPictures (fun folder ->
                refused folder (learning (vectors 1<vec> { startFrom "a" }) "the" 5e-3 folder) [
                    "A2 subject toy.token: `the` is a word already (entry 518 of 1000), and would lose its meaning. Choose a new one, such as `<the>`."
                ])
        }

        test "A3: the word to start from is one token, or one for each vector" {
            withPictures (fun folder ->
                let count =
                    findings folder (learning (vectors 2<vec> { startFrom "a b c" }) "<new>" 5e-3 folder)

                Expect.equal
                    count
                    [
                        "A3 adapt.startFrom: \"a b c\" is 3 tokens, and there are 2 vectors. Write a word of one token, or as many vectors as it has tokens."
                    ]
                    "two of three"

                passes folder (learning (vectors 3<vec> { startFrom "a b c" }) "<new>" 5e-3 folder))
        }

        test "A2, A3: Custom Diffusion makes the token of each subject anew, from one word" {
            withPictures (fun folder ->
                let text =
                    (plan (learning (customDiffusion { startFrom "a" }) "<new>" 1e-4 folder)).Text

                Expect.stringContains text "and a new vector for `<new>`, starting from \"a\"" "the plan says so"

                refused folder (learning (customDiffusion { startFrom "a" }) "the" 1e-4 folder) [
                    "A2 subject toy.token: `the` is a word already (entry 518 of 1000), and would lose its meaning. Choose a new one, such as `<the>`."
                ]

                refused folder (learning (customDiffusion { startFrom "a b" }) "<new>" 1e-4 folder) [
                    "A3 adapt.startFrom: \"a b\" is 2 tokens, and each subject has one vector. Write a word of one token."
                ])
        }

        test "D27: text states that a new token changes are not kept" {
            withPictures (fun folder ->
                let keeping =
                    learning (customDiffusion { startFrom "a" }) "<new>" 1e-4 folder
                    |> changed (fun part ->
                        match part with
                        | RecipePart.Train parts -> Some(RecipePart.Train(parts @ [ TrainPart.CacheTexts ]))
                        | other -> Some other)

                Expect.exists (findings folder keeping) _.StartsWith("D27 train.cacheTexts") "refused"

                let own =
                    learning (everything { textEncoder }) "sks" 1e-4 folder
                    |> also [ RecipePart.Train [ cacheTexts ] ]

                Expect.exists (findings folder own) _.StartsWith("D27 train.cacheTexts") "refused")
        }

        test "L6: new vectors have no class pictures, and no captions but their own" {
            withPictures (fun folder ->
                refused
                    folder
                    (right folder
                     |> withTuning (vectors 1<vec> { startFrom "a" })
                     |> withSubject {
                         toy folder with
                             Parts =
                                 (toy folder).Parts
                                 |> List.map (fun part ->
                                     match part with
                                     | PicturePart.Token _ -> PicturePart.Token "<new>"
                                     | other -> other)
                     })
                    [
                        "L6 subject toy.prior: new vectors are learned in captions of their own and without class pictures. Leave the line out."
                    ])
        }

        test "C20: `everything` is of the UNet" {
            withPictures (fun folder ->
                match findings folder (learning (everything { only TextEncoder }) "sks" 1e-4 folder) with
                | [ one ] ->
                    Expect.stringContains
                        one
                        "is not in the UNet, whose weights `everything` trains. Choose layers of the UNet, and train the text encoder with the line `textEncoder`."
                        "problem"
                | other -> failtest $"%A{other}")
        }

        test "D25: what rate is usual depends on what is learned" {
            withPictures (fun folder ->
                for recipe, words in
                    [
                        learning (vectors 1<vec> { startFrom "a" }) "<new>" 0.1 folder,
                        "0.1 is unusual for new vectors (usual: 1e-4 to 0.01)"
                        learning everything "sks" 1e-2 folder,
                        "0.01 is unusual for the weights of a small model (usual: 1e-5 to 1e-3)"
                        learning (customDiffusion { startFrom "a" }) "<new>" 1e-2 folder,
                        "0.01 is unusual for the weights of a small model (usual: 1e-5 to 1e-3)"
                    ] do
                    match findings folder recipe with
                    | [ one ] -> Expect.stringContains one words "warning"
                    | other -> failtest $"%A{other}")
        }

        test "L5: a setting of another method is refused" {
            withPictures (fun folder ->
                let set name value recipe =
                    match Overrides.apply [ name, value ] recipe with
                    | Ok recipe -> findings folder recipe
                    | Error problems -> failtest $"%A{problems}"

                Expect.equal
                    (set "rank" "8" (learning (vectors 1<vec> { startFrom "a" }) "<new>" 5e-3 folder))
                    [ "L5 adapt.rankAt: 1 new vectors has no such line. Leave it out." ]
                    "a rank for vectors"

                Expect.equal
                    (set "vectors" "2" (learning (lora 4<rank>) "sks" 1e-4 folder))
                    [ "L5 adapt.templates: LoRA rank 4 has no such line. Leave it out." ]
                    "vectors for an adapter")
        }

        test "every sampler has a name that the core knows" {
            Expect.equal
                (Sampler.all |> List.map string |> List.sort)
                (Recipes.Core.Schedules.Samplers.Names |> List.ofSeq |> List.sort)
                "names"
        }
    ]
