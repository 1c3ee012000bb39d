namespace Recipes.Runs

open System
open System.IO
open System.Text.RegularExpressions
open System.Threading
open Recipes
open Recipes.Core
open Recipes.Core.Adapters
open Recipes.Core.Imaging

/// What to draw with the result of a finished run.
type RedrawOptions = {
    /// The folder that run folders are made in, or a run's own; the plan's own where nothing is given.
    Run: string option
    /// Instead of the plan's prompts; none for those.
    Prompts: string list
    /// The first seed; the plan's seeds where nothing is given.
    Seed: int64 option
    /// Pictures of each prompt; as many as the plan's seeds where nothing is given.
    Count: int option
    /// Where pictures go; `drawn/` in the run's folder where nothing is given.
    Target: string option
    /// What draws; the plan's own device where nothing is given.
    Device: Device option
    /// The strength of the run's own low-rank adapter; 1, as it was trained, where nothing is given.
    Scale: float option
    /// Adapter files that join it.
    Adapters: FurtherAdapter list
    /// Whether those may have been trained on other weights of the same family.
    AnyBase: bool
}

/// Draws more pictures with the result of a finished run.
[<RequireQualifiedAccess>]
module Redraw =
    /// How strong the run's own adapter is; only low-rank ones know more and less.
    let private weigh (plan: Plan) (scale: float option) (own: IDisposable) =
        match scale, own with
        | None, _ -> ()
        | Some scale, (:? LoraSet as set) -> set.Scale <- scale
        | Some scale, _ ->
            raise (
                RecipesException(
                    $"scale {scale}",
                    $"{plan.Name} has not trained a low-rank adapter, and nothing else has a scale",
                    "Leave it out."
                )
            )

    let private shots (plan: Plan) (options: RedrawOptions) : Shot list =
        let seeds =
            match options.Seed, options.Count with
            | None, None -> plan.Draw.Seeds
            | None, Some count ->
                let first = plan.Draw.Seeds.Head
                [ first .. first + count - 1 ]
            | Some first, count -> [ int first .. int first + defaultArg count plan.Draw.Seeds.Length - 1 ]

        let prompts =
            match options.Prompts with
            | [] ->
                plan.Samples
                |> List.map (fun sample -> sample.Text, sample.Plain, sample.Mentions)
            | texts -> texts |> List.map (fun text -> text, text, [])

        [
            for number, (text, plain, mentions) in List.indexed prompts do
                for seed in seeds do
                    {
                        Number = number + 1
                        Prompt = text
                        Plain = plain
                        Mentions = mentions
                        Seed = seed
                    }
        ]

    /// `a-photo-of-sks-dog-seed7.png`; a prompt too long for a name is told apart by its hash.
    let private name (shot: Shot) =
        let words =
            Regex.Replace(shot.Prompt.ToLowerInvariant(), "[^a-z0-9]+", "-").Trim '-'

        let short =
            if words.Length > 0 && words.Length <= 60 then
                words
            else
                let start = words[.. min 50 words.Length - 1]
                $"{start}-{(Json.sha256 shot.Prompt)[..7]}"

        $"{short}-seed{shot.Seed}.png"

    /// The pictures' files, prompt by prompt.
    let run (plan: Plan) (options: RedrawOptions) (tell: RunProgress -> unit) (stop: CancellationToken) : string list =
        if plan.Upscaling.IsSome then
            raise (
                RecipesException(
                    plan.Name,
                    "an upscaler draws from pictures, not from prompts",
                    "Write a recipe that draws them, with this one in an `enlarge` line."
                )
            )

        let folder = FinishedRun.find plan options.Run
        let target = options.Target |> Option.defaultValue (Path.Combine(folder, "drawn"))
        let shots = shots plan options

        let device = options.Device |> Option.defaultValue plan.Budget.Device
        Machine.prepare device Machine.threads

        let images =
            use model = Machine.load plan device
            use own = Product.attach folder plan model
            weigh plan options.Scale own
            use _ = Product.join plan model options.AnyBase options.Adapters
            let hints = Controlling.sampleHints plan shots
            let net = Controlling.trained folder plan model
            use _ = Controlling.held net
            tell (RunProgress.Began(Phase.After, 0, Painter.work plan shots))

            Controlling.drawing plan model net hints (fun controls ->
                Painter.draw
                    model
                    plan
                    shots
                    controls
                    (fun reached -> tell (RunProgress.Reached(Phase.After, reached, None, None)))
                    stop)

        tell (RunProgress.Ended Phase.After)

        let write (path: string) (image: Image) text =
            let png = ImageFile.EncodePng(image, text)
            Disk.write path (fun stream -> stream.Write(ReadOnlySpan png))
            path

        Disk.guard target (fun () ->
            Directory.CreateDirectory target |> ignore

            let drawn = [
                for shot, image in List.zip shots images ->
                    write
                        (Path.Combine(target, name shot))
                        image
                        (PictureText.ofDrawn plan shot options.Scale options.Adapters)
            ]

            match plan.Enlarge with
            | None -> drawn
            | Some stage ->
                let pictures = SmallPicture.drawn (List.zip shots images)

                let large =
                    Enlarging.again (Path.Combine(folder, "upscaler")) stage device pictures tell stop

                drawn
                @ [
                    for shot, image in List.zip shots large do
                        let small = name shot
                        let path = Path.Combine(target, $"{small[.. small.Length - 5]}-enlarged.png")
                        write path image (PictureText.ofEnlarged stage "after" shot.Prompt shot.Seed image.Width)
                ])
