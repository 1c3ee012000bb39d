module Recipes.Tests.ConvolutionTests

open Expecto
open TorchSharp
open Recipes.Core.Networks.Layers

/// Gradients of input and weight, and the output, of a layer on drawn values of a type.
let private gradients (inputs: int64) outputs kernel stride (dtype: torch.ScalarType) =
    use random = new torch.Generator(11UL, torch.CPU)
    let layer = new Conv2d(inputs, outputs, kernel, stride, kernel / 2L, dtype = dtype)
    use _ = torch.no_grad ()

    for parameter in layer.parameters () do
        let drawn = torch.randn (parameter.shape, generator = random)
        parameter.copy_ drawn |> ignore

    let input =
        torch.randn([| 2L; inputs; 8L; 8L |], generator = random).``to``(dtype).requires_grad_()

    use _ = torch.enable_grad ()
    let output = layer.forward input
    let weight = torch.randn(output.shape, generator = random).``to`` dtype
    (output * weight).sum().backward()
    [ output.detach (); nonNull input.grad; nonNull layer.Weight.grad ]

[<Tests>]
let tests =
    testList "convolution" [
        for inputs, outputs, kernel, stride in
            [
                8L, 8L, 3L, 1L
                32L, 4L, 3L, 1L
                4L, 32L, 3L, 1L
                24L, 24L, 3L, 1L
                40L, 32L, 3L, 1L
                48L, 48L, 3L, 2L
                24L, 40L, 3L, 2L
                24L, 8L, 1L, 1L
            ] do
            test $"{inputs} to {outputs} channels, kernel {kernel}, stride {stride}: gradients as in float64" {
                use _ = torch.NewDisposeScope()
                let expected = gradients inputs outputs kernel stride torch.float64

                // Several times, over memory that holds other numbers: unwritten memory need not be wrong at once.
                for _ in 1..5 do
                    for size in [ 2304L; 4608L; 9216L; 18432L; 36864L ] do
                        torch.full([| size |], Scalar.op_Implicit 1000.0f).Dispose()

                    for want, got in List.zip expected (gradients inputs outputs kernel stride torch.float32) do
                        let apart = (got.``to`` torch.float64 - want).abs().max().item<double>()
                        Expect.isLessThan apart 1e-3 $"a tensor of shape {got.shape}"
            }
    ]
