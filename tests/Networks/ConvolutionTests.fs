module Recipes.Tests.ConvolutionTests

open Expecto
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open TorchSharp

/// The output and the gradients of input and weight, computed with so many threads.
let private results (inputs: int64, outputs: int64) threads =
    let before = torch.get_num_threads ()
    torch.set_num_threads threads

    try
        use scope = torch.NewDisposeScope()
        use generator = new torch.Generator(7UL)
        use layer = new Conv2d(inputs, outputs, 3L, padding = 1L)
        Initialisation.Fill(layer, generator)
        let input = torch.randn ([| 2L; inputs; 9L; 9L |], generator = generator)
        input.requires_grad <- true
        let output = layer.forward input
        let pull = torch.randn (output.shape, generator = generator)
        output.mul(pull).sum().backward()

        [ output.detach (); nonNull input.grad; nonNull layer.Weight.grad ]
        |> List.map (fun tensor -> tensor.clone().DetachFromDisposeScope())
    finally
        torch.set_num_threads before

[<Tests>]
let tests =
    testSequenced
    <| testList "convolution" [
        for channels in [ 32L, 4L; 16L, 24L; 24L, 32L; 24L, 40L; 4L, 32L; 8L, 8L ] do
            test $"%A{channels}: several threads compute what one does" {
                let one = results channels 1

                for _ in 1..5 do
                    for name, expected, found in List.zip3 [ "output"; "input"; "weight" ] one (results channels 2) do
                        let error = expected.sub(found).abs().max().ToSingle() / expected.abs().max().ToSingle()
                        Expect.isLessThan error 1e-5f name
            }
    ]
