namespace Recipes

/// The word `recipe`, and its lines that are no blocks of their own.
[<AutoOpen>]
module RecipeWords =
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

    /// Put together what several recipes have learned apart: `merge LeastSquares [ robots; houses ]`. Each is run first,
    /// where it is not finished yet; their subjects may stand in this recipe's prompts.
    let merge way (recipes: Recipe list) : Line<'family> = Line(RecipePart.Merge(way, recipes))

    /// Draw and measure another way of merging, too: `against PlainSum`.
    let against way : Line<'family> = Line(RecipePart.Against way)

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

    /// Where results go: `outputs { folder "runs" }`.
    let outputs<'family> = OutputBlock<'family>()

    /// The folder that the run's own folder is made in. A relative path starts at the current folder. Default: `runs`.
    let folder path = OutputPart.Folder path
