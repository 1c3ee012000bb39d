module Recipes.Tests.HubModelTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.Hub.HubSupport
open Recipes.Tests.LanguageBench

let private from (model: Model<'family>) (recipe: Recipe) = {
    recipe with
        Model = model.Name
        Family = typeof<'family>.Name
        Weights = model.Weights
}

let private texts outcome =
    match outcome with
    | Ok(plan: Plan) -> failtestf "passes: %s" plan.Text
    | Error problems -> problems |> List.map (fun (problem: Problem) -> problem.Text)

let private tiny = Models.hf<SD1> "org/tiny"

[<Tests>]
let tests =
    testList "hub model" [
        testCase "M1: what is to be downloaded, and then the rest is checked" (fun () ->
            withPictures (fun folder ->
                withServer (filesOf "sd1") (fun server settings ->
                    let recipe = right folder |> from tiny
                    let check = Plan.checkWith (fun () -> settings) None

                    match texts (check recipe) with
                    | [ only ] ->
                        Expect.stringStarts
                            only
                            "M1 recipe: org/tiny: it is not in the cache; 12 files, 1.0 MB, are"
                            only

                        Expect.stringEnds
                            only
                            "Type `recipes run` with this script, or `recipes models get org/tiny`."
                            only
                    | other -> failtestf "%A" other

                    Expect.isFalse (Directory.Exists settings.OwnCache) "checking downloads nothing"

                    match recipe.Weights with
                    | Weights.Hub repository -> Locating.fetch settings ignore repository |> ignore
                    | other -> failtestf "%A" other

                    let asked = server.Seen.Length

                    match check recipe with
                    | Error problems -> failtestf "%A" problems
                    | Ok found ->
                        Expect.equal server.Seen.Length asked "nothing is asked any more"
                        Expect.equal found.Model.Sha256 (plan (right folder)).Model.Sha256 "the same weights"
                        Expect.stringContains found.Text $"from org/tiny at {commit[..6]} (main)" "text"

                        Expect.stringContains
                            found.Json
                            $"\"origin\":{{\"commit\":\"{commit}\",\"repository\":\"org/tiny\"}}"
                            "JSON"

                        Expect.notEqual found.Hash (plan (right folder)).Hash "the origin counts")))

        testCase "C17: another family is known before the download" (fun () ->
            withPictures (fun folder ->
                withServer (filesOf "sdxl") (fun _ settings ->
                    match texts (Plan.checkWith (fun () -> settings) None (right folder |> from tiny)) with
                    | [ family; download ] ->
                        Expect.equal
                            family
                            "C17 recipe: written for SD1, but tiny is an SDXL model. Write `Models.hf<SDXL> ...`, or choose an SD1 model."
                            "family"

                        Expect.stringStarts download "M1 recipe: " "download"
                    | other -> failtestf "%A" other)))

        testCase "M2: what cannot be had" (fun () ->
            withPictures (fun folder ->
                withServer (filesOf "sd1") (fun server settings ->
                    let check settings model =
                        texts (Plan.checkWith (fun () -> settings) None (right folder |> from model))

                    Expect.equal
                        (check (settings.With(offline = true)) tiny)
                        [
                            "M2 recipe: org/tiny: it is not in the cache, and HF_HUB_OFFLINE forbids to download it. Unset HF_HUB_OFFLINE, or copy the model's folder into the cache from another machine."
                        ]
                        "offline"

                    Expect.equal
                        (check settings (Models.hf<SD1>("org/tiny", variant = "fp16")))
                        [
                            "M2 recipe: org/tiny (fp16): it has no weights of variant fp16. It comes in full precision only: leave the variant out."
                        ]
                        "variant"

                    Expect.equal
                        (check settings (Models.hf<SD1> "not a name"))
                        [
                            "M2 recipe: hub model: \"not a name\" names no repository. Write it as the hub shows it, such as org/name."
                        ]
                        "name"

                    server.Stop()
                    let gone = check settings tiny |> List.exactlyOne
                    Expect.stringStarts gone "M2 recipe: org/tiny: 127.0.0.1 cannot be reached (" "no hub")))

        testCase "models are named by the last part of their place" (fun () ->
            Expect.equal tiny.Name "tiny" "hub"

            Expect.equal
                (Models.hf<SDXL>("org/a", revision = "v2", file = "b.safetensors")).Name
                "b.safetensors"
                "file"

            Expect.equal
                (Models.file<SD2> "models/c.safetensors").Weights
                (Weights.File "models/c.safetensors")
                "one file"

            Expect.equal
                (Models.hf<SDXL>("org/a", variant = "fp16")).Weights
                (Weights.Hub {
                    Id = "org/a"
                    Revision = "main"
                    Variant = Some "fp16"
                    File = None
                })
                "variant")
    ]
