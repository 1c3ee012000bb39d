namespace Recipes.Runs

open System
open System.IO
open System.Threading
open Recipes
open Recipes.Core.Imaging
open Recipes.Core.Models
open Recipes.Core.Pipelines
open Recipes.Core.Training

/// An upscaler's stage: it enlarges as it is, is tuned, and enlarges again. What it leaves lies in a folder of its own.
[<RequireQualifiedAccess>]
module internal Enlarging =
    /// What a stage made.
    type Made = {
        Plan: Plan
        /// Where its files lie.
        Folder: string
        /// Of pictures that it never learned from.
        HeldOut: Enlargement list
        /// Of what the recipe around it drew.
        Drawn: Enlargement list
    }

    /// Bytes that the stage may write: the result, two copies of its optimiser's state, and pictures.
    let space (plan: Plan) (drawn: int) =
        match plan.Upscaling with
        | None -> 0L
        | Some upscaling ->
            let side = int64 plan.Budget.Size
            let each = 4L * 3L * side * side * int64 (upscaling.Factor * upscaling.Factor)
            let count = drawn + upscaling.HeldOut.Length * plan.Draw.Seeds.Length

            Checks.Resources.resultBytes plan.Method.Parameters
            + 2L
              * (Checks.Resources.checkpointBytes plan.Budget.Optimiser plan.Method.Parameters
                 + Checks.Resources.averageBytes plan.Budget plan.Method.Parameters)
            + each * int64 count

    let private pathOf (folder: string) set (picture: SmallPicture) kind =
        Path.Combine(folder, set, $"{picture.Name}-{kind}.png")

    /// `held-out/1-bowing-seed0-after.png`
    let heldOutPath folder = pathOf folder "held-out"

    /// `enlarged/01-seed7-after.png`
    let drawnPath folder = pathOf folder "enlarged"

    let private work (plan: Plan) (pictures: SmallPicture list) = int plan.Draw.Denoise * pictures.Length

    /// One large picture for each small one; the small ones are of one size. `reached` is told how many of `work` units
    /// are done.
    let draw model (plan: Plan) (pictures: SmallPicture list) (reached: int -> unit) stop =
        if pictures.IsEmpty then
            []
        else
            use small = ImageTensor.FromImages [| for picture in pictures -> picture.Small |]

            let request =
                Lowering.Upscaler.request
                    model
                    plan
                    (pictures |> List.map _.Prompt)
                    (pictures |> List.map (fun picture -> uint64 picture.Seed))
                    small

            let progress = {
                new IProgress<int> with
                    member _.Report count = reached count
            }

            Upscaling.Run(model, request, progress, stop) |> List.ofSeq

    let private save (path: string) (plan: Plan) kind (picture: SmallPicture) (image: Image) =
        let text = PictureText.ofEnlarged plan kind picture.Prompt picture.Seed image.Width
        let png = ImageFile.EncodePng(image, text)
        Path.GetDirectoryName path |> nonNull |> Directory.CreateDirectory |> ignore
        Disk.write path (fun stream -> stream.Write(ReadOnlySpan png))

    /// Both sets of pictures by the upscaler as it is now: read where they lie already, enlarged and saved otherwise.
    let private enlarged folder plan model phase kind (tell: RunProgress -> unit) stop sets =
        let total = sets |> List.sumBy (fun (_, pictures) -> work plan pictures)

        let all = [
            for path, pictures in sets do
                for picture in pictures do
                    path folder picture kind, picture
        ]

        if all |> List.forall (fst >> File.Exists) then
            all |> List.map (fst >> ImageFile.Decode)
        else
            tell (RunProgress.Began(phase, 0, total))
            let mutable before = 0

            let images = [
                for _, pictures in sets do
                    let done' = before

                    yield!
                        draw
                            model
                            plan
                            pictures
                            (fun count -> tell (RunProgress.Reached(phase, done' + count, None, None)))
                            stop

                    before <- done' + work plan pictures
            ]

            for (path, picture), image in List.zip all images do
                save path plan kind picture image

            tell (RunProgress.Ended phase)
            images

    /// The log of the stage's training.
    let metrics (folder: string) = Path.Combine(folder, "metrics.jsonl")

    /// Trains, saves the result, and leaves it on the model until it is disposed of.
    let private train folder (plan: Plan) hash (model: StableDiffusionModel) tell (stop: CancellationToken) =
        use log =
            new StepLog(metrics folder, int plan.Budget.Steps, Phase.UpscalerTraining, tell)

        let result =
            DiffusionTrainer.Run(model, Lowering.Upscaler.options plan hash folder, log, stop)

        if result.Status = TrainingStatus.Interrupted then
            result.Dispose()
            raise (OperationCanceledException stop)

        Learning.note tell result
        let header = AdapterHeader.ofPlan plan

        match result.Adapters with
        | null -> UNetFolder.Write(model.UNet, result.Weights, Path.Combine(folder, "unet"), header)
        | _ -> result.SaveAdapters(Product.path folder plan, header)

        log.Ended()
        result

    /// Runs the stage in `folder`, or goes on with it. `hash` is that of the whole plan; `shots` are pictures to enlarge
    /// beside the held-out ones.
    let run folder (plan: Plan) (hash: string) (shots: (Shot * Image) list) tell stop : Made =
        Directory.CreateDirectory folder |> ignore
        let upscaling = Lowering.Upscaler.upscaling plan
        let heldOut = SmallPicture.heldOut plan upscaling
        let drawn = SmallPicture.drawn shots
        let sets = [ heldOutPath, heldOut; drawnPath, drawn ]
        use model = Machine.load plan plan.Budget.Device

        let before =
            enlarged folder plan model Phase.EnlargingBefore "before" tell stop sets

        let after =
            use _ = train folder plan hash model tell stop
            enlarged folder plan model Phase.EnlargingAfter "after" tell stop sets

        let all = [
            for picture, before, after in List.zip3 (heldOut @ drawn) before after ->
                {
                    Picture = picture
                    Bicubic = SmallPicture.bicubic upscaling.Factor picture
                    Before = before
                    After = after
                }
        ]

        for path, made in
            [
                heldOutPath, List.truncate heldOut.Length all
                drawnPath, List.skip heldOut.Length all
            ] do
            for each in made do
                save (path folder each.Picture "bicubic") plan "bicubic" each.Picture each.Bicubic

        {
            Plan = plan
            Folder = folder
            HeldOut = List.truncate heldOut.Length all
            Drawn = List.skip heldOut.Length all
        }

    /// Enlarges with the result of a finished stage.
    let again folder (plan: Plan) device pictures (tell: RunProgress -> unit) stop =
        use model = Machine.load plan device
        use _ = Product.attach folder plan model
        tell (RunProgress.Began(Phase.EnlargingAfter, 0, work plan pictures))

        let images =
            draw
                model
                plan
                pictures
                (fun count -> tell (RunProgress.Reached(Phase.EnlargingAfter, count, None, None)))
                stop

        tell (RunProgress.Ended Phase.EnlargingAfter)
        images

    /// The checkpoint of a finished stage is of no more use.
    let finish (made: Made) =
        File.Delete(Path.Combine(made.Folder, TrainingCheckpoint.FileName))
