namespace Recipes

/// The word `train`, and its lines: the training budget.
[<AutoOpen>]
module BudgetWords =
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
