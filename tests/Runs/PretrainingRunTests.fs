module Recipes.Tests.PretrainingRunTests

open System.IO
open System.Threading
open Expecto
open Recipes
open Recipes.Core
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Pretraining
open Recipes.Runs
open Recipes.Tests.Support

let private tiny icons' =
    let stage = [
        StagePart.Train(steps 2<step>)
        StagePart.Train(batch 2<img>)
        StagePart.Train(rate 1e-3)
    ]

    let tiny = pretraining "tiny" {
        icons icons'
        scenes 4<img>

        for network in Network.All do
            PretrainingPart.Stage(network, stage)

        figures {
            captions 1
            backgrounds 0
            denoise 1<step>
            guidance 1.0
        }
    }

    match PretrainingPlan.check tiny with
    | Ok plan -> plan
    | Error problems -> failtestf "%A" problems

let private options folder = {
    ScriptFiles = []
    Out = Some folder
    Fresh = false
    Cache = folder
    Scorer = folder
}

[<Tests>]
let tests =
    testSequenced
    <| testList "pretraining run" [
        test "without icons it says which packages to get" {
            withFolder (fun folder ->
                let error =
                    try
                        PretrainingRun.run
                            (tiny folder)
                            (options (Path.Combine(folder, "out")))
                            ignore
                            CancellationToken.None
                        |> failtestf "%A"
                    with :? RecipesException as error ->
                        error

                for package in Recipes.Core.Pocket.SourcePackage.All do
                    Expect.stringContains error.Cure $"{package.Name}@{package.Version}" "package")
        }

        test "it stops after a stage, goes on, and leaves folders that load" {
            withFolder (fun folder ->
                SyntheticIcons.write (Path.Combine(folder, "icons.pack")) |> ignore
                let plan = tiny folder
                let out = Path.Combine(folder, "out")
                use stop = new CancellationTokenSource()

                let halt progress =
                    match progress with
                    | RunProgress.Ended(Phase.Stage "text towers") -> stop.Cancel()
                    | _ -> ()

                match PretrainingRun.run plan (options out) halt stop.Token with
                | Outcome.Stopped _ -> ()
                | other -> failtestf "%A" other

                let began = ResizeArray<string>()

                let watch progress =
                    match progress with
                    | RunProgress.Began(phase, _, _) -> began.Add(string phase)
                    | _ -> ()

                match PretrainingRun.run plan (options out) watch CancellationToken.None with
                | Outcome.Finished(run, state) ->
                    Expect.equal
                        (List.ofSeq began)
                        [
                            "scoring towers"
                            "denoiser"
                            "upscaler's autoencoder"
                            "upscaler"
                            "scoring"
                            "contact sheet"
                        ]
                        "only what was left"

                    use model = StableDiffusionModel.Load(Path.Combine(run, "pocket"))
                    use clip = ClipModel.Load(Path.Combine(run, "pocket-clip"))
                    Expect.equal (model.EncodePrompts([ "a cat" ]).shape[2]) 160L "text"
                    Expect.isGreaterThan (clip.Config.ProjectionDim) 0L "clip"
                    use upscaler = StableDiffusionModel.Load(Path.Combine(run, "pocket-x4"))
                    Expect.equal upscaler.Vae.Config.Factor 4 "upscaler"

                    let text name =
                        File.ReadAllBytes(Path.Combine(run, name, "text_encoder", "model.safetensors"))

                    Expect.isTrue (text "pocket" = text "pocket-x4") "the text encoder that was trained"

                    for name in [ "figures.json"; "sheet.png"; "data.json"; "environment.json"; "plan.json" ] do
                        Expect.isGreaterThan (FileInfo(Path.Combine(run, name)).Length) 100L name

                    Expect.isEmpty (Directory.GetFiles(Path.Combine(run, "state"))) "no state is left"
                    Expect.isTrue state.Results.IsSome "results"

                    match PretrainingRun.run plan (options out) ignore CancellationToken.None with
                    | Outcome.Already _ -> ()
                    | other -> failtestf "%A" other
                | other -> failtestf "%A" other)
        }
    ]
