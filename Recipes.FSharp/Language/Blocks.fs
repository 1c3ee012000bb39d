namespace Recipes

/// A block whose lines are plain values: each line adds one part, and `for` and `if` add many or none.
type Block<'part>() =
    member inline _.Yield(part: 'part) = [ part ]
    member inline _.Zero() : 'part list = []
    member inline _.Combine(first: 'part list, second: 'part list) = first @ second
    member inline _.Delay([<InlineIfLambda>] parts: unit -> 'part list) = parts ()

    member inline _.For(items: seq<'item>, [<InlineIfLambda>] part: 'item -> 'part list) = [
        for item in items do
            yield! part item
    ]

/// `subject "robot" { ... }`
type SubjectBlock(noun: string) =
    inherit Block<PictureLine<OfSubject>>()

    member _.Run(lines: PictureLine<OfSubject> list) : Subject = {
        Noun = noun
        Parts = [ for PictureLine part in lines -> part ]
    }

/// `theme "woodcuts" { ... }`
type ThemeBlock(name: string) =
    inherit Block<PictureLine<OfTheme>>()

    member _.Run(lines: PictureLine<OfTheme> list) : Theme = {
        Name = name
        Parts = [ for PictureLine part in lines -> part ]
    }

/// A method. It is a value that opens again as a block: `lora 16<rank>` and `lora 16<rank> { alpha 8.0 }`.
[<Sealed>]
type TuningBlock<'way>(tuning: Tuning) =
    inherit Block<TuneLine<'way>>()
    member _.Tuning = tuning

    /// The same with more lines.
    member _.Run(lines: TuneLine<'way> list) =
        TuningBlock<'way> {
            tuning with
                Parts = tuning.Parts @ [ for TuneLine part in lines -> part ]
        }

    override _.Equals other =
        match other with
        | :? TuningBlock<'way> as block -> block.Tuning = tuning
        | _ -> false

    override _.GetHashCode() = hash tuning
    override _.ToString() = string tuning

/// A line of a recipe.
[<RequireQualifiedAccess>]
type RecipePart =
    | Learn of Subject
    | Data of Theme
    | Adapt of Tuning
    | Train of TrainPart list
    | Draw of DrawPart list
    | Sample of Prompt
    | Control of Steering
    | Outputs of OutputPart list
    /// Pictures that an upscaler is measured by and never learns from.
    | MeasureOn of folder: string
    /// The highest noise level of an upscaler's small pictures in training.
    | NoiseUpTo of level: int
    /// The noise level of small pictures that an upscaler enlarges.
    | NoiseLevel of level: int
    /// A recipe for an upscaler, which then enlarges what this recipe draws.
    | Enlarge of Recipe
    /// Recipes whose results are merged.
    | Merge of MergeWay * Recipe list
    /// Another way to merge them, to compare with.
    | Against of MergeWay

/// A recipe as it was written: open data, not yet checked. `Plan.check` makes a plan of it.
and Recipe = {
    Name: string
    /// The base model's name.
    Model: string
    /// The family that the recipe was written for: SD1, SD2, SDXL or X4.
    Family: string
    Weights: Weights
    Parts: RecipePart list
}

/// One line of a recipe for one family of models; the mark is gone once the block is closed.
[<Struct>]
type Line<'family> = Line of RecipePart

/// `recipe "name" Models.pocket { ... }`
type RecipeBlock<'family when 'family :> Family>(name: string, model: Model<'family>) =
    inherit Block<Line<'family>>()

    member _.Run(lines: Line<'family> list) : Recipe = {
        Name = name
        Model = model.Name
        Family = typeof<'family>.Name
        Weights = model.Weights
        Parts = [ for Line part in lines -> part ]
    }

/// `train { ... }`
type TrainBlock<'family>() =
    inherit Block<TrainPart>()
    member _.Run(parts) : Line<'family> = Line(RecipePart.Train parts)

/// `draw { ... }`
type DrawBlock<'family>() =
    inherit Block<DrawPart>()
    member _.Run(parts) : Line<'family> = Line(RecipePart.Draw parts)

/// `control net hint { ... }`
type ControlBlock<'family>(net: ControlNetSource, kind: HintKind, hints: HintSource list) =
    inherit Block<ControlPart>()

    member _.Run(parts: ControlPart list) : Line<'family> =
        Line(
            RecipePart.Control {
                Net = net
                Kind = kind
                Hints = hints
                Parts = parts
            }
        )

/// `outputs { ... }`
type OutputBlock<'family>() =
    inherit Block<OutputPart>()
    member _.Run(parts) : Line<'family> = Line(RecipePart.Outputs parts)
