module Recipes.Tests.VaeTilesTests

open Expecto
open TorchSharp
open Recipes.Core.Networks
open Recipes.Tests.Agreement

/// Eight pixels a latent position, tiles of four positions.
let private network () =
    let vae =
        new AutoencoderKL(
            VaeConfig(
                SampleSize = 32L,
                BlockOutChannels = [| 8L; 8L; 8L; 8L |],
                LayersPerBlock = 1L,
                NormNumGroups = 4L
            )
        )

    use generator = new torch.Generator(5UL, torch.CPU)
    Initialisation.Fill(vae, generator)
    vae

/// A picture without edges: all values near the middle.
let private smooth (height: int64) (width: int64) =
    let rows = torch.linspace(-0.5, 0.5, height).view(1L, 1L, height, 1L)
    let columns = torch.linspace(-0.3, 0.3, width).view(1L, 1L, 1L, width)
    (rows + columns).expand([| 2L; 3L; height; width |]).contiguous()

let private moments (vae: AutoencoderKL) image =
    use latents = vae.Encode image
    torch.cat (ResizeArray [ latents.Mean; latents.LogVar ], 1L)

/// The reference's blending, value by value, for one dimension: tile starts `stride` apart, the first `overlap` values
/// of a tile faded in from the end of the one before.
let private expected (tile: int) (values: float32 array) (map: float32 array -> float32 array) =
    let overlap = tile / 4
    let stride = tile - overlap

    let tiles = [
        for start in 0..stride .. values.Length - 1 -> map values[start .. min (start + tile) values.Length - 1]
    ]

    let blended =
        tiles
        |> List.scan
            (fun (before: float32 array) current ->
                let extent = min overlap (min before.Length current.Length)

                current
                |> Array.mapi (fun i value ->
                    if before.Length > 0 && i < extent then
                        let weight = float32 i / float32 extent
                        before[before.Length - extent + i] * (1.0f - weight) + value * weight
                    else
                        value))
            [||]
        |> List.tail

    blended |> List.map (Array.truncate stride) |> Array.concat

[<Tests>]
let tests =
    testList "vae tiles" [
        quietly "one tile is the whole, bit by bit"
        <| fun () ->
            use vae = network ()
            let image = smooth 32L 24L
            let whole = moments vae image
            let latents = whole.narrow (1L, 0L, 4L)
            let decoded = vae.Decode latents
            vae.Tiling <- true
            Expect.equal (distance (moments vae image) whole) 0.0 "latents"
            Expect.equal (distance (vae.Decode latents) decoded) 0.0 "picture"
        quietly "slices are the batch"
        <| fun () ->
            use vae = network ()
            let image = smooth 24L 32L
            let whole = moments vae image
            vae.Slicing <- true
            close 1e-5 "latents" (moments vae image) whole
        quietly "tiles fit the size and show no seam on a smooth picture"
        <| fun () ->
            use vae = network ()

            for height, width in [ 32L, 80L; 72L, 32L; 56L, 104L; 40L, 40L ] do
                let image = smooth height width
                vae.Tiling <- false
                let whole = moments vae image
                let picture = vae.Decode(whole.narrow (1L, 0L, 4L))
                vae.Tiling <- true
                let tiled = moments vae image
                let tiledPicture = vae.Decode(whole.narrow (1L, 0L, 4L))
                let spread (t: Tensor) = float (t.std().item<float32>())
                Expect.isLessThan (distance tiled whole) (6.0 * spread whole) $"latents {height} x {width}"
                Expect.equal (shape tiledPicture) (shape picture) $"picture {height} x {width}"

                // No step between neighbouring pixels is much larger than the whole picture's own largest step.
                let step (t: Tensor) =
                    let n = t.shape[3]
                    (t.narrow (3L, 1L, n - 1L) - t.narrow (3L, 0L, n - 1L)).abs().max().item<float32>()

                Expect.isLessThan (step tiledPicture) (2.0f * step picture) $"steps {height} x {width}"
        testList "blending is the reference's formula" [
            for length in [ 5; 8; 11; 17; 32 ] do
                quietly $"{length} values in tiles of 8"
                <| fun () ->
                    let random = System.Random length
                    let values = Array.init length (fun _ -> random.NextSingle())
                    // Each tile is told apart by its own sum, as the network's norms do.
                    let map (tile: float32 array) =
                        tile |> Array.map (fun value -> value + Array.sum tile)

                    let row = torch.tensor(values).view(1L, 1L, 1L, int64 length)
                    let mapped = VaeTiles.Map(row, 8L, 1L, 1L, (fun tile -> tile + tile.sum ()))
                    let actual = mapped.data<float32>().ToArray()
                    let wanted = expected 8 values map
                    Expect.equal actual.Length length "length"

                    for a, b in Array.zip actual wanted do
                        Expect.floatClose Accuracy.medium (float a) (float b) "value"
        ]
    ]
