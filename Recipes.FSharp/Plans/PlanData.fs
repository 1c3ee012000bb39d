namespace Recipes

/// The base model of a plan.
type BaseModel = {
    Name: string
    /// SD1, SD2 or SDXL.
    Family: string
    /// The full path of its folder, or of its one file.
    Folder: string
    /// Where it was downloaded from.
    Origin: ModelOrigin option
    /// What its UNet predicts: epsilon, v_prediction or sample.
    Prediction: string
    NativeSize: int<px>
    /// Sides of pictures are multiples of this.
    Multiple: int<px>
    Parameters: int64
    /// Of its weight files, in hexadecimal.
    Sha256: string
}

/// A subject or a theme of a plan.
type PlannedSubject = {
    /// Empty of a theme.
    Token: string
    Noun: string
    /// The caption of the subject's pictures, where it is one for all.
    InstancePrompt: string
    Captions: CaptionSource
    /// Whether the pictures' mirror images are learned from, too.
    Flipped: bool
    /// Whether small pictures may be enlarged.
    Upscaled: bool
    /// The caption of the class pictures.
    ClassPrompt: string
    /// The full path of the folder of pictures.
    Folder: string
    Images: Picture list
    /// Not learned from: the loss on them is measured meanwhile.
    HeldOut: Picture list
    /// How often each of the pictures is visited.
    Visits: int64 list
    /// A mask of each picture; none where there are none.
    Masks: Picture list
    /// What collages set it beside, drawn by the base model.
    Beside: string list
    /// The shapes that the pictures are trained at, with how many have each.
    Shapes: (string * int) list
    /// Class pictures to draw with the base model; 0 for none.
    PriorCount: int<img>
    /// How many of them the training reaches.
    ClassVisited: int<img>
} with

    /// As prompts say it, or a theme's name.
    member subject.Called =
        if subject.Token = "" then
            subject.Noun
        else
            $"{subject.Token} {subject.Noun}"

/// A control of a plan's samples.
type PlannedControl = {
    Kind: HintKind
    /// Nothing where it is the ControlNet that is trained.
    Net: NetFiles option
    /// One for all samples, or one each.
    Hints: HintFile list
    Strength: float
    /// The share of the denoising steps at which it sets in, and at which it stops.
    First: float
    Last: float
}

/// A prompt to draw before and after.
type PlannedSample = {
    /// For the tuned model: each subject as token and noun.
    Text: string
    /// For the base model: each subject as its noun.
    Plain: string
    /// The tokens of the subjects that it mentions.
    Mentions: string list
}

/// What a plan for an upscaler says beside its training.
type PlannedUpscaling = {
    /// How many times it enlarges along each side.
    Factor: int
    /// Sides of small pictures are multiples of this.
    Multiple: int<px>
    /// The highest noise level of small pictures in training.
    NoiseUpTo: int
    /// The noise level of small pictures that are enlarged.
    NoiseLevel: int
    /// Pictures to measure by; none where only drawn ones are enlarged.
    HeldOut: Picture list
}

/// All that a plan holds. Only `Plan.check` makes a plan of it.
type internal PlanData = {
    Name: string
    Script: string option
    Model: BaseModel
    Subjects: PlannedSubject list
    Method: PlannedMethod
    Budget: Budget
    Drawing: Drawing
    Samples: PlannedSample list
    Controls: PlannedControl list
    /// Of a plan for an upscaler.
    Upscaling: PlannedUpscaling option
    /// The plan for an upscaler of what is drawn.
    Enlarge: PlanData option
    /// The plans whose results are merged.
    Parts: PlanData list
    Outputs: string
    /// The most memory that a run holds, as estimated.
    Memory: int64
    Warnings: Problem list
}
