/// What the trainer keeps when it is stopped, and how it goes on.
module Recipes.Tests.DiffusionResumeTests

open System.Collections.Generic
open System.IO
open Expecto
open Recipes.Core.Data
open Recipes.Core.Training
open Recipes.Core.Weights
open Recipes.Tests.Support
open Recipes.Tests.DiffusionCases

let private resumesExactly name case = test $"{name}: stopping and resuming gives the same bits" {
    withFolder (fun folder ->
        let straight = train case folder

        for stop in [ 1L; 3L ] do
            let kept = {
                case with
                    Checkpoints = Path.Combine(folder, $"checkpoints{stop}")
            }

            let first = trainOn "sd1" (Some stop) kept folder
            Expect.equal (first.Status, first.Done) (TrainingStatus.Interrupted, stop) "interrupted after the step"
            let second = train kept folder
            Expect.equal (second.Status, second.Done) (TrainingStatus.Completed, case.Steps) "completed"
            Expect.equal (losses first @ losses second) (losses straight) $"losses of {stop} and the rest"
            Expect.equal second.Weights straight.Weights $"weights of {stop} and the rest")
}

[<Tests>]
let tests =
    testSequenced
    <| testList "trainer" [
        resumesExactly "adapters with dropout" usual

        resumesExactly "text encoder too" {
            usual with
                Parts =
                    fun _ -> TrainedParts(UNetLora = lora [ "attention" ] 0.2, TextLora = lora [ "text-attention" ] 0.2)
                Steps = 4L
        }

        resumesExactly "the whole UNet, averaged" {
            usual with
                Parts = weights TrainedParts.Everything
                Ema = EmaOptions(Decay = 0.9)
                Steps = 4L
                Rate = 1e-4
        }

        resumesExactly "a new token with keys and values, captions left out, mirrored" {
            inversion with
                Steps = 4L
                Parts = fun model -> TrainedParts(Tokens = [| toy 1 model |], UNetWeights = TrainedParts.KeysAndValues)
                CaptionDropout = 0.3
                Crop = CropRule.Random
        }

        test "a checkpoint of another plan is refused and kept" {
            withFolder (fun folder ->
                let kept = { usual with Checkpoints = folder }
                trainOn "sd1" (Some 1L) kept folder |> ignore
                let path = Path.Combine(folder, TrainingCheckpoint.FileName)
                let bytes = File.ReadAllBytes path

                failsWith "it is of plan 5eed5eed5eed, this is plan beefbeefbeef" (fun () ->
                    train { kept with Plan = "beefbeefbeefbeef" } folder |> ignore)

                Expect.equal (File.ReadAllBytes path) bytes "unchanged"
                File.WriteAllBytes(path, Array.truncate 1000 bytes)
                failsWith TrainingCheckpoint.FileName (fun () -> train kept folder |> ignore))
        }

        test "a checkpoint of other random numbers is refused and kept" {
            withFolder (fun folder ->
                let kept = { usual with Checkpoints = folder }
                trainOn "sd1" (Some 1L) kept folder |> ignore
                let path = Path.Combine(folder, TrainingCheckpoint.FileName)

                let header, tensors =
                    use file = SafeTensorsFile.Open path
                    Dictionary file.Metadata, [ for name in file.Tensors.Keys -> KeyValuePair(name, file.Read name) ]

                Expect.isTrue (header.Remove "recipes.draws") "it says which it drew"
                SafeTensorsWriter.Write(path, tensors, header)
                let bytes = File.ReadAllBytes path

                failsWith "draws other random numbers" (fun () -> train kept folder |> ignore)
                Expect.equal (File.ReadAllBytes path) bytes "unchanged")
        }

        test "a loss that is not a number names the step and keeps the last checkpoint" {
            withFolder (fun folder ->
                let kept = { usual with Checkpoints = folder }
                trainOn "sd1" (Some 2L) kept folder |> ignore
                let path = Path.Combine(folder, TrainingCheckpoint.FileName)
                let bytes = File.ReadAllBytes path

                failsWith "The checkpoint of step 2 is kept" (fun () ->
                    train { kept with Rate = 1e30 } folder |> ignore)

                Expect.equal (File.ReadAllBytes path) bytes "kept")
        }
    ]
