namespace Recipes

/// A subject or a theme as written, defaults filled in; what has no line is empty.
type internal SourceDraft = {
    IsTheme: bool
    /// A subject's class noun, or a theme's name.
    Noun: string
    Token: string
    InstancePrompt: string
    ClassPrompt: string
    Captions: CaptionSource
    Folder: string
    Prior: int<img>
    Flipped: bool
    Upscaled: bool
    /// The folder of its hints, where it is written.
    Hints: string option
    /// The folder of pictures held out; empty for none.
    HeldOut: string
    /// The folder of masks; empty for none.
    Masks: string
    /// What collages set it beside, drawn by the base model.
    Beside: string list
    Parts: PicturePart list
} with

    /// Where its problems are.
    member source.At =
        if source.IsTheme then
            $"theme {source.Noun}"
        else
            $"subject {source.Noun}"

[<RequireQualifiedAccess>]
module internal SourceDraft =
    let private instanceTemplate = "a photo of {token} {noun}"
    let private classTemplate = "a photo of a {noun}"

    let private source isTheme noun (parts: PicturePart list) =
        let start = {
            IsTheme = isTheme
            Noun = noun
            Token = ""
            InstancePrompt = instanceTemplate
            ClassPrompt = classTemplate
            Captions = if isTheme then Metadata else Same instanceTemplate
            Folder = ""
            Prior = 0<img>
            Flipped = false
            Upscaled = false
            Hints = None
            HeldOut = ""
            Masks = ""
            Beside = []
            Parts = parts
        }

        let written =
            (start, parts)
            ||> List.fold (fun draft part ->
                match part with
                | PicturePart.Token token -> { draft with Token = token }
                | PicturePart.Images folder -> { draft with Folder = folder }
                | PicturePart.Prior pictures -> { draft with Prior = pictures }
                | PicturePart.InstancePrompt template -> {
                    draft with
                        InstancePrompt = template
                        Captions = Same template
                  }
                | PicturePart.ClassPrompt template -> { draft with ClassPrompt = template }
                | PicturePart.Captions source -> { draft with Captions = source }
                | PicturePart.Flipped -> { draft with Flipped = true }
                | PicturePart.Upscaled -> { draft with Upscaled = true }
                | PicturePart.Hints folder -> { draft with Hints = Some folder }
                | PicturePart.HeldOut folder -> { draft with HeldOut = folder }
                | PicturePart.Masks folder -> { draft with Masks = folder }
                | PicturePart.Beside thing -> {
                    draft with
                        Beside = draft.Beside @ [ thing ]
                  })

        let fill (template: string) =
            template.Replace("{token}", written.Token).Replace("{noun}", written.Noun)

        {
            written with
                InstancePrompt = fill written.InstancePrompt
                ClassPrompt = fill written.ClassPrompt
                Captions =
                    match written.Captions with
                    | Same template -> Same(fill template)
                    | other -> other
        }

    let ofSubject (subject: Subject) = source false subject.Noun subject.Parts
    let ofTheme (theme: Theme) = source true theme.Name theme.Parts
