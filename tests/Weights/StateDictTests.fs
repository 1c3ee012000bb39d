module Recipes.Tests.StateDictTests

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Networks.Layers
open Recipes.Core.Weights

/// Writes tensors to a file, opens it and hands it to the test.
let private withFile (tensors: (string * torch.Tensor) list) (test: SafeTensorsFile -> unit) =
    Support.withFolder (fun folder ->
        let path = Path.Combine(folder, "x.safetensors")
        SafeTensorsWriter.Write(path, tensors |> Seq.map KeyValuePair)
        use opened = SafeTensorsFile.Open path
        test opened)

let private weight () = torch.arange(6.0f).reshape(3L, 2L)
let private bias () = torch.ones 3L

let private refuses texts (tensors: (string * torch.Tensor) list) =
    withFile tensors (fun opened ->
        use layer = new Linear(2L, 3L)
        Faults.expect ("here" :: texts) (fun () -> StateDict.Load(layer, [| opened |], null, "here")))

[<Tests>]
let tests =
    testList "state dict" [
        testCase "fills parameters, converted, from several files and renamed" (fun () ->
            withFile [ "w", (weight ()).``to`` torch.float16; "skipped", bias () ] (fun first ->
                withFile [ "b", bias () ] (fun second ->
                    use layer = new Linear(2L, 3L)
                    let parameter = layer.Weight

                    let rename (name: string) : string | null =
                        match name with
                        | "w" -> "weight"
                        | "b" -> "bias"
                        | _ -> null

                    StateDict.Load(layer, [| first; second |], rename, "here")
                    Expect.isTrue (parameter.requires_grad && parameter.is_leaf) "still the same parameter"
                    Expect.equal parameter.dtype torch.ScalarType.Float32 "still its type"
                    use input = torch.ones (1L, 2L)
                    use output = layer.forward input
                    Expect.equal (output.data<float32>().ToArray()) [| 2.0f; 6.0f; 10.0f |] "xWᵀ + b")))

        testCase "fills buffers" (fun () ->
            use norm = torch.nn.BatchNorm2d 2L

            let tensors = [
                "weight", torch.ones 2L
                "bias", torch.zeros 2L
                "running_mean", torch.tensor [| 3.0f; 4.0f |]
                "running_var", torch.ones 2L
                "num_batches_tracked", torch.tensor 5L
            ]

            withFile tensors (fun opened -> StateDict.Load(norm, [| opened |], null, "here"))

            let buffers =
                dict [ for struct (name, buffer) in norm.named_buffers () -> name, buffer ]

            Expect.equal (buffers["running_mean"].data<float32>().ToArray()) [| 3.0f; 4.0f |] "the running mean")

        testCase "large tensors are filled in pieces, of every type into every type" (fun () ->
            // 2.25 million values: several pieces each, the last one short.
            use generator = new torch.Generator(7UL, torch.CPU)
            let large = torch.randn ([| 1500L; 1500L |], generator = generator)

            for stored in [ torch.float32; torch.float16; torch.bfloat16; torch.float64 ] do
                withFile [ "weight", large.``to`` stored; "bias", torch.ones(1500L).``to`` stored ] (fun opened ->
                    for wanted in [ torch.float32; torch.float16; torch.bfloat16 ] do
                        use layer = new Linear(1500L, 1500L, dtype = wanted)
                        StateDict.Load(layer, [| opened |], null, "here")

                        Expect.isTrue
                            (layer.Weight.equal((large.``to`` stored).``to`` wanted).all().item<bool>())
                            $"{stored} as {wanted}"))

        testCase "one bad value in the last piece of a large tensor is found, as it is and converted" (fun () ->
            let large = torch.ones (1500L, 1500L)
            large[1499L, 1499L] <- torch.tensor nanf

            for stored in [ torch.float32; torch.float16 ] do
                withFile [ "weight", large.``to`` stored; "bias", torch.ones(1500L).``to`` stored ] (fun opened ->
                    use layer = new Linear(1500L, 1500L)

                    Faults.expect
                        [ "here"; "1 with infinite values or values that are not numbers (weight)" ]
                        (fun () -> StateDict.Load(layer, [| opened |], null, "here"))))

        testCase "names what is missing" (fun () -> refuses [ "1 missing (bias)" ] [ "weight", weight () ])

        testCase "names what is not used" (fun () ->
            refuses [ "1 not known to the network (extra)" ] [ "weight", weight (); "bias", bias (); "extra", bias () ])

        testCase "names both at once, the first ten of each" (fun () ->
            let unknown = [ for i in 10..24 -> $"unknown.{i}", bias () ]

            refuses
                [
                    "2 missing (weight, bias)"
                    "15 not known"
                    "unknown.10"
                    "unknown.19 and 5 more)"
                ]
                unknown

            withFile unknown (fun opened ->
                use layer = new Linear(2L, 3L)

                try
                    StateDict.Load(layer, [| opened |], null, "here")
                    failtest "it was accepted"
                with :? Recipes.Core.RecipesException as e ->
                    Expect.isFalse (e.Message.Contains "unknown.20") "the eleventh is left out"))

        testCase "names shapes that differ" (fun () ->
            refuses [ "1 of another shape (weight [2, 3] instead of [3, 2])" ] [
                "weight", (weight ()).t()
                "bias", bias ()
            ])

        testCase "names what two files give" (fun () ->
            withFile [ "weight", weight (); "bias", bias () ] (fun first ->
                withFile [ "bias", bias () ] (fun second ->
                    use layer = new Linear(2L, 3L)

                    Faults.expect [ "1 given twice (bias)" ] (fun () ->
                        StateDict.Load(layer, [| first; second |], null, "here")))))

        testCase "refuses values that are not finite, also after conversion" (fun () ->
            for value in [ nan; infinity; -infinity ] do
                let bad = bias ()
                bad[1L] <- torch.tensor (float32 value)
                refuses [ "1 with infinite values"; "(bias)" ] [ "weight", weight (); "bias", bad ]

            withFile [ "weight", (weight ()).mul(torch.tensor 1e30f); "bias", bias () ] (fun opened ->
                use fits = new Linear(2L, 3L)
                StateDict.Load(fits, [| opened |], null, "here")
                use overflows = new Linear(2L, 3L, dtype = torch.float16)

                Faults.expect [ "(weight)" ] (fun () -> StateDict.Load(overflows, [| opened |], null, "here"))))

        testCase "accepts large finite values whose sum overflows" (fun () ->
            withFile [ "weight", (torch.ones (3L, 2L)).mul(torch.tensor 3e38f); "bias", bias () ] (fun opened ->
                use layer = new Linear(2L, 3L)
                StateDict.Load(layer, [| opened |], null, "here")))
    ]
