module Recipes.Tests.PretrainingPlanTests

open Expecto
open Recipes
open Recipes.Pretraining

let private stage = [
    StagePart.Train(steps 10<step>)
    StagePart.Train(batch 4<img>)
    StagePart.Train(rate 1e-3)
]

let private right = pretraining "toy" {
    icons "icons"
    scenes 100<img>

    autoencoder {
        steps 10<step>
        batch 4<img>
        rate 1e-3
        average 0.99
    }

    textTowers {
        steps 10<step>
        batch 4<img>
        rate 1e-3
    }

    scoringTowers {
        steps 10<step>
        batch 4<img>
        rate 1e-3
        seed 2
    }

    denoiser {
        steps 10<step>
        batch 4<img>
        rate 1e-3
    }

    upscalerAutoencoder {
        steps 10<step>
        batch 4<img>
        rate 1e-3
    }

    upscaler {
        steps 10<step>
        batch 4<img>
        rate 1e-3
    }
}

let private plan pretraining =
    match PretrainingPlan.check pretraining with
    | Ok plan -> plan
    | Error problems -> failtestf "refused: %A" problems

let private findings pretraining =
    match PretrainingPlan.check pretraining with
    | Ok _ -> []
    | Error problems -> problems |> List.map (fun problem -> problem.Code, problem.At)

[<Tests>]
let tests =
    testList "pretraining plan" [
        test "the right one passes; its stages come in the order of training" {
            let plan =
                plan {
                    right with
                        Parts = List.rev right.Parts
                }

            Expect.equal (plan.Stages |> List.map _.Network) Network.All "order"
            Expect.equal plan.Stages.Head.Average 0.99 "average"
            Expect.equal (plan.Stages |> List.map _.Seed) [ 0; 0; 2; 0; 0; 0 ] "seeds"
            Expect.equal plan.Device Cpu "device"
            Expect.stringContains plan.Text "denoiser, 8.99 million parameters" "text"
        }

        test "every problem at once" {
            let wrong = pretraining "a b" {
                scenes 0<img>
                warmup 3<step>
                PretrainingPart.Stage(Autoencoder, stage @ stage)
                PretrainingPart.Stage(TextTowers, [ StagePart.Train(rate -1.0); StagePart.Average 1.0 ])
                PretrainingPart.Stage(ScoringTowers, stage @ [ StagePart.Train(size 64<px>); vary 1.5 ])
                figures { captions 0 }
            }

            Expect.equal
                (findings wrong)
                [
                    "P3", "pretraining"
                    "P1", "icons"
                    "P3", "scenes"
                    "P4", "warmup"
                    "P2", "autoencoder.steps"
                    "P2", "autoencoder.batch"
                    "P2", "autoencoder.rate"
                    "P1", "textTowers.steps"
                    "P1", "textTowers.batch"
                    "P3", "textTowers.rate"
                    "P3", "textTowers.average"
                    "P4", "scoringTowers.size"
                    "P3", "scoringTowers.vary"
                    "P1", "denoiser"
                    "P1", "upscalerAutoencoder"
                    "P1", "upscaler"
                    "P3", "figures.captions"
                ]
                "problems"
        }

        test "every setting changes the plan, and no other word is taken" {
            let hash = (plan right).Hash

            for setting in PretrainingOverrides.settings do
                let value = (setting.Example.Split '=')[1]
                // Values that the recipe has not got already.
                let value =
                    if setting.Name.EndsWith "seed" then "9"
                    elif setting.Name.EndsWith "rate" then "2e-3"
                    else value

                match PretrainingOverrides.apply [ setting.Name, value ] right with
                | Error problems -> failtestf "%s: %A" setting.Name problems
                | Ok changed ->
                    let changed = plan changed

                    match setting.Name with
                    // Where things lie, and what stands there by default, change no hash.
                    | "icons"
                    | "folder"
                    | "captions"
                    | "backgrounds"
                    | "denoise"
                    | "guidance" -> Expect.equal changed.Hash hash setting.Name
                    | name when name.EndsWith "average" && not (name.StartsWith "autoencoder") ->
                        Expect.equal changed.Hash hash name
                    | name -> Expect.notEqual changed.Hash hash name

            Expect.isError (PretrainingOverrides.apply [ "steps", "3" ] right) "a recipe's word"
        }
    ]
