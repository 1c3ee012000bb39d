module Recipes.Tests.SpeedTests

open System.IO
open System.Threading
open Expecto
open Recipes
open Recipes.Tests.Support

[<Tests>]
let tests =
    testList "speeds" [
        test "what a run has taken tells what others will take" {
            withFolder (fun folder ->
                let cache = Path.Combine(folder, "speeds")
                let short = CookTests.planOf folder 10<step>
                let long = CookTests.planOf folder 1000<step>

                Expect.stringStarts
                    (Speeds.told cache short)
                    "not known yet: no run has finished on cpu"
                    "nothing is known"

                Speeds.keep cache short 2.0

                Expect.equal
                    (Speeds.told cache short)
                    "about 2 s, as the last run with this model took here"
                    "the same again"

                let expected = 2.0 * Speeds.work long / Speeds.work short
                Expect.isGreaterThan expected 90.0 "a hundred times the steps"

                Expect.equal
                    (Speeds.told cache long)
                    $"about {System.Math.Round(expected / 60.0)} minutes, as the last run with this model took here"
                    "more steps take longer"

                File.WriteAllText(Path.Combine(cache, "speeds.json"), "no JSON")
                Expect.stringStarts (Speeds.told cache short) "not known yet" "a broken file is as good as none"
                Speeds.keep cache short 7200.0

                Expect.equal
                    (Speeds.told cache short)
                    "about 2 hours, as the last run with this model took here"
                    "and is made anew")
        }

        test "a finished run keeps its time, a continued one does not" {
            withFolder (fun folder ->
                let plan = CookTests.planOf folder 4<step>
                let options = CookTests.options folder "out"
                use stop = new CancellationTokenSource()

                let tell progress =
                    match progress with
                    | Runs.RunProgress.Reached(Runs.Phase.Training, _, _, _) -> stop.Cancel()
                    | _ -> ()

                match Runs.Cook.run plan options tell stop.Token with
                | Runs.Outcome.Stopped _ -> ()
                | outcome -> failtest $"{outcome}"

                CookTests.finish plan options ignore CancellationToken.None |> ignore
                Expect.stringStarts (Speeds.told options.Cache plan) "not known yet" "it was continued"

                CookTests.finish plan { options with Fresh = true } ignore CancellationToken.None
                |> ignore

                Expect.stringEnds
                    (Speeds.told options.Cache plan)
                    "as the last run with this model took here"
                    "in one go")
        }
    ]
