/// Which parts of a model the trainer moves, and that it leaves the others alone.
module Recipes.Tests.DiffusionPartsTests

open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Core.Data
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Tests.Support
open Recipes.Tests.DiffusionCases

[<Tests>]
let tests =
    testSequenced
    <| testList "trainer" [
        test "new tokens alone change nothing else, and stay for drawing" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use model = load "sd1"
                let before = snapshot model

                let start =
                    model.TextEncoder.Tokens.Weight[int64 (Seq.exactlyOne (model.Tokenizer.Tokenize(word model)))]

                let result =
                    DiffusionTrainer.Run(model, options folder model { inversion with Steps = 4L })

                let rows = (Seq.exactlyOne result.Tokens).Parts[0].Rows

                for row in [ 0L; 1L ] do
                    Expect.isGreaterThan (worst rows[row] start) 1e-3 $"vector {row} moved"

                Expect.isGreaterThan (worst rows[0L] rows[1L]) 1e-4 "each its own way"

                for (name, old), (_, now) in List.zip before (snapshot model) do
                    Expect.equal (worst old now) 0.0 name

                Expect.equal (List.ofSeq model.LearnedTokens.Names) [ "<toy>" ] "there"
                result.Dispose()
                Expect.isEmpty model.LearnedTokens.Names "gone with the result")
        }

        test "only chosen weights move, the text encoder's too" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use model = load "sd1"
                let before = snapshot model

                let parts =
                    TrainedParts(UNetWeights = TrainedParts.KeysAndValues, TextWeights = [| "fc1" |])

                use result =
                    DiffusionTrainer.Run(
                        model,
                        options folder model {
                            usual with
                                Parts = (fun _ -> parts)
                                Steps = 3L
                        }
                    )

                for (name, old), (_, now) in List.zip before (snapshot model) do
                    let chosen =
                        name.Contains "attn2.to_k"
                        || name.Contains "attn2.to_v"
                        || name.Contains "mlp.fc1"

                    if not chosen then
                        Expect.equal (worst old now) 0.0 name
                    elif name.Contains "to_v" || name.Contains "fc1" then
                        Expect.isGreaterThan (worst old now) 0.0 name)
        }

        test "SDXL's two text encoders learn a token, and its UNet is told the sizes" {
            withFolder (fun folder ->
                let run =
                    trainOn
                        "sdxl"
                        None
                        {
                            inversion with
                                Steps = 3L
                                Parts =
                                    fun model ->
                                        TrainedParts(Tokens = [| toy 1 model |], UNetLora = lora [ "attention" ] 0.0)
                        }
                        folder

                let tokens = run.Weights |> Map.filter (fun name _ -> name.EndsWith "<toy>")
                Expect.equal (List.ofSeq tokens.Keys) [ "text_encoder.<toy>"; "text_encoder_2.<toy>" ] "both")
        }

        test "a ControlNet learns against a base that stays as it is" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use model = load "sd1"
                let before = snapshot model

                use network =
                    ControlNetModel.FromUNet(model.UNet, new torch.Generator(3UL, torch.CPU))

                let pictures = [|
                    for picture in captioned "a photo" (draw folder "own" 3 0) ->
                        TrainingPicture(picture.Path, picture.Caption, Control = picture.Path)
                |]

                let case = {
                    usual with
                        Steps = 3L
                        Parts = fun _ -> TrainedParts(ControlNet = network)
                        Concepts = Some(fun _ -> [ Concept(Name = "pairs", Pictures = pictures) ])
                }

                use result = DiffusionTrainer.Run(model, options folder model case)

                for (name, old), (_, now) in List.zip before (snapshot model) do
                    Expect.equal (worst old now) 0.0 name

                Expect.isTrue
                    (result.Weights["controlnet.controlnet_mid_block.weight"].abs().max().item<float32>() > 0.0f)
                    "the zero convolution moved")
        }

        test "saved adapters give the trained model's predictions" {
            withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use _ = torch.no_grad ()
                use model = load "sd1"

                let parts =
                    TrainedParts(UNetLora = lora [ "attention" ] 0.2, TextLora = lora [ "text-attention" ] 0.2)

                use result =
                    DiffusionTrainer.Run(
                        model,
                        options folder model {
                            usual with
                                Steps = 2L
                                Parts = (fun _ -> parts)
                        }
                    )

                let path = Path.Combine(folder, "adapter.safetensors")
                result.SaveAdapters(path, readOnlyDict [ "recipes.plan_sha256", "5eed" ])
                use random = new torch.Generator(1UL, torch.CPU)
                let x = torch.randn ([| 1L; 4L; 8L; 8L |], generator = random)

                let predict (model: StableDiffusionModel) =
                    model.UNet.forward (x, torch.tensor [| 500L |], model.EncodePrompts [ "a photo of sks dog" ])

                use fresh = load "sd1"
                let untrained = predict fresh

                use loaded =
                    LoraSet.Load(
                        path,
                        readOnlyDict [
                            "unet", (fresh.UNet :> torch.nn.Module)
                            "text_encoder", (fresh.TextEncoder :> torch.nn.Module)
                        ]
                    )

                Expect.equal (worst (predict model) (predict fresh)) 0.0 "the same"
                Expect.isGreaterThan (worst untrained (predict fresh)) 0.0 "not the untrained model's"
                Expect.isTrue (loaded.Adapters.Count > 0) "adapters")
        }
    ]
