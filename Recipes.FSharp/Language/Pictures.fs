namespace Recipes

/// The words for what is learned: subjects, themes and their pictures.
[<AutoOpen>]
module PictureWords =
    /// Something to learn, by its class noun: `subject "robot" { token "sks"; images "data/robot" }`.
    let subject noun = SubjectBlock noun

    /// Captioned pictures to learn from as a whole: `theme "woodcuts" { images "data/woodcuts"; captions Metadata }`.
    let theme name = ThemeBlock name

    /// The word that will stand for the subject: rare, and short for the tokenizer, such as `sks`.
    let token text : PictureLine<OfSubject> = PictureLine(PicturePart.Token text)

    /// The folder of the pictures. A relative path starts at the script's folder.
    let images folder : PictureLine<'owner> = PictureLine(PicturePart.Images folder)

    /// How many pictures of the class keep the model from forgetting it; the base model draws them (prior preservation,
    /// arXiv 2208.12242).
    let prior pictures : PictureLine<OfSubject> = PictureLine(PicturePart.Prior pictures)

    /// The caption of the subject's pictures; `{token}` and `{noun}` are filled in. Default: `a photo of {token} {noun}`.
    let instancePrompt template : PictureLine<OfSubject> =
        PictureLine(PicturePart.InstancePrompt template)

    /// The caption of the class pictures. Default: `a photo of a {noun}`.
    let classPrompt template : PictureLine<OfSubject> =
        PictureLine(PicturePart.ClassPrompt template)

    /// Where the pictures' captions come from. Default: a subject's `instancePrompt`, a theme's `metadata.jsonl`.
    let captions source : PictureLine<'owner> =
        PictureLine(PicturePart.Captions source)

    /// The pictures' mirror images are learned from, too.
    let flipped<'owner> : PictureLine<'owner> = PictureLine PicturePart.Flipped

    /// Pictures smaller than the training size may be enlarged.
    let upscaled<'owner> : PictureLine<'owner> = PictureLine PicturePart.Upscaled

    /// The folder of the pictures' hints, for training a ControlNet: each is named as its picture. Default: the
    /// `conditioning_image` of `metadata.jsonl`, or else what the kind's annotator makes of the picture.
    let hints folder : PictureLine<OfTheme> = PictureLine(PicturePart.Hints folder)

    /// A folder of pictures that are not learned from: the loss on them is measured meanwhile (see `validate`). They are
    /// captioned as the others are.
    let heldOut folder : PictureLine<'owner> = PictureLine(PicturePart.HeldOut folder)

    /// A folder with a mask of each picture, of its name and size, white where the subject is: for `maskedLoss` and
    /// `attendMasks`.
    let masks folder : PictureLine<OfSubject> = PictureLine(PicturePart.Masks folder)

    /// Collages also set the subject beside this, drawn by the base model: `beside "a cat"`.
    let beside thing : PictureLine<OfSubject> = PictureLine(PicturePart.Beside thing)
