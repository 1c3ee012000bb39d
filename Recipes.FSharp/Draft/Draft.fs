namespace Recipes

/// A recipe with defaults filled in and nothing checked: of a line given twice, the last counts.
type internal Draft = {
    Recipe: Recipe
    /// Subjects, then themes.
    Sources: SourceDraft list
    Tunings: Tuning list
    Controls: Steering list
    Budget: Budget
    Drawing: Drawing
    Samples: Prompt list
    /// Highest noise levels that were written for small pictures in training.
    NoiseUpTo: int list
    /// The noise level of small pictures to enlarge.
    NoiseLevel: int
    /// Recipes for an upscaler of what is drawn.
    Enlarge: Recipe list
    Merges: (MergeWay * Recipe list) list
    /// Other ways to merge.
    Against: MergeWay list
    Outputs: string
} with

    member draft.Subjects = draft.Sources |> List.filter (fun source -> not source.IsTheme)

    /// Whether nothing is trained: the base model draws, led by controls.
    member draft.DrawsOnly =
        draft.Tunings.IsEmpty
        && draft.Sources.IsEmpty
        && not draft.Controls.IsEmpty
        && draft.Merges.IsEmpty

    /// Whether it puts together what other recipes learn, and trains nothing itself.
    member draft.IsMerge = not draft.Merges.IsEmpty

    /// Whether it is for an upscaler, which learns from pictures alone and draws from small ones.
    member draft.Upscales = draft.Recipe.Family = nameof X4

[<RequireQualifiedAccess>]
module internal Draft =
    /// Subjects, then themes. Class pictures have no part in an upscaler's training, nor in a merge.
    let sources (recipe: Recipe) =
        let written = [
            for subject in RecipeLines.subjects recipe do
                SourceDraft.ofSubject subject
            for theme in RecipeLines.themes recipe do
                SourceDraft.ofTheme theme
        ]

        if recipe.Family = nameof X4 then
            written |> List.map (fun source -> { source with Prior = 0<img> })
        elif not (RecipeLines.merges recipe).IsEmpty then
            written
            |> List.map (fun source -> {
                source with
                    Prior = 0<img>
                    HeldOut = ""
                    Masks = ""
                    Beside = []
            })
        else
            written

    /// An upscaler's held-out pictures, in the form of a source.
    let measuring (recipe: Recipe) =
        RecipeLines.measuringFolders recipe
        |> List.tryLast
        |> Option.map (fun folder ->
            SourceDraft.ofTheme {
                Name = "measureOn"
                Parts = [ PicturePart.Images folder; PicturePart.Captions(Same "") ]
            })

    /// Fills in the defaults; the base model's own size is one of them.
    let ofRecipe native (recipe: Recipe) =
        let sources = sources recipe

        {
            Recipe = recipe
            Sources = sources
            Tunings = RecipeLines.tunings recipe
            Controls = RecipeLines.controls recipe
            Budget =
                Budget.ofParts
                    native
                    (sources |> List.exists (fun s -> s.Prior > 0<img>))
                    (sources |> List.exists (fun s -> s.HeldOut <> ""))
                    (RecipeLines.trainParts recipe)
            Drawing = Drawing.ofParts (recipe.Family = nameof X4) (RecipeLines.drawParts recipe)
            Samples = RecipeLines.samples recipe
            NoiseUpTo = RecipeLines.noiseUpTo recipe
            NoiseLevel = RecipeLines.noiseLevels recipe |> List.tryLast |> Option.defaultValue 0
            Enlarge = RecipeLines.enlargings recipe
            Merges = RecipeLines.merges recipe
            Against = RecipeLines.againsts recipe
            Outputs =
                ("runs", RecipeLines.outputParts recipe)
                ||> List.fold (fun _ part ->
                    match part with
                    | OutputPart.Folder path -> path)
        }
