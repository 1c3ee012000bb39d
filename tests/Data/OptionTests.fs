module Recipes.Tests.TrainingOptionTests

open Expecto
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Training
open Recipes.Tests.Support

let private pictures caption names = [| for name in names -> TrainingPicture(name, caption) |]

let private own = pictures "a photo of sks dog" [ "a.png"; "b.png" ]
let private classes = pictures "a photo of a dog" [ "c.png" ]
let private lora = TrainedParts(UNetLora = LoraOptions(Rank = 2))

let private prior weight =
    ConceptPrior(Pictures = classes, Weight = weight)

let private rex = Concept(Name = "rex", Pictures = own, Prior = prior 1.0)

let private step =
    DenoisingStepOptions(Rate = LearningRate(Rate = 1e-4, Steps = 10L))

type private Case = {
    Concepts: Concept list
    Parts: TrainedParts
    Step: DenoisingStepOptions
    Crop: CropRule
    Caches: CacheOptions
    Validation: ValidationOptions | null
}

let private usual = {
    Concepts = [ rex ]
    Parts = lora
    Step = step
    Crop = CropRule.Centre
    Caches = CacheOptions()
    Validation = null
}

let private options case =
    DiffusionTrainingOptions(
        Concepts = List.toArray case.Concepts,
        Parts = case.Parts,
        Step = case.Step,
        Buckets = BucketOptions(Size = 64),
        Seed = "1",
        Crop = case.Crop,
        Caches = case.Caches,
        Validation = case.Validation
    )

let private refuse part case =
    failsWith part (fun () -> (options case).Check())

let private concept name pictures prior =
    Concept(Name = name, Pictures = pictures, Prior = prior)

[<Tests>]
let tests =
    testList "training options" [
        test "settings that can train pass" {
            (options usual).Check()
            Expect.equal (options usual).PriorWeight (System.Nullable 1.0) "the concepts say the weight"
        }

        test "concepts that cannot train are refused" {
            refuse "Concepts: there are none" { usual with Concepts = [] }

            refuse "Concept rex: it has no pictures" {
                usual with
                    Concepts = [ concept "rex" [||] null ]
            }

            refuse "a.png has an empty caption" {
                usual with
                    Concepts = [ concept "rex" (pictures " " [ "a.png" ]) null ]
            }

            refuse "c.png has a caption of the concept's own" {
                usual with
                    Concepts = [ concept "rex" classes (prior 1.0) ]
            }

            refuse "their weight is 0" {
                usual with
                    Concepts = [ concept "rex" own (prior 0.0) ]
            }

            refuse "their class pictures weigh 1 and 0.5" {
                usual with
                    Concepts = [ rex; concept "two" own (prior 0.5) ]
            }

            refuse "weigh 1 and nothing" {
                usual with
                    Concepts = [ rex; concept "two" own null ]
            }

            refuse "Concept rex: 1.5 is no probability of mirroring" {
                usual with
                    Concepts = [ Concept(Name = "rex", Pictures = own, Flip = 1.5) ]
            }

            refuse "a.png is trained on" {
                usual with
                    Validation = ValidationOptions(Pictures = pictures "x" [ "a.png" ], Every = 2L)
            }
        }

        test "parts that exclude each other are refused" {
            let parts part (parts: TrainedParts) =
                refuse part { usual with Parts = parts }

            let layers = TrainedParts.KeysAndValues
            parts "Parts: nothing is trained" (TrainedParts())
            parts "the UNet has adapters" (TrainedParts(UNetLora = LoraOptions(Rank = 2), UNetWeights = layers))
            let text = TrainedParts.Everything
            parts "the text encoder has adapters" (TrainedParts(TextLora = LoraOptions(Rank = 2), TextWeights = text))

            let token name vectors =
                NewToken(Token = name, Initialiser = "dog", Vectors = vectors)

            parts "NewToken <toy>: no caption uses the token" (TrainedParts(Tokens = [| token "<toy>" 1 |]))
            parts "0 vectors hold nothing" (TrainedParts(Tokens = [| token "sks" 0 |]))
            parts "sks is learned 2 times" (TrainedParts(Tokens = [| token "sks" 1; token "sks" 1 |]))
            parts "\"a b\" is no token" (TrainedParts(Tokens = [| token "a b" 1 |]))
        }

        test "caches of what changes are refused" {
            refuse "random crops give other latents" {
                usual with
                    Crop = CropRule.Random
                    Caches = CacheOptions(Latents = "x")
            }

            refuse "captions give other states" {
                usual with
                    Parts = TrainedParts(TextLora = LoraOptions(Rank = 2))
                    Caches = CacheOptions(Texts = "x")
            }
        }
    ]
