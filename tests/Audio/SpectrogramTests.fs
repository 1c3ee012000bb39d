module Recipes.Tests.SpectrogramTests

open System
open Expecto
open TorchSharp
open Recipes.Core
open Recipes.Core.Audio
open Recipes.Core.Training
open Recipes.Tests.Agreement

let private small = StftOptions(Size = 256, Hop = 64)

/// Tones of the given pitches, at 8000 Hz.
let private tones length (pitches: float list) =
    let sample i =
        pitches
        |> List.sumBy (fun pitch -> 0.3 * sin (2.0 * Math.PI * pitch * float i / 8000.0))
        |> float32

    (torch.tensor (Array.init length sample)).reshape(1L, int64 length)

let private refused (part: string) (action: unit -> unit) =
    Expect.throwsC action (fun error ->
        match error with
        | :? RecipesException -> Expect.stringContains error.Message part "what is wrong"
        | other -> failtest $"{other}")

let private parity =
    testList "parity" [
        testCase "audio: spectrograms agree with torchaudio's"
        <| fun () ->
            withFile "audio" (fun file read ->
                let number key = Int32.Parse(text file key)
                let stft = StftOptions(Size = number "n_fft", Hop = number "hop")

                let mel =
                    MelOptions(
                        SampleRate = number "sample_rate",
                        Count = number "n_mels",
                        Scale = Enum.Parse<MelScale>(text file "mel_scale", true),
                        IsAreaNormalised = (text file "norm" = "slaney")
                    )

                let magnitudes =
                    MelSpectrogram.Power(Stft(stft).Forward(read "wav"), Double.Parse(text file "power"))

                close forwardTolerance "stft_mag" magnitudes (read "stft_mag")
                use bank = new MelSpectrogram(mel, stft)
                closeRelative 1e-5 "mel" (bank.Forward magnitudes) (read "mel"))
    ]

let private stft =
    testList "stft" [
        quietly "a frame is the transform of its windowed samples"
        <| fun () ->
            let sound = tones 1000 [ 440.0; 1310.0 ]
            let frame, bin = 7, 21
            let near = { absolute = 1e-5; relative = 1e-5 }
            let spectrum = Stft(small).Forward sound
            Expect.equal (shape spectrum) [ 1L; 129L; 1L + 1000L / 64L ] "shape"

            let mutable re, im = 0.0, 0.0

            for i in 0..255 do
                let weight = 0.5 - 0.5 * cos (2.0 * Math.PI * float i / 256.0)
                let value = weight * float (sound[0L, int64 (frame * 64 - 128 + i)].item<float32>())
                re <- re + value * cos (2.0 * Math.PI * float (bin * i) / 256.0)
                im <- im - value * sin (2.0 * Math.PI * float (bin * i) / 256.0)

            let found = spectrum[0L, int64 bin, int64 frame]
            Expect.floatClose near (float (found.real.item<float32>())) re "real"
            Expect.floatClose near (float (found.imag.item<float32>())) im "imaginary"

        quietly "the inverse gives the sound back"
        <| fun () ->
            for options in
                [
                    small
                    StftOptions(Size = 256, Hop = 100, Window = 200)
                    StftOptions(Size = 255, Hop = 60)
                ] do
                for length in [ 640; 701 ] do
                    let sound = torch.cat [| tones length [ 300.0; 999.0 ]; tones length [ 123.0 ] |]
                    let transform = Stft options
                    // What the last whole hop does not reach has little weight: only the rest is compared.
                    let back = transform.Inverse(transform.Forward sound, Nullable(int64 length))
                    let sure = int64 (length / options.Hop * options.Hop)
                    close 1e-5 $"{options}" (back.narrow (1, 0, sure)) (sound.narrow (1, 0, sure))

        testCase "options that cannot be are refused"
        <| fun () ->
            let make options () = Stft options |> ignore
            refused "frames of 1 samples" (make (StftOptions(Size = 1)))
            refused "every 0 cannot be" (make (StftOptions(Hop = 0)))
            refused "windows of 2000" (make (StftOptions(Window = 2000)))
            refused "every 600 no sound can be had back" (make (StftOptions(Hop = 600)))

            refused "100 samples are too few for frames of 256" (fun () ->
                use _ = torch.NewDisposeScope()
                Stft(small).Forward(tones 100 [ 440.0 ]) |> ignore)

            Expect.throwsT<ArgumentException>
                (fun () ->
                    use _ = torch.NewDisposeScope()
                    Stft(small).Inverse(torch.zeros (1, 128, 4)) |> ignore)
                "another number of bins"
    ]

let private mel =
    testList "mel" [
        test "scales at known pitches, and back" {
            // HTK: 1000 Hz is 1000 mel by design; Slaney: 15 at 1000 Hz and 42 at 6400 Hz.
            Expect.floatClose { absolute = 0.02; relative = 0.0 } (MelFilters.ToMel(MelScale.Htk, 1000.0)) 1000.0 "HTK"
            Expect.floatClose Accuracy.high (MelFilters.ToMel(MelScale.Slaney, 500.0)) 7.5 "below 1000 Hz"
            Expect.floatClose Accuracy.high (MelFilters.ToMel(MelScale.Slaney, 6400.0)) 42.0 "above"

            for scale in Enum.GetValues<MelScale>() do
                for hertz in [ 0.0; 20.0; 999.0; 1000.0; 7777.0 ] do
                    let back = MelFilters.ToHertz(scale, MelFilters.ToMel(scale, hertz))
                    Expect.floatClose Accuracy.high back hertz $"{scale}"
        }

        quietly "triangles peak at their middle edge and overlap to 1"
        <| fun () ->
            for scale in Enum.GetValues<MelScale>() do
                let filters =
                    MelFilters.Make(MelOptions(SampleRate = 8000, Count = 12, Scale = scale), 2049)

                let peaks = filters.amax [| 1L |]
                Expect.isTrue (peaks.min().item<float32>() > 0.95f) "each peaks near 1"
                Expect.isTrue (peaks.max().item<float32>() <= 1f) "and no higher"
                // Between the first and the last peak the falling side of one and the rising of the next make 1.
                let edge index =
                    let top = MelFilters.ToMel(scale, 4000.0)
                    int64 (ceil (MelFilters.ToHertz(scale, top * float index / 13.0) / 4000.0 * 2048.0))

                let sums = filters.sum([| 0L |]).narrow(0, edge 1, edge 12 - edge 1)
                close 1e-5 "partition of one" sums (torch.ones_like sums)

        quietly "normalised bands have one area"
        <| fun () ->
            let filters =
                MelFilters.Make(MelOptions(SampleRate = 8000, Count = 8, IsAreaNormalised = true), 8001)

            // A bin is half a Hz: a triangle of height 2 / width and that width has area 1.
            close 1e-3 "areas" (filters.sum ([| 1L |]) * 0.5) (torch.ones 8)

        quietly "bands go back to a spectrogram that has the same bands"
        <| fun () ->
            use bank = new MelSpectrogram(MelOptions(SampleRate = 8000, Count = 30), small)

            let magnitudes =
                MelSpectrogram.Power(Stft(small).Forward(tones 2000 [ 440.0; 1310.0; 2500.0 ]))

            let bands = bank.Forward magnitudes

            let off steps =
                (bank.Forward(bank.Inverse(bands, steps)) - bands).norm().item<float32>()

            let size = bands.norm().item<float32>()
            Expect.isLessThan (off 64) (0.05f * size) "within a twentieth"
            Expect.isLessThan (off 64) (off 0) "steps better the cut-off pseudo-inverse"
            Expect.isLessThan (off 512) (0.5f * off 64) "more steps, more so"
            Expect.isTrue (bank.Inverse(bands).min().item<float32>() >= 0f) "nowhere negative"

        testCase "bands that cannot be are refused"
        <| fun () ->
            let make options bins () =
                use _ = torch.NewDisposeScope()
                MelFilters.Make(options, bins) |> ignore

            refused "0 bands" (make (MelOptions(SampleRate = 8000, Count = 0)) 129)
            refused "from 0 to 5000 Hz of 8000 Hz" (make (MelOptions(SampleRate = 8000, Highest = 5000.0)) 129)
            refused "from 900 to 800 Hz" (make (MelOptions(SampleRate = 8000, Lowest = 900.0, Highest = 800.0)) 129)
            refused "holds no bin" (make (MelOptions(SampleRate = 8000, Count = 128)) 65)
    ]

let private decibels =
    testList "decibels" [
        quietly "of energies by hand, and back"
        <| fun () ->
            let energies = torch.tensor ([| 1f; 100f; 0.001f; 0f |])
            let found = Decibels.FromEnergy energies
            close 1e-4 "dB" found (torch.tensor ([| 0f; 20f; -30f; -100f |]))
            close 1e-4 "range" (Decibels.FromEnergy(energies, range = 40.0)) (torch.tensor ([| 0f; 20f; -20f; -20f |]))
            closeRelative 1e-5 "back" (Decibels.ToEnergy found) energies
    ]

let private griffinLim =
    let spectral options (found: Tensor) (wanted: Tensor) =
        let off = MelSpectrogram.Power(Stft(options).Forward found) - wanted
        (off.norm () / wanted.norm ()).item<float32>()

    testList "griffin-lim" [
        quietly "sines come back with their magnitudes, momentum sooner"
        <| fun () ->
            let wanted =
                MelSpectrogram.Power(Stft(small).Forward(tones 4096 [ 440.0; 1310.0; 2222.0 ]))

            let off momentum =
                use phases = RandomStreams("griffin").Generator(RandomStreams.Noise, 0L)
                let lim = GriffinLim(Steps = 100, Momentum = momentum)
                spectral small (lim.Sound(Stft small, wanted, phases)) wanted

            let quick, plain = off 0.99, off 0.0
            Expect.isLessThan quick 0.1f "spectral convergence"
            Expect.isLessThan quick plain "momentum helps"

        quietly "equal phases give equal sounds, of the length that is asked"
        <| fun () ->
            let wanted = MelSpectrogram.Power(Stft(small).Forward(tones 1000 [ 700.0 ]))

            let sound () =
                use phases = RandomStreams("griffin").Generator(RandomStreams.Noise, 1L)
                GriffinLim(Steps = 3).Sound(Stft small, wanted, phases, Nullable 1000L)

            let one = sound ()
            Expect.equal (shape one) [ 1L; 1000L ] "length"
            Expect.equal (distance one (sound ())) 0.0 "the same twice"
            let silent = GriffinLim(Steps = 3).Sound(Stft small, torch.zeros_like wanted)
            Expect.equal (silent.abs().max().item<float32>()) 0f "silence stays silent"

        testCase "settings that cannot be are refused"
        <| fun () ->
            for lim in
                [
                    GriffinLim(Steps = 0)
                    GriffinLim(Momentum = 1.0)
                    GriffinLim(Momentum = nan)
                ] do
                refused "cannot be" (fun () ->
                    use _ = torch.NewDisposeScope()
                    lim.Sound(Stft small, torch.zeros (1, 129, 4)) |> ignore)
    ]

[<Tests>]
let tests =
    testList "sound" [
        parity
        stft
        mel
        decibels
        griffinLim

        quietly "sound goes to tensors and back"
        <| fun () ->
            let sound = Waveform(8000, 2, [| 1f; 2f; 3f; 4f; 5f; 6f |])
            let back = Waveform.FromTensor(8000, sound.ToTensor())
            Expect.equal (shape (sound.ToTensor()), back.Samples, back.Channels) ([ 2L; 3L ], sound.Samples, 2) "same"
            Expect.equal sound.Duration (TimeSpan.FromSeconds(3.0 / 8000.0)) "duration"
            Expect.throwsT<ArgumentException> (fun () -> Waveform(8000, 2, [| 1f |]) |> ignore) "half a frame"
            Expect.throwsT<ArgumentException> (fun () -> Waveform.FromTensor(8000, torch.zeros 3) |> ignore) "one axis"
    ]
