namespace Recipes

/// The words of a recipe. Each makes one plain value; a block collects them.
[<AutoOpen>]
module Language =
    // ---- a subject ----

    /// Something to learn, by its class noun: `subject "robot" { token "sks"; images "data/robot" }`.
    let subject noun = SubjectBlock noun

    /// The word that will stand for the subject: rare, and short for the tokenizer, such as `sks`.
    let token text = SubjectPart.Token text

    /// The folder of the subject's pictures. A relative path starts at the script's folder.
    let images folder = SubjectPart.Images folder

    /// How many pictures of the class keep the model from forgetting it; the base model draws them (prior preservation,
    /// arXiv 2208.12242).
    let prior pictures = SubjectPart.Prior pictures

    /// The caption of the subject's pictures; `{token}` and `{noun}` are filled in. Default: `a photo of {token} {noun}`.
    let instancePrompt template = SubjectPart.InstancePrompt template

    /// The caption of the class pictures. Default: `a photo of a {noun}`.
    let classPrompt template = SubjectPart.ClassPrompt template

    /// Pictures smaller than the training size may be enlarged.
    let upscaled = SubjectPart.Upscaled

    // ---- an adapter ----

    /// A low-rank adapter: `lora 16<rank>` or `lora 16<rank> { alpha 8.0; only CrossAttention }`.
    let lora rank = Tuning(LoRA rank, [])

    /// Change these layers and no others; several lines add up. Default: `only Attention`.
    let only layer = LoraPart.Only layer

    /// Another rank for some of the layers; of two that fit, the later line counts. Alpha stays as it is.
    let rankAt layer rank = LoraPart.RankAt(layer, rank)

    /// The change of each layer is scaled by alpha over that layer's rank. Default: each layer's rank, hence no scaling.
    let alpha value = LoraPart.Alpha value

    /// The share of the adapter's inputs that is dropped in training, from 0 to below 1. Default: 0.
    let dropout share = LoraPart.Dropout share

    // ---- the recipe and its lines ----

    /// A recipe: its name, its base model, and its lines.
    let recipe name (model: Model<'family>) = RecipeBlock<'family>(name, model)

    /// Learn a subject.
    let learn subject : Line<'family> = Line(RecipePart.Learn subject)

    /// How to learn: `adapt (lora 16<rank>)`.
    let adapt tuning : Line<'family> = Line(RecipePart.Adapt tuning)

    /// A prompt to draw before and after: `sample $"a photo of a {robot} on the moon"`.
    let sample text : Line<'family> =
        Line(RecipePart.Sample(Prompt.ofText text))

    // ---- the training budget ----

    /// The training budget: `train { steps 400<step>; rate 1e-4 }`.
    let train<'family> = TrainBlock<'family>()

    /// How many times the adapter is updated.
    let steps count = TrainPart.Steps count

    /// The learning rate. Default: 1e-4.
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

    /// Save a checkpoint every so many steps. Default: every tenth of the training.
    let checkpoint every = TrainPart.Checkpoint every

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

    // ---- results ----

    /// Where results go: `outputs { folder "runs" }`.
    let outputs<'family> = OutputBlock<'family>()

    /// The folder that the run's own folder is made in. A relative path starts at the current folder. Default: `runs`.
    let folder path = OutputPart.Folder path
