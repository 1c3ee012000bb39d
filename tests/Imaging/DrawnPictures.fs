/// Picture files that the tests make for themselves.
module Recipes.Tests.DrawnPictures

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open SkiaSharp
open Recipes.Core.Imaging

/// A picture without any symmetry, so that every turn and flip shows.
let uneven width height =
    Image(width, height, Array.init (width * height * 3) (fun i -> byte ((i * i / 7 + i * 31 + i / width) % 256)))

/// A smooth picture that a lossy format keeps within a few levels.
let smooth width height =
    Image(
        width,
        height,
        Array.init (width * height * 3) (fun i ->
            let x, y = i / 3 % width, i / 3 / width

            match i % 3 with
            | 0 -> byte (40 + 160 * x / width)
            | 1 -> byte (60 + 150 * y / height)
            | _ -> 120uy)
    )

/// The picture encoded by Skia.
let encoded (format: SKEncodedImageFormat) (image: Image) =
    use bitmap =
        new SKBitmap(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque)

    for y in 0 .. image.Height - 1 do
        for x in 0 .. image.Width - 1 do
            let at = (y * image.Width + x) * 3
            bitmap.SetPixel(x, y, SKColor(image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]))

    use data = bitmap.Encode(format, 95)
    data.ToArray()

/// A JPEG file with an EXIF block that holds nothing but the orientation, put behind the two bytes that begin it.
let turned (orientation: int) (jpeg: byte[]) =
    let tiff = [|
        yield! "MM\000*\000\000\000\008"B
        yield! [| 0uy; 1uy |]
        // Tag 0x0112, type 3 (16 bits), one value, padded to four bytes; no further directory.
        yield! [| 1uy; 0x12uy; 0uy; 3uy; 0uy; 0uy; 0uy; 1uy; 0uy; byte orientation; 0uy; 0uy |]
        yield! [| 0uy; 0uy; 0uy; 0uy |]
    |]

    let body = Array.append "Exif\000\000"B tiff

    Array.concat [
        jpeg[..1]
        [| 0xFFuy; 0xE1uy; 0uy; byte (body.Length + 2) |]
        body
        jpeg[2..]
    ]

let private crc (bytes: byte[]) =
    let step crc (value: byte) =
        Seq.fold (fun c _ -> if c &&& 1u = 0u then c >>> 1 else (c >>> 1) ^^^ 0xEDB88320u) (crc ^^^ uint32 value) [
            1..8
        ]

    ~~~(Array.fold step UInt32.MaxValue bytes)

let private bigEndian (value: uint32) =
    let bytes: byte[] = Array.zeroCreate 4
    BinaryPrimitives.WriteUInt32BigEndian(bytes, value)
    bytes

let private chunk (name: string) data =
    let body = Array.append (Text.Encoding.ASCII.GetBytes name) data
    Array.concat [ bigEndian (uint32 (Array.length data)); body; bigEndian (crc body) ]

/// A PNG file of raw rows, each led by its filter number, with the given depth and colour type.
let png (width: uint32) (height: uint32) (depth: byte) (colour: byte) (rows: byte[]) =
    use packed = new MemoryStream()

    (use zlib = new ZLibStream(packed, CompressionLevel.Optimal, true)
     zlib.Write rows)

    Array.concat [
        [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |]
        chunk "IHDR" (Array.concat [ bigEndian width; bigEndian height; [| depth; colour; 0uy; 0uy; 0uy |] ])
        chunk "IDAT" (packed.ToArray())
        chunk "IEND" [||]
    ]

/// An 8x8 CMYK JPEG of one colour as Adobe's programs write it: amounts of light left, 255 being no ink.
let cmyk (cyan: int) (magenta: int) (yellow: int) (black: int) =
    let segment marker (data: byte[]) =
        Array.concat [ [| 0xFFuy; marker |]; [| 0uy; byte (data.Length + 2) |]; data ]

    // Eleven DC codes of four bits, one for each size of amplitude.
    let sizes = [| 0uy .. 10uy |]

    let bits =
        [ cyan; magenta; yellow; black ]
        |> List.collect (fun value ->
            // Quantised by 8, the DC of a flat block is the value less 128.
            let level = value - 128

            let size =
                if level = 0 then
                    0
                else
                    1 + int (Math.Log2(float (abs level)))

            let amplitude = if level < 0 then level + (1 <<< size) - 1 else level
            let binary (number: int) count = [ for bit in count - 1 .. -1 .. 0 -> number >>> bit &&& 1 ]
            // A DC code of four bits, the amplitude, and the one AC code, of one bit: end of block.
            binary size 4 @ binary amplitude size @ [ 0 ])

    let scan =
        bits @ List.replicate ((8 - bits.Length % 8) % 8) 1
        |> List.chunkBySize 8
        |> List.collect (fun eight ->
            match List.fold (fun sum bit -> sum * 2 + bit) 0 eight with
            | 0xFF -> [ 0xFFuy; 0uy ]
            | value -> [ byte value ])

    Array.concat [
        [| 0xFFuy; 0xD8uy |]
        segment 0xEEuy (Array.append "Adobe"B [| 0uy; 100uy; 0uy; 0uy; 0uy; 0uy; 0uy |])
        segment 0xDBuy (Array.append [| 0uy |] (Array.replicate 64 8uy))
        segment 0xC0uy [|
            yield! [| 8uy; 0uy; 8uy; 0uy; 8uy; 4uy |]
            for id in 1uy .. 4uy do
                yield! [| id; 0x11uy; 0uy |]
        |]
        segment
            0xC4uy
            (Array.concat [
                [| 0uy |]
                Array.init 16 (fun i -> if i = 3 then byte sizes.Length else 0uy)
                sizes
            ])
        segment 0xC4uy (Array.concat [ [| 0x10uy |]; Array.init 16 (fun i -> if i = 0 then 1uy else 0uy); [| 0uy |] ])
        segment 0xDAuy [|
            yield 4uy
            for id in 1uy .. 4uy do
                yield! [| id; 0uy |]
            yield! [| 0uy; 63uy; 0uy |]
        |]
        Array.ofList scan
        [| 0xFFuy; 0xD9uy |]
    ]
