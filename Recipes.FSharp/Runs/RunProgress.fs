namespace Recipes.Runs

/// The stretches of a run, in the order in which they come.
[<RequireQualifiedAccess>]
type Phase =
    | ClassPictures
    | Before
    | Training
    | After
    | Scoring
    /// The upscaler as it was, its training, and the upscaler tuned.
    | EnlargingBefore
    | UpscalerTraining
    | EnlargingAfter
    /// One stage of a pretraining.
    | Stage of name: string

    override p.ToString() =
        match p with
        | ClassPictures -> "class pictures"
        | Before -> "drawing before"
        | Training -> "training"
        | After -> "drawing after"
        | Scoring -> "scoring"
        | EnlargingBefore -> "enlarging before"
        | UpscalerTraining -> "upscaler"
        | EnlargingAfter -> "enlarging after"
        | Stage name -> name

/// What a run tells whoever watches it. Nothing here is a result.
[<RequireQualifiedAccess>]
type RunProgress =
    /// A phase begins at `first` of `total` units; a phase that continues earlier work does not begin at nought.
    | Began of phase: Phase * first: int * total: int
    /// `count` units of the phase are done; training also tells its loss and its learning rate.
    | Reached of phase: Phase * count: int * loss: float option * rate: float option
    | Ended of phase: Phase
    /// A sentence worth telling: what is reused, what continues from where.
    | Note of text: string
