module Recipes.Tests.AdapterSupport

open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Networks
open Recipes.Core.Networks.Layers
open Recipes.Core.Weights

type Tensor = torch.Tensor
type Module = torch.nn.Module

/// An attention and a convolution under the names that a UNet has.
type Tiny(conv: Conv2d, toQ: Linear, toOut: Linear) as this =
    inherit torch.nn.Module<Tensor, Tensor>("Tiny")

    do
        this.register_module ("conv1", conv)

        let attention =
            torch.nn.ModuleDict<Module>(
                struct ("to_q", toQ :> Module),
                struct ("to_out", torch.nn.ModuleList<Module>(toOut) :> Module)
            )

        this.register_module ("attn1", attention)

    override _.forward x =
        let y = conv.forward x
        toOut.forward (toQ.forward y)

let generator seed = new torch.Generator(seed, torch.CPU)

let tiny seed =
    let conv = new Conv2d(3L, 6L, 3L, stride = 2L, padding = 1L)

    let network =
        new Tiny(conv, new Linear(4L, 5L), new Linear(5L, 4L, hasBias = false))

    Initialisation.Fill(network, generator seed)
    network

let input () =
    torch.randn ([| 2L; 3L; 8L; 8L |], generator = generator 9UL)

let options = LoraOptions(Rank = 2, Alpha = 3.0, Targets = [ "attention"; "conv1" ])

let attach network =
    LoraSet.Attach(network, "unet", options, generator 3UL)

/// Gives both halves of each adapter values.
let stir (set: LoraSet) =
    let random = generator 4UL
    use _ = torch.no_grad ()

    for item in set.Parameters do
        item.Parameter.normal_ (0.0, 0.5, random) |> ignore

let worst = Support.worst
let failsWith = Support.failsWith
