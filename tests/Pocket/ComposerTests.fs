module Recipes.Tests.PocketComposerTests

open System
open Expecto
open Recipes.Core.Pocket
open TorchSharp

let private side = 128
let private plane = side * side

/// A pack of pictures whose premultiplied RGBA each is a function of column and row.
let private pack (pictures: (int -> int -> byte list) list) =
    let pixels = Array.zeroCreate<byte>(pictures.Length * 4 * plane)

    for index, picture in List.indexed pictures do
        for row in 0 .. side - 1 do
            for column in 0 .. side - 1 do
                for channel, value in List.indexed (picture column row) do
                    pixels[(index * 4 + channel) * plane + row * side + column] <- value

    IconPack([| for index in 0 .. pictures.Length - 1 -> Icon(Things.All[index], 0) |], pixels)

let private red _ _ = [ 255uy; 0uy; 0uy; 255uy ]
let private halfGreen _ _ = [ 0uy; 128uy; 0uy; 128uy ]

/// Opaque white in the right quarter only.
let private markRight column _ =
    List.replicate 4 (if column >= 96 then 255uy else 0uy)

/// One scene: icons, places (x, y, side, turn) and background; its channels as functions of column and row.
let private compose pictures (icons: int64 list) (places: float32 list list) (background: float32 list) =
    use composer = new SceneComposer(pack pictures)
    use numbers = torch.tensor(Array.ofList icons).unsqueeze 0L
    use places = torch.tensor(places |> List.concat |> Array.ofList).reshape(1L, 2L, 4L)
    use background = torch.tensor(Array.ofList background).unsqueeze 0L
    use image = composer.Compose(numbers, places, background)
    Expect.equal image.shape [| 1L; 3L; int64 side; int64 side |] "shape"
    let values = image.data<float32>().ToArray()
    fun channel column row -> values[channel * plane + row * side + column]

let private nowhere = [ 0f; 0f; 1f; 0f ]
let private black = [ 0f; 0f; 0f; 0f; 0f ]

let private near (expected: float) (value: float32) what =
    Expect.floatClose { absolute = 0.01; relative = 0.0 } (float value) expected what

[<Tests>]
let tests =
    testList "pocket composer" [
        test "an icon lies where its place says and nowhere else" {
            let pixel =
                compose [ red ] [ 0L; -1L ] [ [ 0.5f; -0.25f; 0.5f; 0f ]; nowhere ] black

            for column in 0 .. side - 1 do
                for row in 0 .. side - 1 do
                    // Centre (96, 48), 64 pixels wide; the rim is soft.
                    let across, down = abs (float column + 0.5 - 96.0), abs (float row + 0.5 - 48.0)
                    let far = max across down

                    if far < 31.0 then
                        near 1.0 (pixel 0 column row) $"inside at {column}, {row}"
                    elif far > 33.0 then
                        near -1.0 (pixel 0 column row) $"outside at {column}, {row}"

                    near -1.0 (pixel 1 column row) "no green"
        }

        test "turns go clockwise" {
            let quarter = float32 (Math.PI / 2.0)

            let pixel =
                compose [ markRight ] [ 0L; -1L ] [ [ 0f; 0f; 1f; quarter ]; nowhere ] black

            near 1.0 (pixel 0 64 120) "the mark is below"
            near -1.0 (pixel 0 120 64) "not at the right"
            near -1.0 (pixel 0 64 8) "not above"
        }

        test "half-transparent icons let the background through" {
            let pixel =
                compose [ halfGreen ] [ 0L; -1L ] [ [ 0f; 0f; 0.5f; 0f ]; nowhere ] [ 1f; 0f; 0f; 0f; 0f ]

            near 0.0 (pixel 0 64 64) "half red"
            near 0.0 (pixel 1 64 64) "half green"
            near 1.0 (pixel 0 4 4) "all red outside"
        }

        test "the second icon lies over the first, where there is one" {
            let places = [ [ -0.5f; 0f; 0.5f; 0f ]; [ 0.5f; 0f; 0.5f; 0f ] ]
            let both = compose [ red; markRight ] [ 0L; 1L ] places black
            near 1.0 (both 0 32 64) "left"
            near 1.0 (both 1 124 64) "right"
            let alone = compose [ red; markRight ] [ 0L; -1L ] places black
            near -1.0 (alone 1 124 64) "nothing at the right"
        }

        test "backgrounds rise along x and y from the colour at the centre" {
            let pixel =
                compose [ red ] [ -1L; -1L ] [ nowhere; nowhere ] [ 0.5f; 0.2f; 0.8f; 0.1f; 0.3f ]

            near (2.0 * (0.5 + 0.1) - 1.0) (pixel 0 127 64) "right"
            near (2.0 * (0.5 - 0.1) - 1.0) (pixel 0 0 64) "left"
            near (2.0 * (0.2 + 0.3) - 1.0) (pixel 1 64 127) "bottom"
            near (2.0 * 1.0 - 1.0) (pixel 2 127 127) "held at white"
        }

        test "a set's scenes come out the same each time, each as it would alone" {
            let pack = pack [ red; halfGreen; markRight ]
            let background = Backgrounds.All[6]

            let scenes = [
                SceneDescription(0, Things.All[0], null, background, SceneSize.Big)
                SceneDescription(0, Things.All[1], Things.All[2], background)
                SceneDescription(0, Things.All[2], null, background, SceneSize.Small, ScenePosition.Left)
            ]

            use composer = new SceneComposer(pack)
            use set = SceneSet.Of(pack, scenes, 11)
            use again = SceneSet.Of(pack, scenes, 11)
            use together = composer.Compose(set, torch.arange 3L)
            use repeated = composer.Compose(again, torch.arange 3L)
            Expect.isTrue (together.equal(repeated).all().item<bool>()) "repeated"

            for index in 0L .. 2L do
                use alone = composer.Compose(set, torch.tensor [| index |])
                Expect.isTrue (alone[0].allclose(together[index], 0.0, 1e-6)) $"scene {index}"
        }

        test "places keep their words and stay inside the picture" {
            let pack = pack [ red; halfGreen ]

            let middles size position =
                let scenes =
                    List.replicate 200 (SceneDescription(0, Things.All[0], null, Backgrounds.All[0], size, position))

                use set = SceneSet.Of(pack, scenes, 5)
                let places = set.Places.data<float32>().ToArray() |> Array.chunkBySize 8

                for place in places do
                    Expect.isLessThanOrEqual (abs place[0] + place[2]) 1.0001f "x stays inside"
                    Expect.isLessThanOrEqual (abs place[1] + place[2]) 1.0001f "y stays inside"

                places

            Expect.all (middles SceneSize.Usual ScenePosition.Left) (fun place -> place[0] < -0.25f) "left"
            Expect.all (middles SceneSize.Usual ScenePosition.Right) (fun place -> place[0] > 0.25f) "right"
            Expect.all (middles SceneSize.Usual ScenePosition.Middle) (fun place -> abs place[0] < 0.05f) "middle"
            Expect.all (middles SceneSize.Small ScenePosition.Usual) (fun place -> place[2] < 0.5f) "small"
            Expect.all (middles SceneSize.Big ScenePosition.Usual) (fun place -> place[2] > 0.85f) "big"
        }
    ]
