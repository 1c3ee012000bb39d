namespace Recipes

/// The words of a recipe. Each makes one plain value; a block collects them.
[<AutoOpen>]
module Language =
    // ---- pictures ----

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

    // ---- methods ----

    let private tuning way = { Method = way; Parts = [] }

    /// A low-rank adapter of a kind: `adapter DoRA 16<rank>`.
    let adapter kind rank =
        TuningBlock<ByLowRank>(tuning (Adapter(kind, rank)))

    /// A low-rank adapter (LoRA): `lora 16<rank>` or `lora 16<rank> { alpha 8.0; only CrossAttention }`.
    let lora rank = adapter LoRA rank

    /// A low-rank adapter with magnitudes of its own (DoRA).
    let dora rank = adapter DoRA rank

    /// A new token of so many vectors: `textualInversion 4<vec> { startFrom "toy" }`.
    let textualInversion vectors =
        TuningBlock<ByVectors>(tuning (NewVectors vectors))

    /// Keys and values of the attention to the prompt, with a new token for each subject (Custom Diffusion, arXiv
    /// 2212.04488): `customDiffusion` or `customDiffusion { startFrom "toy" }`.
    let customDiffusion = TuningBlock<ByKeysAndValues>(tuning KeysAndValues)

    /// The UNet's own weights, all of them: `everything`, or a part: `everything { only CrossAttention }`.
    let everything = TuningBlock<ByWeights>(tuning Everything)

    /// A ControlNet of one's own for a kind of hints: `controlNet Canny`.
    let controlNet (kind: #IHintKind) =
        TuningBlock<ByControl>(tuning (ControlNetwork kind.Kind))

    /// Change these layers and no others; several lines add up. Default: `only Attention` of an adapter, and all of
    /// `everything`.
    let only<'way when 'way :> ByLayers> layer : TuneLine<'way> = TuneLine(TunePart.Only layer)

    /// These layers in some parts of the UNet only: `only (Attention |> within [ Middle; Up 1 ])`.
    let within depths layer = Within(layer, depths)

    /// Another rank for some of the layers; of two that fit, the later line counts. Alpha stays as it is.
    let rankAt layer rank : TuneLine<ByLowRank> = TuneLine(TunePart.RankAt(layer, rank))

    /// The change of each layer is scaled by alpha over that layer's rank. Default: each layer's rank, hence no scaling.
    let alpha value : TuneLine<ByLowRank> = TuneLine(TunePart.Alpha value)

    /// The share of the adapter's inputs that is dropped in training, from 0 to below 1. Default: 0.
    let dropout share : TuneLine<ByLowRank> = TuneLine(TunePart.Dropout share)

    /// What the adapter's first factor is drawn from. Default: Kaiming.
    let initial kind : TuneLine<ByLowRank> = TuneLine(TunePart.Initial kind)

    /// The adapter's first factor is this share, from 1, of a basis that is the same for all, and stays so: adapters of
    /// different shares add up without disturbing each other (Orthogonal Adaptation, arXiv 2312.02432).
    let orthogonal share : TuneLine<ByLowRank> = TuneLine(TunePart.Orthogonal share)

    /// The word whose vector the new ones start from. Default: the subject's class noun.
    let startFrom<'way when 'way :> ByTokens> word : TuneLine<'way> = TuneLine(TunePart.StartFrom word)

    /// The captions that new vectors are learned with. Default: Things.
    let templates kind : TuneLine<ByVectors> = TuneLine(TunePart.Templates kind)

    // ---- the recipe and its lines ----

    /// A recipe: its name, its base model, and its lines.
    let recipe name (model: Model<'family>) = RecipeBlock<'family>(name, model)

    /// Learn a subject.
    let learn subject : Line<'family> = Line(RecipePart.Learn subject)

    /// Learn from a theme.
    let data theme : Line<'family> = Line(RecipePart.Data theme)

    /// How to learn: `adapt (lora 16<rank>)`.
    let adapt (block: TuningBlock<'way>) : Line<'family> = Line(RecipePart.Adapt block.Tuning)

    /// A prompt to draw before and after: `sample $"a photo of a {robot} on the moon"`.
    let sample text : Line<'family> =
        Line(RecipePart.Sample(Prompt.ofText text))

    // ---- control ----

    let private hint<'kind when 'kind :> IHintKind> kind source : Hint<'kind> = { Kind = kind; Sources = [ source ] }

    /// Canny's edges of a picture. A relative path starts at the script's folder.
    let cannyOf picture : Hint<Canny> =
        hint HintKind.Canny (HintSource.Annotated picture)

    /// Line art of a picture.
    let lineartOf picture : Hint<Lineart> =
        hint HintKind.Lineart (HintSource.Annotated picture)

    /// Strokes along the main edges of a picture.
    let scribbleOf picture : Hint<Scribble> =
        hint HintKind.Scribble (HintSource.Annotated picture)

    /// A picture's areas of one colour.
    let segmentationOf picture : Hint<Segmentation> =
        hint HintKind.Segmentation (HintSource.Annotated picture)

    /// The straight lines in a picture.
    let linesOf picture : Hint<Lines> =
        hint HintKind.Lines (HintSource.Annotated picture)

    /// People by their keypoints: a JSON file as OpenPose writes it.
    let poseOf json : Hint<Pose> =
        hint HintKind.Pose (HintSource.Keypoints json)

    /// A picture that is a hint of a kind already: `drawn DepthMap "depth.png"`.
    let drawn<'kind when 'kind :> IHintKind> (kind: 'kind) picture : Hint<'kind> =
        hint kind.Kind (HintSource.Ready picture)

    /// A hint for each `sample` line, in their order: `oneEach [ cannyOf "boat.png"; cannyOf "tree.png" ]`.
    let oneEach (hints: Hint<'kind> list) : Hint<'kind> = {
        Kind = (hints |> List.tryHead |> Option.map _.Kind |> Option.defaultValue HintKind.Canny)
        Sources = hints |> List.collect _.Sources
    }

    /// Samples are drawn once without any control and once with all: `control net (cannyOf "boat.png") { strength 1.0 }`.
    let control (net: ControlNet<'family, 'kind>) (hint: Hint<'kind>) =
        ControlBlock<'family>(net.Source, hint.Kind, hint.Sources)

    /// By what the ControlNet's outputs are multiplied. Default: 1.
    let strength value = ControlPart.Strength value

    /// The shares of the denoising steps between which the control steers. Default: 0 and 1.
    let between first last = ControlPart.Between(first, last)

    // ---- merges ----

    /// Put together what several recipes have learned apart: `merge LeastSquares [ robots; houses ]`. Each is run first,
    /// where it is not finished yet; their subjects may stand in this recipe's prompts.
    let merge way (recipes: Recipe list) : Line<'family> = Line(RecipePart.Merge(way, recipes))

    /// Draw and measure another way of merging, too: `against PlainSum`.
    let against way : Line<'family> = Line(RecipePart.Against way)

    // ---- upscalers ----

    /// Enlarge what is drawn, by an upscaler that learns the same subject or theme, or one of its own:
    /// `enlarge (recipe "large" Models.pocketX4 { adapt everything; train { steps 300<step> } })`.
    let enlarge (stage: Recipe) : Line<'family> = Line(RecipePart.Enlarge stage)

    /// The folder of pictures that the upscaler is measured by and never learns from. A relative path starts at the
    /// script's folder.
    let measureOn folder : Line<X4> = Line(RecipePart.MeasureOn folder)

    /// The highest noise level that small pictures get in training; each up to it is as likely (noise conditioning
    /// augmentation, arXiv 2106.15282). Default: the upscaler's own highest.
    let noiseUpTo level : Line<X4> = Line(RecipePart.NoiseUpTo level)

    /// The noise level that small pictures get before they are enlarged: the higher, the freer the upscaler is to invent
    /// detail. Default: 0.
    let noiseLevel level : Line<X4> = Line(RecipePart.NoiseLevel level)

    // ---- the training budget ----

    /// The training budget: `train { steps 400<step>; rate 1e-4 }`.
    let train<'family> = TrainBlock<'family>()

    /// How many times the adapter is updated.
    let steps count = TrainPart.Steps count

    /// The learning rate. Default: 1e-4; 3e-5 of Lion, 1 of Prodigy.
    let rate value = TrainPart.Rate value

    /// Pictures of a subject in each pass; as many of its class come with them. Default: 1.
    let batch pictures = TrainPart.Batch pictures

    /// Passes whose gradients are averaged into one step. Default: 1.
    let accumulate passes = TrainPart.Accumulate passes

    /// Steps in which the learning rate rises from zero. Default: 0.
    let warmup count = TrainPart.Warmup count

    /// How the learning rate moves after the warm-up. Default: Constant.
    let schedule kind = TrainPart.Schedule kind

    /// The side of the pictures, in training and in drawing. Default: the base model's own.
    let size pixels = TrainPart.Size pixels

    /// The one seed that every random number of the training comes from. Default: 0.
    let seed value = TrainPart.Seed value

    /// The numbers that the base model computes with. Default: Float32.
    let precision kind = TrainPart.Precision kind

    /// What computes. Default: Cpu.
    let device kind = TrainPart.Device kind

    /// The weight of the class pictures' loss beside the subject's. Default: 1 where there are class pictures.
    let priorWeight value = TrainPart.PriorWeight value

    /// The decoupled weight decay of AdamW (arXiv 1711.05101). Default: 0.01.
    let weightDecay value = TrainPart.WeightDecay value

    /// Gradients longer than this are shortened to it; 0 turns clipping off. Default: 1.
    let clipNorm value = TrainPart.ClipNorm value

    /// Weigh timesteps by min-SNR with this gamma (arXiv 2303.09556), usually 5. Default: all weigh the same.
    let minSnr gamma = TrainPart.MinSnr gamma

    /// What follows the gradients: `optimiser Prodigy`. Default: AdamW.
    let optimiser kind = TrainPart.Optimiser kind

    /// How errors count: `loss (Huber 0.1)`. Default: Squared.
    let loss kind = TrainPart.Loss kind

    /// Weigh timesteps by the inverse root of their signal-to-noise ratio (arXiv 2310.08442). Default: all weigh the same.
    let debiased = TrainPart.Debiased

    /// Add noise that is the same all over a channel, so that brightness is learned too; usually 0.05 to 0.1. Default: 0.
    let noiseOffset size = TrainPart.NoiseOffset size

    /// Add noise to the input that need not be found (arXiv 2301.11706), usually 0.1. Default: 0.
    let perturbation size = TrainPart.Perturbation size

    /// Train these diffusion times only, both ends included: `timesteps 0 499`. Default: all of them.
    let timesteps first last = TrainPart.Timesteps(first, last)

    /// Scale the noise so that nothing of the picture is left at its end (arXiv 2305.08891), in training and in drawing
    /// afterwards; for models that predict v.
    let zeroTerminalSnr = TrainPart.ZeroTerminalSnr

    /// Save a checkpoint every so many steps. Default: every tenth of the training.
    let checkpoint every = TrainPart.Checkpoint every

    /// The result is a running average of what is trained, which forgets with this decay, such as 0.999; it starts faster.
    /// Default: what is trained itself.
    let ema decay = TrainPart.Ema decay

    /// The share of captions that are left out, from 0 to 1, so that guidance keeps working (arXiv 2207.12598). Default: 0.
    let captionDropout share = TrainPart.CaptionDropout share

    /// Pictures keep about their shapes: each is trained in the one of several of the same area that is nearest to its own.
    /// Default: all are cut to squares.
    let buckets = TrainPart.Buckets

    /// What becomes of pictures that fill no batch of their shape: Repeat or Drop.
    let remainder way = TrainPart.Remainder way

    /// Another part of each picture at each visit, where its shape does not fit. Default: the middle.
    let randomCrop = TrainPart.RandomCrop

    /// Keep the inputs of the UNet's blocks alone and run the blocks again for their gradients (arXiv 1604.06174): less
    /// memory, more time, the same result. Not with dropout. Default: everything is kept.
    let gradientCheckpointing = TrainPart.GradientCheckpointing

    /// Measure the loss on the pictures held out every so many steps. Default: every tenth of the training.
    let validate every = TrainPart.Validate every

    /// Draw the samples every so many steps, with their first seed. Default: only before and after.
    let preview every = TrainPart.Preview every

    /// Keep what the autoencoder makes of the pictures on disk, for other runs.
    let cacheLatents = TrainPart.CacheLatents

    /// Keep what the text encoder makes of the captions on disk, for other runs.
    let cacheTexts = TrainPart.CacheTexts

    /// Learn also from so many collages of two subjects side by side, composed from their pictures (Cut-Mix, arXiv
    /// 2303.11305, section 3.3). Default: none.
    let collage pictures = TrainPart.Collage pictures

    /// The weight of a loss that keeps the attention of each subject's words out of the other half of a collage (the same
    /// paper, Unmix). Default: none.
    let unmix weight = TrainPart.Unmix weight

    /// The loss counts the pixels of the subjects' `masks` alone: `maskedLoss PerArea`. Default: all pixels.
    let maskedLoss mean = TrainPart.MaskedLoss mean

    /// The weight of a loss that draws the attention of each subject's words to its mask (arXiv 2305.16311), such as 0.01.
    /// Default: none.
    let attendMasks weight = TrainPart.AttendMasks weight

    // ---- drawing ----

    /// How samples are drawn: `draw { denoise 20<step>; guidance 5.0 }`.
    let draw<'family> = DrawBlock<'family>()

    /// Denoising steps of a picture. Default: 20.
    let denoise count = DrawPart.Denoise count

    /// How strongly a picture follows its prompt (classifier-free guidance, arXiv 2207.12598); 1 is none. Default: 5.
    let guidance value = DrawPart.Guidance value

    /// What to keep away from: the negative prompt. Default: nothing.
    let avoid text = DrawPart.Avoid text

    /// The seeds of each prompt's pictures, one picture a seed. Default: 0, 1, 2 and 3.
    let seeds values = DrawPart.Seeds values

    /// Pictures of each prompt, from the seeds 0, 1, 2 and so on: a shorter way to write `seeds`.
    let count pictures = DrawPart.Count pictures

    /// How noise becomes a picture. Default: Ddim.
    let sampler kind = DrawPart.Sampler kind

    /// How far the higher contrast of guidance is taken back, from 0 to 1 (arXiv 2305.08891, section 3.4). Default: 0.
    let rescale share = DrawPart.Rescale share

    /// How many of the text encoder's last layers are left out. Default: 0.
    let clipSkip layers = DrawPart.ClipSkip layers

    // ---- results ----

    /// Where results go: `outputs { folder "runs" }`.
    let outputs<'family> = OutputBlock<'family>()

    /// The folder that the run's own folder is made in. A relative path starts at the current folder. Default: `runs`.
    let folder path = OutputPart.Folder path
