namespace Recipes

/// Optimiser or denoising steps.
[<Measure>]
type step

/// Pixels of a side.
[<Measure>]
type px

/// Rank of a low-rank adapter.
[<Measure>]
type rank

/// Pictures.
[<Measure>]
type img

/// Learned embedding vectors.
[<Measure>]
type vec
