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
    inherit Block<SubjectPart>()
    member _.Run(parts) : Subject = { Noun = noun; Parts = parts }

/// A way to learn. It is a value that opens again as a block: `lora 16<rank>` and `lora 16<rank> { alpha 8.0 }`.
[<Sealed>]
type Tuning(way: Method, parts: LoraPart list) =
    inherit Block<LoraPart>()
    member _.Method = way
    member _.Parts = parts
    /// The same with more lines.
    member _.Run(more) = Tuning(way, parts @ more)

    override _.Equals other =
        match other with
        | :? Tuning as tuning -> tuning.Method = way && tuning.Parts = parts
        | _ -> false

    override _.GetHashCode() = hash (way, parts)

    override _.ToString() =
        match way with
        | LoRA rank -> $"LoRA rank {rank}"

/// A line of a recipe.
[<RequireQualifiedAccess>]
type RecipePart =
    | Learn of Subject
    | Adapt of Tuning
    | Train of TrainPart list
    | Draw of DrawPart list
    | Sample of Prompt
    | Outputs of OutputPart list

/// One line of a recipe for one family of models; the mark is gone once the block is closed.
[<Struct>]
type Line<'family> = Line of RecipePart

/// A recipe as it was written: open data, not yet checked. `Plan.check` makes a plan of it.
type Recipe = {
    Name: string
    /// The base model's name.
    Model: string
    /// The family that the recipe was written for: SD1, SD2 or SDXL.
    Family: string
    Weights: Weights
    Parts: RecipePart list
}

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

/// `outputs { ... }`
type OutputBlock<'family>() =
    inherit Block<OutputPart>()
    member _.Run(parts) : Line<'family> = Line(RecipePart.Outputs parts)
