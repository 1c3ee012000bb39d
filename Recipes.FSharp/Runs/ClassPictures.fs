namespace Recipes.Runs

open System
open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Pipelines
open Recipes.Core.Training

/// The class pictures of prior preservation (arXiv 2208.12242, section 3.2): the base model draws them once, and every
/// run that would draw the same ones finds them in the cache.
[<RequireQualifiedAccess>]
module internal ClassPictures =
    /// All that decides the pictures, but not how many: more of them begin with the fewer. Their seeds are their own,
    /// so that runs which differ in the training's seed share them.
    let key (plan: Plan) (subject: PlannedSubject) =
        Json.canonical (
            Json.Object [
                "avoid", Json.Text plan.Draw.Avoid
                "batch", Json.whole Painter.batch
                "device",
                Json.Text(
                    match plan.Budget.Device with
                    | Cpu -> "cpu"
                    | Cuda _ -> "cuda"
                )
                "guidance", Json.Number plan.Draw.Guidance
                "model", Json.Text plan.Model.Sha256
                "precision", Json.Text(string plan.Budget.Precision)
                "prompt", Json.Text subject.ClassPrompt
                "sampler", Json.Text(string plan.Draw.Sampler)
                "size", Json.whole (int plan.Budget.Size)
                "steps", Json.whole (int plan.Draw.Denoise)
                "version", Json.Number 1.0
            ]
        )

    let private seeds = RandomStreams "class pictures"

    /// The files of the subject's class pictures, drawn where the cache lacks them. `reached` is told how many of
    /// `work plan subject` units are done.
    let files root (plan: Plan) (subject: PlannedSubject) (model: StableDiffusionModel) (reached: int -> unit) stop =
        let count = int subject.PriorCount
        let steps = int plan.Draw.Denoise

        let draw first =
            let request =
                Lowering.Requests.plain model plan Painter.batch [ subject.ClassPrompt ] [
                    for index in first .. first + Painter.batch - 1 -> seeds.Seed("picture", int64 index)
                ]

            let done' = first / Painter.batch * steps

            let progress = {
                new IProgress<int> with
                    member _.Report step = reached (done' + step)
            }

            TextToImage.Run(model, request, progress, stop)
            |> Seq.map (fun image -> ImageFile.EncodePng image)
            |> Seq.toList

        PictureCache.get root (key plan subject) count Painter.batch draw (fun pictures ->
            reached ((pictures + Painter.batch - 1) / Painter.batch * steps))

    let work (plan: Plan) (subject: PlannedSubject) =
        (int subject.PriorCount + Painter.batch - 1) / Painter.batch
        * int plan.Draw.Denoise
