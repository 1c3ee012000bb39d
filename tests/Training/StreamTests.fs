module Recipes.Tests.StreamTests

open System.Security.Cryptography
open System.Text
open Expecto
open Expecto.Flip
open FsCheck
open TorchSharp
open Recipes.Core.Training

let private draw (streams: RandomStreams) stream step =
    use random = streams.Generator(stream, step)
    use values = torch.randn (8L, generator = random)
    values.data<float32>().ToArray()

[<Tests>]
let tests =
    testList "streams" [
        test "seed, stream and step decide the numbers" {
            let a = RandomStreams "17"

            draw (RandomStreams "17") "noise" 3L
            |> Expect.equal "again the same" (draw a "noise" 3L)

            let drawn = [
                draw a "noise" 3L
                draw a "noise" 4L
                draw a "timesteps" 3L
                draw (RandomStreams "18") "noise" 3L
            ]

            drawn |> List.distinct |> List.length |> Expect.equal "all different" 4
        }

        test "the seed of a stream is the start of a SHA-256" {
            let hash = SHA256.HashData(Encoding.UTF8.GetBytes "robot\000noise\00012")

            RandomStreams("robot").Seed("noise", 12L)
            |> Expect.equal "little-endian" (System.BitConverter.ToUInt64(hash, 0))
        }

        testProperty "an order visits every item once an epoch"
        <| fun (PositiveInt count) (NonNegativeInt epoch) (seed: int) ->
            let count = count % 50 + 1
            let order = DataOrder(RandomStreams $"{seed}", "order", count)
            let items = order.Take(int64 epoch * int64 count, count)
            Array.sort items = [| 0L .. int64 count - 1L |]

        testProperty "an order is the same in whatever pieces it is taken"
        <| fun (PositiveInt count) (PositiveInt batch) (NonNegativeInt number) ->
            let count, batch, start = count % 20 + 1, batch % 9 + 1, int64 (number % 100)

            let fresh () =
                DataOrder(RandomStreams "1", "order", count)

            let whole = fresh().Take(0L, int start + batch)
            fresh().Take(start, batch) = whole[int start ..]

        testProperty "visited counts the different items drawn"
        <| fun (PositiveInt count) (NonNegativeInt draws) ->
            let count, draws = count % 30 + 1, draws % 90
            let order = DataOrder(RandomStreams "1", "order", count)
            order.Visited(int64 draws) = (order.Take(0L, draws) |> Array.distinct |> Array.length)

        test "epochs differ in order" {
            let order = DataOrder(RandomStreams "1", "order", 40)
            Expect.notEqual "another permutation" (order.Take(0L, 40)) (order.Take(40L, 40))
        }

        test "permutations are even" {
            // 3! orders of 3 items over 6000 epochs: 1000 each, standard deviation 29.
            let streams = RandomStreams "even"

            let counts =
                [
                    for epoch in 0L .. 5999L -> streams.Permutation("order", epoch, 3) |> List.ofArray
                ]
                |> List.countBy id

            Expect.equal "all orders" 6 counts.Length

            for order, count in counts do
                Expect.isTrue $"{order} came {count} times of about 1000" (abs (count - 1000) < 150)
        }
    ]
