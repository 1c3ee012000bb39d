module Recipes.Tests.TextualInversionTests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Threading
open Expecto
open TorchSharp
open TorchSharp.Modules
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Schedules
open Recipes.Core.Training
open Recipes.Core.Weights
open Recipes.Tests.AdapterSupport

let private load name =
    StableDiffusionModel.Load(Path.Combine(Support.golden, name))

let private encode (model: StableDiffusionModel) (prompt: string) = model.EncodePrompts [ prompt ]

let private inversion (token: string) (rows: Tensor) =
    new TextualInversion(token, [| TokenVectors rows |])

let private width (model: StableDiffusionModel) =
    int64 model.TextEncoder.Config.HiddenSize

let private write folder name (tensors: (string * Tensor) list) =
    let path = Path.Combine(folder, name)
    SafeTensorsWriter.Write(path, [ for key, value in tensors -> KeyValuePair(key, value) ])
    path

/// A word that is one token of the model's.
let private word (model: StableDiffusionModel) =
    [ "the"; "and"; "dog"; "red"; "of"; "a" ]
    |> List.find (fun word -> model.Tokenizer.Tokenize(word).Count = 1)

let private vector (model: StableDiffusionModel) =
    model.TextEncoder.Tokens.Weight[int64 (Seq.exactlyOne (model.Tokenizer.Tokenize(word model)))]

let private parity = test "train-textual-inversion" {
    use _ = torch.NewDisposeScope()

    use file =
        SafeTensorsFile.Open(Path.Combine(Support.golden, "train-textual-inversion.safetensors"))

    use model = load "sd1"

    let number (key: string) =
        Double.Parse(file.Metadata[key], Globalization.CultureInfo.InvariantCulture)

    let placeholders =
        JsonSerializer.Deserialize<int[]> file.Metadata["placeholder_ids"] |> nonNull

    let start =
        (file.Read "init_row").reshape(1L, -1L).repeat(int64 placeholders.Length, 1L)

    let own = model.TextEncoder.Tokens.Weight[int64 (number "initializer_id")]

    Expect.equal (worst own start[0]) 0.0 "the initialiser's row"
    let rows = new Parameter(start.clone ())
    use learned = inversion "<placeholder>" rows
    model.LearnedTokens.Add learned
    Expect.equal (List.ofSeq (model.Tokenizer.Tokenize "<placeholder>")) (List.ofArray placeholders) "the ids"

    let latents, noise, times, ids =
        file.Read "latents", file.Read "noise", file.Read "t", file.Read "ids"

    let batches = {
        new IBatchSource with
            member _.Batch n =
                DenoisingBatch(latents[n], noise[n], times[n], model.TextEncoder.forward(ids).LastHiddenState)
    }

    use schedule = new NoiseSchedule(model.Scheduler)
    let wanted = (file.Read "loss").data<float32>().ToArray()

    let options =
        DenoisingStepOptions(
            Rate = LearningRate(Rate = number "lr", Steps = int64 wanted.Length),
            Optimiser = AdamWOptions(WeightDecay = number "weight_decay"),
            ClipNorm = Nullable()
        )

    let network =
        Func<Tensor, Tensor, Tensor, Tensor>(fun x t context -> model.UNet.forward (x, t, context))

    use step =
        new DenoisingStep(network, schedule, batches, [ NamedParameter("rows", rows) ], options)

    for i, loss in Seq.indexed wanted do
        Expect.isLessThan (abs (step.Run(int64 i).Loss - float loss)) 1e-5 $"the loss of step {i}"

    let final = file.Read "final_rows"

    let norm (t: Tensor) =
        t.``to``(torch.float64).norm().item<double>()

    Expect.isLessThan (norm (rows.detach () - final) / norm (final - start)) 2e-2 "the change of the rows"
}

let private goldenFile name = test name {
    use _ = torch.NewDisposeScope()
    use model = load "sd1"
    let path = Path.Combine(Support.golden, name)
    use file = SafeTensorsFile.Open path
    use learned = TextualInversionFile.Read(path)
    let key = Seq.exactlyOne file.Tensors.Keys

    let token =
        if key = "emb_params" then
            Path.GetFileNameWithoutExtension name |> nonNull
        else
            key

    Expect.equal learned.Token token "the token"
    let rows = file.Read key
    Expect.equal (worst learned.Parts[0].Rows rows) 0.0 "the vectors"
    model.LearnedTokens.Add learned
    let first = model.Tokenizer.Count - learned.Count
    let ids = List.ofSeq (model.Tokenizer.Tokenize $"a {token}")
    Expect.equal (List.skip (ids.Length - learned.Count) ids) [ first .. first + learned.Count - 1 ] "one id a vector"

    let looked =
        model.TextEncoder.Tokens.forward (torch.tensor [| for i in ids[ids.Length - learned.Count ..] -> int64 i |])

    Expect.equal (worst looked rows) 0.0 "what the ids look up"
}

[<Tests>]
let parityTests =
    testList "parity" [
        testList "textual-inversion" [
            parity
            goldenFile "learned_embeds.safetensors"
            goldenFile "learned_embeds_a1111.safetensors"
        ]
    ]

[<Tests>]
let tests =
    testList "textual-inversion" [
        test "a token with a word's own vectors is that word, and leaves no trace" {
            use _ = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            use model = load "sd1"
            let before = encode model $"a photo of a {word model}"
            let keys = List.ofSeq (model.TextEncoder.state_dict().Keys)
            let dog = vector model
            use learned = inversion "<rex>" (dog.reshape(1L, -1L).clone())
            use other = inversion "<two>" (torch.randn (2L, width model))
            model.LearnedTokens.Add other
            model.LearnedTokens.Add learned
            Expect.equal (worst before (encode model "a photo of a <rex>")) 0.0 "the same states"
            Expect.equal (model.Tokenizer.Tokenize("<two>").Count) 2 "all vectors for the name"
            Expect.equal (model.Tokenizer.Tokenize("<two>_1").Count) 1 "one of them"
            Expect.equal (List.ofSeq (model.TextEncoder.state_dict().Keys)) keys "the weights' names"
            model.LearnedTokens.Remove "<two>"
            Expect.equal (worst before (encode model "a photo of a <rex>")) 0.0 "after another was taken off"
            model.LearnedTokens.Remove "<rex>"
            Expect.equal (worst before (encode model $"a photo of a {word model}")) 0.0 "the base"
            failsWith "<rex>: it is none of the 0 learned tokens" (fun () -> model.LearnedTokens.Remove "<rex>")
        }

        test "the state at the end token is pooled, though new tokens have higher ids" {
            use _ = torch.NewDisposeScope()
            use _ = torch.no_grad ()
            use model = load "sd1"

            let pooled prompt =
                model.TextEncoder.forward(model.Tokenize [ prompt ]).Pooled

            let dog = vector model
            let before = pooled $"a {word model} on a hill"
            use learned = inversion "<rex>" (dog.reshape(1L, -1L).clone())
            model.LearnedTokens.Add learned
            Expect.equal (worst before (pooled "a <rex> on a hill")) 0.0 "the pooled state"
        }

        for naming in Enum.GetValues<EmbeddingNaming>() do
            test $"{naming} files come back" {
                Support.withFolder (fun folder ->
                    use _ = torch.NewDisposeScope()
                    let path = Path.Combine(folder, "<toy>.safetensors")
                    use learned = inversion "<toy>" (torch.randn (3L, 32L))

                    let header =
                        readOnlyDict [ "modelspec.architecture", "stable-diffusion-v1/textual-inversion" ]

                    TextualInversionFile.Write(learned, path, naming, header)
                    use again = TextualInversionFile.Read path
                    Expect.equal (again.Token, again.Family) ("<toy>", "SD1") "token and family"
                    Expect.equal (worst learned.Parts[0].Rows again.Parts[0].Rows) 0.0 "the vectors"
                    use renamed = TextualInversionFile.Read(path, "<other>")
                    Expect.equal renamed.Token "<other>" "another name")
            }

        test "a pair for SDXL goes to its two text encoders and comes back" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use _ = torch.no_grad ()
                use model = load "sdxl"
                let widths = [ for encoder in model.TextEncoders -> int64 encoder.Config.HiddenSize ]
                let left, right = torch.randn (2L, widths[0]), torch.randn (2L, widths[1])
                let path = write folder "style.safetensors" [ "clip_g", right; "clip_l", left ]
                use learned = TextualInversionFile.Read path
                model.LearnedTokens.Add learned

                for index, rows in List.indexed [ left; right ] do
                    let ids = [| for id in model.Tokenizers[index].Tokenize "style" -> int64 id |]

                    Expect.equal
                        (worst (model.TextEncoders[index].Tokens.forward(torch.tensor ids)) rows)
                        0.0
                        $"encoder {index}"

                let copy = Path.Combine(folder, "copy.safetensors")
                TextualInversionFile.Write(learned, copy)
                use file = SafeTensorsFile.Open copy
                Expect.equal (List.ofSeq file.Tensors.Keys) [ "clip_g"; "clip_l" ] "the pair's names"
                use single = load "sd1"
                failsWith "made for SDXL" (fun () -> single.LearnedTokens.Add learned))
        }

        test "files that cannot be used are refused with the cure" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use model = load "sd2"

                let refused (message: string) path =
                    failsWith message (fun () -> (TextualInversionFile.Read path).Dispose())

                File.WriteAllText(Path.Combine(folder, "old.pt"), "x")

                refused
                    "it is a pickle, which can run any program while it is read. Convert it"
                    (Path.Combine(folder, "old.pt"))

                refused
                    "holds 2 tensors (a, b)"
                    (write folder "two.safetensors" [ "a", torch.ones 4L; "b", torch.ones 4L ])

                refused
                    "is [1, 2, 3], not [vectors, width]"
                    (write folder "deep.safetensors" [ "<a>", torch.ones (1L, 2L, 3L) ])

                refused
                    "infinite or not numbers"
                    (write folder "nan.safetensors" [ "<a>", torch.full ([| 4L |], Scalar.op_Implicit Single.NaN) ])

                use wide =
                    TextualInversionFile.Read(write folder "sd1.safetensors" [ "<a>", torch.ones (2L, 768L) ])

                failsWith "its vectors are 768 wide (made for SD1), the text encoder takes" (fun () ->
                    model.LearnedTokens.Add wide)

                failsWith "Choose an embedding for SD2" (fun () -> model.LearnedTokens.Add wide)
                use taken = inversion (word model) (torch.ones (1L, width model))
                failsWith $"new token '{word model}'" (fun () -> model.LearnedTokens.Add taken)
                use once = inversion "<a>" (torch.ones (1L, width model))
                model.LearnedTokens.Add once
                use twice = inversion "<a>" (torch.ones (1L, width model))
                failsWith "already in the vocabulary" (fun () -> model.LearnedTokens.Add twice)
                Expect.equal (List.ofSeq model.LearnedTokens.Names) [ "<a>" ] "what was refused is not there")
        }

        test "object and style captions all have the token's place" {
            Expect.equal (CaptionTemplates.Object.Count, CaptionTemplates.Style.Count) (27, 19) "how many"

            for template in Seq.append CaptionTemplates.Object CaptionTemplates.Style do
                Expect.equal (template.Split("{}").Length) 2 template

            Expect.equal (Seq.length (Seq.distinct CaptionTemplates.Object)) 27 "all different"
            Expect.equal (Seq.length (Seq.distinct CaptionTemplates.Style)) 19 "all different"
        }
    ]
