/// What `recipes bench` prints. Figures are those of the machine: only that they are there and make sense is looked at.
module Recipes.Tests.BenchTests

open System
open System.IO
open System.Text.Json
open Expecto
open Recipes.Cli
open Recipes.Core.Bench
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Tests.Support

/// The verb's exit code, output and messages.
let private bench (args: string list) =
    let out, error = Console.Out, Console.Error
    use output = new StringWriter()
    use messages = new StringWriter()
    Console.SetOut output
    Console.SetError messages

    try
        let code = Program.main (List.toArray ("bench" :: args))
        code, string output, string messages
    finally
        Console.SetOut out
        Console.SetError error

let private figures (args: string list) =
    let code, output, messages = bench args
    Expect.equal code 0 messages
    JsonDocument.Parse output

let private number (json: JsonElement) (name: string) = json.GetProperty(name).GetDouble()

[<Tests>]
let tests =
    testSequenced
    <| testList "bench" [
        test "loading: bytes, seconds, and memory by all the weights that are held" {
            withFolder (fun folder ->
                let model = Path.Combine(folder, "model")

                use json =
                    figures [ "load"; "--write"; model; "--shape"; "tiny"; "--dtype"; "float32"; "--json" ]

                let number = number json.RootElement

                let bytes =
                    Directory.GetFiles(model, "*.safetensors", SearchOption.AllDirectories)
                    |> Array.sumBy (fun file -> FileInfo(file).Length)

                Expect.equal (number "bytes") (float bytes) "bytes"

                for name in
                    [
                        "load_seconds"
                        "read_seconds"
                        "keep_seconds"
                        "warm_load_seconds"
                        "warm_read_seconds"
                        "warm_keep_seconds"
                    ] do
                    Expect.isGreaterThan (number name) 0.0 name

                Expect.isGreaterThan (number "memory_peak") 0.0 "memory_peak"
                Expect.isGreaterThan (number "memory_ratio") 0.0 "memory_ratio"

                // It can be written once only, and loads as a model.
                let code, _, messages = bench [ "load"; "--write"; model; "--shape"; "tiny" ]
                Expect.equal code 1 messages
                Expect.stringContains messages "the folder is not empty" ""
                use loaded = StableDiffusionModel.Load model
                Expect.equal loaded.UNet.Config.BlockOutChannels.Count 2 "the tiny shape")
        }

        test "the weights held are those of both text encoders" {
            let held = LoadBench.Run(Path.Combine(golden, "sdxl"), null, Nullable()).HeldBytes
            use model = StableDiffusionModel.Load(Path.Combine(golden, "sdxl"))

            let count (network: TorchSharp.torch.nn.Module) =
                network.parameters () |> Seq.sumBy (fun parameter -> 4L * parameter.numel ())

            let towers = model.TextEncoders |> Seq.sumBy count
            Expect.equal model.TextEncoders.Count 2 "two"
            Expect.equal held (count model.UNet + count model.Vae + towers) "all"
        }

        test "every job is a row" {
            use json =
                figures [ "all"; "--shapes"; "tiny"; "--runs"; "2"; "--steps"; "2"; "--json" ]

            let rows = json.RootElement.GetProperty("rows").EnumerateArray() |> Seq.toList

            Expect.equal (rows |> List.map _.GetProperty("job").GetString()) (List.ofSeq StepBench.Names) "the jobs"

            for row in rows do
                Expect.isGreaterThan (number row "milliseconds") 0.0 "milliseconds"
                Expect.isGreaterThan (number row "setup_seconds") 0.0 "setup_seconds"
                Expect.equal (number row "batch") 1.0 "batch"
                Expect.isGreaterThan (number row "flop") 1e6 "flop"

                let rate = number row "flop" / (number row "milliseconds" / 1000.0)
                Expect.floatClose Accuracy.high (number row "flop_per_second") rate "flop_per_second"

                Expect.floatClose
                    Accuracy.high
                    (number row "share_of_matmul")
                    (rate / number row "matmul_flop_per_second")
                    "share_of_matmul"

                Expect.isGreaterThan (number row "peak_reserved") 1e8 "the process, where there is no device"
                Expect.isGreaterThan (number row "estimated_peak") 1e8 "estimated_peak"

            let code, output, messages =
                bench [ "txt2img"; "--shapes"; "tiny"; "--runs"; "1"; "--steps"; "2" ]

            Expect.equal code 0 messages
            Expect.stringContains output "txt2img, batch 1, CPU: " "in words"
            Expect.stringContains output " TFLOP/s, " "its rate"
        }

        test "wrong use is told" {
            for args, said in
                [
                    [ "start"; "--runs"; "0" ], "--runs 0"
                    [ "load"; "--dtype"; "int8" ], "--dtype int8"
                    [ "load"; "--shape"; "tiny" ], "does not say what to load"
                    [ "lora"; "--shapes"; "sd9" ], "sd15, sd21, sdxl"
                    [ "lora"; "--shapes"; "tiny"; "--batch"; "0" ], "Batch"
                ] do
                let code, _, messages = bench args
                Expect.equal code 2 messages
                Expect.stringContains messages said ""
        }
    ]
