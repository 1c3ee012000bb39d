module Recipes.Tests.PromptTests

open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Pipelines
open Recipes.Core.Pipelines.Prompts
open Recipes.Tests.Agreement

let private parse prompt = [ for struct (text, weight) in PromptWeights.Parse prompt -> text, weight ]

let private gives prompt (expected: (string * float) list) =
    testCase $"'{prompt}'"
    <| fun () ->
        let found = parse prompt
        Expect.equal (List.map fst found) (List.map fst expected) "texts"

        for (_, found), (text, expected) in List.zip found expected do
            Expect.floatClose Accuracy.high found expected text

let private withModel name (test: StableDiffusionModel -> unit) () =
    use _ = torch.no_grad ()
    use _ = torch.NewDisposeScope()
    use model = StableDiffusionModel.Load(folder name)
    test model

let private states (model: StableDiffusionModel) (options: PromptOptions) (prompt: string) =
    PromptEncoder.Encode(model, [| prompt |], options).States

let private largest (values: Tensor) = values.abs().max().item<float32>()

let private long = String.replicate 60 "a red cat on the hill "

[<Tests>]
let tests =
    testList "prompts" [
        testList "weights" [
            gives "" []
            gives "a photo" [ "a photo", 1.0 ]
            gives "a (red) cat" [ "a ", 1.0; "red", 1.1; " cat", 1.0 ]
            gives "a [red] cat" [ "a ", 1.0; "red", 1.0 / 1.1; " cat", 1.0 ]
            gives "a (red:1.3) cat" [ "a ", 1.0; "red", 1.3; " cat", 1.0 ]
            gives "((a) b:2)" [ "a", 2.2; " b", 2.0 ]
            gives "([a]: 0.5 )" [ "a", 0.5 / 1.1 ]
            gives "(a [b" [ "a ", 1.1; "b", 1.0 ]
            gives "a) b] :1.2) c" [ "a) b] :1.2) c", 1.0 ]
            gives @"a \(b\) \[c\] \\ \d" [ @"a (b) [c] \ d", 1.0 ]
            gives "(time: noon)" [ "time: noon", 1.1 ]
            gives "(a:1.0) b" [ "a b", 1.0 ]
            testCase "a weight that is not a number"
            <| fun () ->
                let run () =
                    PromptWeights.Parse "a (cat:1.2.3)" |> ignore

                Expect.throwsC run (fun e -> Expect.stringContains e.Message "\"1.2.3\"" "the weight is named")
        ]
        testCase "weights of 1 change no bit"
        <| withModel "sdxl" (fun model ->
            let plain = PromptEncoder.Encode(model, [| "a red cat" |], PromptOptions.Plain)

            let weighted =
                PromptEncoder.Encode(model, [| "a (red:1.0) ([cat]:1.1)" |], PromptOptions())

            Expect.equal (distance weighted.States plain.States) 0.0 "states"
            Expect.equal (distance (nonNull weighted.Pooled) (nonNull plain.Pooled)) 0.0 "pooled")
        testCase "a weight moves its own tokens, and each prompt keeps its mean"
        <| withModel "sd1" (fun model ->
            let plain = states model (PromptOptions()) "a red cat"
            let weighted = states model (PromptOptions()) "a (red:1.5) cat"
            let mean (values: Tensor) = values.mean().item<float32>() |> float
            Expect.floatClose Accuracy.medium (mean weighted) (mean plain) "mean"
            // What remains besides one factor for all is the weight of the second word.
            let ratio = weighted / plain / (weighted / plain).narrow(1L, 0L, 1L)
            let expected = torch.ones_like ratio
            expected.narrow(1L, 2L, 1L).fill_(1.5f.ToScalar()) |> ignore
            close 1e-3 "weights" ratio expected)
        testCase "text in brackets is text where weights are off"
        <| withModel "sd1" (fun model ->
            let options = PromptOptions(Weighted = false)
            let found = states model options "a (red:1.5) cat"
            close 1e-6 "states" found (model.EncodePrompts [| "a (red:1.5) cat" |])

            Expect.isGreaterThan
                (distance found (states model (PromptOptions()) "a (red:1.5) cat"))
                1e-3
                "other states")
        testCase "long prompts are encoded in chunks, or cut"
        <| withModel "sd1" (fun model ->
            let length = int64 model.Tokenizer.MaxLength
            let ids = model.Tokenizer.Tokenize(long.Trim())
            let chunks = (int64 ids.Count + length - 3L) / (length - 2L)
            Expect.isGreaterThan chunks 2L "the prompt fills several chunks"
            let whole = states model (PromptOptions()) long
            let cut = states model PromptOptions.Plain long
            Expect.equal (shape whole) [ 1L; chunks * length; cut.shape[2] ] "all chunks"
            Expect.equal (shape cut) [ 1L; length; cut.shape[2] ] "one chunk"
            close 1e-6 "the first chunk" (whole.narrow (1L, 0L, length)) cut

            let second = [|
                for id in Seq.take (int length - 2) (Seq.skip (int length - 2) ids) -> int64 id
            |]

            let row =
                Array.concat [ [| int64 model.Tokenizer.BosId |]; second; [| int64 model.Tokenizer.EosId |] ]

            let alone =
                model.TextEncoder.forward(torch.tensor(row).unsqueeze 0L).LastHiddenState

            close 1e-5 "the second chunk" (whole.narrow (1L, length, length)) alone)
        testCase "negative prompts are filled up to the prompts' length"
        <| withModel "sdxl" (fun model ->
            let both =
                PromptEncoder.EncodeGuided(model, [| "blurry" |], [| long |], PromptOptions())

            let prompt = PromptEncoder.Encode(model, [| long |])
            Expect.equal (shape both.States) (2L :: List.tail (shape prompt.States)) "rows of one length"
            close 1e-5 "the prompt" (both.States.narrow (0L, 1L, 1L)) prompt.States
            let length = int64 model.Tokenizer.MaxLength
            let empty = PromptEncoder.Encode(model, [| "" |]).States
            close 1e-5 "filled with empty chunks" (both.States[0].narrow(0L, length, length)) empty[0])
        testCase "without a negative prompt SDXL is led away from zeros, others from the empty text"
        <| fun () ->
            withModel
                "sdxl"
                (fun model ->
                    let both = PromptEncoder.EncodeGuided(model, null, [| "a cat" |])
                    Expect.equal (largest both.States[0]) 0f "states"
                    let pooled = nonNull both.Pooled
                    Expect.equal (largest pooled[0]) 0f "pooled")
                ()

            withModel
                "sd1"
                (fun model ->
                    let both = PromptEncoder.EncodeGuided(model, null, [| "a cat" |])
                    close 1e-6 "states" (both.States.narrow (0L, 0L, 1L)) (model.EncodePrompts [| "" |]))
                ()
        testCase "clip skip takes earlier states, through the last norm but in SDXL"
        <| withModel "sd1" (fun model ->
            let output = model.TextEncoder.forward (model.Tokenize [| "a cat" |])
            let earlier = output.HiddenStates[output.HiddenStates.Count - 3]
            let expected = model.TextEncoder.FinalNorm.forward earlier
            close 1e-6 "states" (states model (PromptOptions(ClipSkip = 2)) "a cat") expected
            let options = PromptOptions(ClipSkip = 2, ClipSkipNegative = false)
            let both = PromptEncoder.EncodeGuided(model, [| "a cat" |], [| "a cat" |], options)
            close 1e-6 "negative" (both.States.narrow (0L, 0L, 1L)) output.LastHiddenState
            use sdxl = StableDiffusionModel.Load(folder "sdxl")
            let second = sdxl.TextEncoders[1]
            let output = second.forward (sdxl.Tokenize [| "a cat" |])
            let found = states sdxl (PromptOptions(ClipSkip = 1)) "a cat"

            close
                1e-6
                "the second encoder's"
                (found.narrow (2L, sdxl.TextEncoder.Config.HiddenSize, second.Config.HiddenSize))
                output.HiddenStates[output.HiddenStates.Count - 3])
        testCase "more layers than there are cannot be skipped"
        <| withModel "sd1" (fun model ->
            let run () =
                states model (PromptOptions(ClipSkip = 9)) "a" |> ignore

            Expect.throwsC run (fun e ->
                Expect.isTrue (e :? RecipesException) "the kind of error"
                Expect.stringContains e.Message "9 layers" "the number"))
    ]
