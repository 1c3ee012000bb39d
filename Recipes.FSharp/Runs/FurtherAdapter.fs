namespace Recipes.Runs

open System
open System.Globalization

/// An adapter file that joins a drawing beside what the run has trained.
type FurtherAdapter = {
    /// A safetensors file in PEFT, diffusers or kohya naming.
    File: string
    /// 1 as it was trained, 0 for nothing of it.
    Scale: float
} with

    /// `adapter.safetensors`, or with its scale `adapter.safetensors@0.6`.
    override a.ToString() =
        if a.Scale = 1.0 then
            a.File
        else
            $"{a.File}@{a.Scale.ToString CultureInfo.InvariantCulture}"

[<RequireQualifiedAccess>]
module FurtherAdapter =
    let private scaled (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, scale when Double.IsFinite scale -> Some scale
        | _ -> None

    /// Reads `FILE` or `FILE@SCALE`; a name with an `@` of its own that no number follows is a name.
    let parse (text: string) : FurtherAdapter =
        let at = text.LastIndexOf '@'

        match (if at > 0 then scaled text[at + 1 ..] else None) with
        | Some scale -> {
            File = text[.. at - 1]
            Scale = scale
          }
        | None -> { File = text; Scale = 1.0 }
