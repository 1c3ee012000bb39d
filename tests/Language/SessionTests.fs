module Recipes.Tests.SessionTests

open System.Text.Json
open Expecto
open Recipes
open Recipes.Tests.LanguageBench

let private broken folder =
    right folder |> also [ RecipePart.Train [ steps 0<step> ] ]

let private doubtful folder =
    right folder |> also [ RecipePart.Train [ checkpoint 500<step> ] ]

[<Tests>]
let tests =
    testSequenced
    <| testList "session" [
        test "show prints the plan and how to run it" {
            withPictures (fun folder ->
                let recipe = right folder

                let printed, submitted, code =
                    captured Mode.Show false (fun () -> Session.submit recipe)

                Expect.equal (submitted, code) (1, 0) "counts"
                Expect.stringStarts printed (plan recipe).Text "plan"
                Expect.stringContains printed "run it with: recipes run " "how to run it")
        }

        test "check prints problems and warnings only" {
            withPictures (fun folder ->
                let submit recipe =
                    captured Mode.Check false (fun () -> Session.submit recipe)

                Expect.equal (submit (right folder)) ("", 1, 0) "right"

                let printed, _, code = submit (doubtful folder)
                Expect.equal code 0 "a warning refuses nothing"
                Expect.stringStarts printed "toy: 1 warning (SessionTests.fs:" "head"
                Expect.stringContains printed "\n  warning D26 train.checkpoint: every 500 steps" "warning"

                let printed, _, code = submit (broken folder)
                Expect.equal code 2 "problems"
                Expect.stringStarts printed "toy: 2 problems (SessionTests.fs:" "head")
        }

        test "run hands the plan to the runner, and keeps the worst exit code" {
            withPictures (fun folder ->
                let seen = ResizeArray<string>()

                let printed, submitted, code =
                    captured Mode.Run false (fun () ->
                        Session.Runner <-
                            fun plan ->
                                seen.Add plan.Name
                                if seen.Count = 1 then 1 else 0

                        Session.submit (right folder)
                        Session.submit (right folder)
                        Session.submit { right folder with Name = "a b" })

                Expect.equal (List.ofSeq seen) [ "toy"; "toy" ] "only what passed"
                Expect.equal (submitted, code) (3, 2) "counts"
                Expect.stringContains printed "L3 recipe" "the last is refused")
        }

        test "overrides are applied before the check" {
            withPictures (fun folder ->
                let submit changes =
                    captured Mode.Show true (fun () ->
                        Session.Overrides <- changes
                        Session.submit (right folder))

                let printed, _, code = submit [ "steps", "300" ]
                use document = JsonDocument.Parse printed
                Expect.equal code 0 printed
                Expect.equal (document.RootElement.GetProperty("train").GetProperty("steps").GetInt32()) 300 "steps"

                let printed, _, code = submit [ "stps", "300" ]
                Expect.equal code 2 printed
                Expect.stringContains printed "`stps` is no setting" "refused")
        }

        test "problems as JSON" {
            withPictures (fun folder ->
                let printed, _, _ =
                    captured Mode.Check true (fun () -> Session.submit (broken folder))

                use document = JsonDocument.Parse printed
                Expect.equal (document.RootElement.GetProperty("name").GetString()) "toy" "name"

                let problems = [
                    for problem in document.RootElement.GetProperty("problems").EnumerateArray() ->
                        problem.GetProperty("code").GetString(), problem.GetProperty("severity").GetString()
                ]

                Expect.equal problems [ "L1", "error"; "L3", "error" ] "problems"

                let printed, _, code =
                    captured Mode.Check true (fun () -> Session.submit (right folder))

                Expect.equal (printed.Trim(), code) ("{\"name\":\"toy\",\"problems\":[]}", 0) "none")
        }
    ]
