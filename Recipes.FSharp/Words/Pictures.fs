namespace Recipes

open System

/// Where the captions of a folder of pictures come from.
type CaptionSource =
    /// `metadata.jsonl` in the folder: one object a line with `file_name` and `text`.
    | Metadata
    /// A text file beside each picture: its name with `.txt` or `.caption`.
    | TextFiles
    /// The pictures' own names: `red_boat-03.png` is "red boat".
    | FileNames
    /// The same for all.
    | Same of text: string

    override source.ToString() =
        match source with
        | Metadata -> "metadata.jsonl"
        | TextFiles -> "text files"
        | FileNames -> "file names"
        | Same text -> $"\"{text}\""

/// A mark for the type checker: a line that may stand in a subject.
type OfSubject = interface end

/// A mark for the type checker: a line that may stand in a theme.
type OfTheme = interface end

/// A line about pictures to learn from.
[<RequireQualifiedAccess>]
type PicturePart =
    | Token of string
    | Images of folder: string
    | Prior of int<img>
    | InstancePrompt of template: string
    | ClassPrompt of template: string
    | Captions of CaptionSource
    | Flipped
    | Upscaled
    | HeldOut of folder: string
    | Masks of folder: string
    | Beside of thing: string

    /// The word that writes this line.
    member part.Word =
        match part with
        | Token _ -> "token"
        | Images _ -> "images"
        | Prior _ -> "prior"
        | InstancePrompt _ -> "instancePrompt"
        | ClassPrompt _ -> "classPrompt"
        | Captions _ -> "captions"
        | Flipped -> "flipped"
        | Upscaled -> "upscaled"
        | HeldOut _ -> "heldOut"
        | Masks _ -> "masks"
        | Beside _ -> "beside"

/// One line of a subject or a theme; the mark says in which it may stand.
[<Struct>]
type PictureLine<'owner> = PictureLine of PicturePart

/// Something to learn: a token that will name it and the class noun that says what it is.
type Subject = {
    Noun: string
    Parts: PicturePart list
} with

    /// The token, or nothing where the subject has none yet.
    member subject.Token =
        subject.Parts
        |> List.tryPick (fun part ->
            match part with
            | PicturePart.Token token -> Some token
            | _ -> None)

    /// As a prompt says it: `sks robot`.
    override subject.ToString() =
        match subject.Token with
        | Some token -> $"{token} {subject.Noun}"
        | None -> subject.Noun

/// A set of captioned pictures to learn from as a whole.
type Theme = {
    Name: string
    Parts: PicturePart list
}

/// A prompt that knows which subjects it mentions.
type Prompt = {
    /// With each subject as token and noun.
    Text: string
    /// With each subject as its noun alone: what a model that has not learned it can be asked.
    Plain: string
    Mentions: Subject list
} with

    override prompt.ToString() = prompt.Text

[<RequireQualifiedAccess>]
module internal Prompt =
    let private format (text: FormattableString) (say: Subject -> string) =
        let arguments =
            text.GetArguments()
            |> Array.map (fun argument ->
                match argument with
                | :? Subject as subject -> box (say subject)
                | other -> other)

        String.Format(Globalization.CultureInfo.InvariantCulture, text.Format, arguments)

    /// A prompt from an interpolated string, whose arguments remember their subjects.
    let ofText (text: FormattableString) = {
        Text = format text string
        Plain = format text _.Noun
        Mentions =
            text.GetArguments()
            |> Seq.choose tryUnbox<Subject>
            |> Seq.distinct
            |> List.ofSeq
    }
