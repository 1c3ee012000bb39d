module Recipes.Tests.WavTests

open System
open System.Buffers.Binary
open System.IO
open System.Text
open Expecto
open Recipes.Core
open Recipes.Core.Audio

let private u16 (value: int) = BitConverter.GetBytes(uint16 value)
let private u32 (value: int64) = BitConverter.GetBytes(uint32 value)

let private chunk (name: string) (body: byte array) =
    Array.concat [
        Encoding.ASCII.GetBytes name
        u32 body.LongLength
        body
        if body.Length % 2 = 1 then
            [| 0uy |]
    ]

let private riff (chunks: byte array) =
    Array.concat [ "RIFF"B; u32 (int64 chunks.Length + 4L); "WAVE"B; chunks ]

let private format tag channels rate bits =
    let frame = channels * bits / 8

    Array.concat [
        u16 tag
        u16 channels
        u32 rate
        u32 (rate * int64 frame)
        u16 frame
        u16 bits
    ]

let private mono bits = format 1 1 8000L bits

let private readBytes (bytes: byte array) =
    let path = Path.GetTempFileName()

    try
        File.WriteAllBytes(path, bytes)
        WavFile.Read path
    finally
        File.Delete path

let private written (sound: Waveform) encoding =
    let mutable bytes = [||]

    Support.withFolder (fun folder ->
        let path = Path.Combine(folder, "sound.wav")
        WavFile.Write(path, sound, encoding)
        Expect.sequenceEqual (Directory.GetFiles folder) [ path ] "no other file is left"
        bytes <- File.ReadAllBytes path)

    bytes

let private refused what (part: string) bytes =
    Expect.throwsC (fun () -> readBytes bytes |> ignore) (fun error ->
        match error with
        | :? RecipesException -> Expect.stringContains error.Message part what
        | other -> failtest $"{what}: {other}")

let private encodings = Enum.GetValues<WavEncoding>()

[<Tests>]
let tests =
    testList "wav" [
        test "samples of every encoding are read by hand" {
            let read bits tag (body: byte array) =
                let sound =
                    readBytes (riff (Array.append (chunk "fmt " (format tag 1 8000L bits)) (chunk "data" body)))

                List.ofArray sound.Samples

            Expect.equal (read 8 1 [| 0uy; 128uy; 255uy |]) [ -1f; 0f; 127f / 128f ] "8 bits, unsigned"
            Expect.equal (read 16 1 (Array.append (u16 0x8000) (u16 0x4000))) [ -1f; 0.5f ] "16 bits"
            Expect.equal (read 24 1 [| 0uy; 0uy; 0x80uy; 1uy; 0uy; 0uy |]) [ -1f; 1f / 8388608f ] "24 bits"
            Expect.equal (read 32 1 (u32 0xC0000000L)) [ -0.5f ] "32 bits"
            Expect.equal (read 32 3 (BitConverter.GetBytes 1.25f)) [ 1.25f ] "floats may pass 1"
        }

        test "channels are taken apart, other chunks and padding passed over" {
            let body = Array.concat [ for value in [ 1; -2; 3; -4 ] -> u16 value ]

            let sound =
                readBytes (
                    riff (
                        Array.concat [
                            chunk "LIST" [| 1uy; 2uy; 3uy |]
                            chunk "fmt " (format 1 2 44100L 16)
                            chunk "data" body
                            chunk "junk" [| 9uy |]
                        ]
                    )
                )

            Expect.equal (sound.SampleRate, sound.Channels, sound.Length) (44100, 2, 2) "shape"
            Expect.equal (Array.map (fun s -> int (s * 32768f)) sound.Samples) [| 1; 3; -2; -4 |] "by channel"
            Expect.equal (sound.Channel(1).ToArray()) sound.Samples[2..] "second channel"
        }

        test "extensible headers name the same formats" {
            let guid = [|
                0uy
                0uy
                0uy
                0uy
                0x10uy
                0uy
                0x80uy
                0uy
                0uy
                0xAAuy
                0uy
                0x38uy
                0x9Buy
                0x71uy
            |]

            let extensible valid tag guid =
                Array.concat [ format 0xFFFE 1 8000L 24; u16 22; u16 valid; u32 0L; u16 tag; guid ]

            let file head =
                riff (Array.append (chunk "fmt " head) (chunk "data" [| 0uy; 0uy; 0x40uy |]))

            Expect.equal (readBytes (file (extensible 24 1 guid))).Samples [| 0.5f |] "24 bits"
            refused "20 bits in 24" "keeps 20 bits in 24" (file (extensible 20 1 guid))
            refused "another GUID" "of an unknown kind" (file (extensible 24 1 (Array.rev guid)))
            refused "cut short" "cut short" (file (extensible 24 1 guid[..4]))
        }

        testCase "what is written is read again"
        <| fun () ->
            let random = Random 3

            for encoding in encodings do
                for channels, length in [ 1, 7; 2, 6; 3, 1; 1, 0 ] do
                    // Multiples of 1 / 128 are kept by every encoding.
                    let samples =
                        Array.init (channels * length) (fun _ -> float32 (random.Next(-128, 128)) / 128f)

                    let bytes = written (Waveform(22050, channels, samples)) encoding
                    let back = readBytes bytes
                    Expect.equal (back.SampleRate, back.Channels) (22050, channels) $"{encoding}"
                    Expect.equal back.Samples samples $"{encoding}, {channels} channels of {length}"

                    Expect.equal (int64 (BitConverter.ToUInt32(bytes, 4)) + 8L) bytes.LongLength "RIFF's size"

                    Expect.equal (bytes.Length % 2) 0 "chunks end on even bytes"

        test "whole numbers clip and round" {
            let sound = Waveform(8000, 1, [| 2f; -2f; 1f; 0.49999f / 32768f; 1.5f / 32768f |])
            let back = readBytes (written sound WavEncoding.Pcm16)
            let whole = Array.map (fun s -> int (s * 32768f)) back.Samples
            Expect.equal whole [| 32767; -32768; 32767; 0; 2 |] "16 bits, halves to even"
        }

        test "floats stay as they are, and no number is refused" {
            let samples = [| 1e-20f; -3.5f; 0.1f |]
            Expect.equal (readBytes (written (Waveform(8000, 1, samples)) WavEncoding.Float32)).Samples samples "bits"

            Expect.throwsC
                (fun () -> written (Waveform(8000, 2, [| 0f; nanf; 0f; 0f |])) WavEncoding.Pcm16 |> ignore)
                (fun error -> Expect.stringContains error.Message "sample 1 of channel 1 is no number" "which")

            let body = Array.append (BitConverter.GetBytes 0f) (BitConverter.GetBytes infinityf)

            refused "infinity" "sample 1 of channel 1 is no number"
            <| riff (Array.append (chunk "fmt " (format 3 1 8000L 32)) (chunk "data" body))
        }

        test "hostile headers are refused by what is wrong with them" {
            let data = chunk "data" [| 0uy; 0uy |]

            let renamed form =
                Array.append form (Array.skip 4 (riff data))

            let with' (head: byte array) =
                riff (Array.append (chunk "fmt " head) data)

            refused "nothing" "it is no WAV file" [||]
            refused "text" "it is no WAV file" "hello, this is text"B
            refused "big endian" "of the form RIFX" (renamed "RIFX"B)
            refused "64 bits" "of the form RF64" (renamed "RF64"B)
            refused "no format" "samples come before its format" (riff data)
            refused "nothing in it" "no format chunk" (riff [||])
            refused "no data" "it has no samples" (riff (chunk "fmt " (mono 16)))
            refused "short format" "format chunk has 15 bytes" (Array.take 15 (mono 16) |> with')

            refused "two formats" "two format chunks"
            <| riff (Array.concat [ chunk "fmt " (mono 16); chunk "fmt " (mono 8); data ])

            refused "no channel" "0 channels of 8000 Hz" (with' (format 1 0 8000L 16))
            refused "many channels" "65535 channels" (with' (format 1 65535 8000L 16))
            refused "no rate" "1 channels of 0 Hz" (with' (format 1 1 0L 16))
            refused "a rate beyond reason" "4294967295 Hz" (with' (format 1 1 4294967295L 16))
            refused "12 bits" "samples are of 12 bits (PCM)" (with' (mono 12))
            refused "doubles" "samples are of 64 bits (float)" (with' (format 3 1 8000L 64))
            refused "A-law" "compressed (format 6)" (with' (format 6 1 8000L 8))
            let frame = mono 16
            frame[12] <- 3uy
            refused "a wrong frame" "claims 3 bytes a frame where 1 channels of 16 bits take 2" (with' frame)

            refused "half a sample" "no whole number of 2-byte frames"
            <| riff (Array.append (chunk "fmt " (mono 16)) (chunk "data" [| 0uy; 0uy; 0uy |]))

            refused "cut short" "claims 2 bytes where 1 are left" (Array.take (12 + 24 + 9) (with' (mono 16)))
            refused "cut in a head" "ends within a chunk's head" (Array.take (12 + 24 + 5) (with' (mono 16)))
            let huge = with' (mono 16)
            BinaryPrimitives.WriteUInt32LittleEndian(huge.AsSpan(12 + 24 + 4), UInt32.MaxValue)
            refused "a size that wraps around" "claims 4294967295 bytes" huge
        }

        testProperty "any bytes give a sound or a plain error"
        <| fun (noise: byte list) (at: int) ->
            let whole =
                riff (Array.append (chunk "fmt " (mono 16)) (chunk "data" [| 1uy; 2uy; 3uy; 4uy |]))

            let at = abs (at % whole.Length)

            let damaged =
                Array.concat [ Array.take at whole; Array.ofList noise; Array.skip at whole ]

            try
                readBytes damaged |> ignore
            with :? RecipesException ->
                ()

        test "missing files and folders are named" {
            Expect.throwsC (fun () -> WavFile.Read "no/such.wav" |> ignore) (fun error ->
                Expect.stringContains error.Message "no/such.wav: no such sound file" "reading")

            Expect.throwsC (fun () -> WavFile.Write("no/such.wav", Waveform(1, 1, [| 0f |]))) (fun error ->
                Expect.stringContains error.Message "cannot be written" "writing")
        }
    ]
