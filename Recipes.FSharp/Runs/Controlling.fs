namespace Recipes.Runs

open System
open System.IO
open Recipes
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes.Core.Pipelines
open Recipes.Core.Training
open Recipes.Eval
open Recipes.Eval.Metrics
open TorchSharp

/// Hints and ControlNets of a run: made, loaded, saved and measured.
[<RequireQualifiedAccess>]
module internal Controlling =
    /// Pixels by which an edge of the result may be off and still count as the control's.
    let private tolerance = 1

    let private thresholds = 100.0, 200.0

    /// Makes hints of a kind; the annotator is made at its first use, since that of lines loads a network.
    let private annotator (kind: HintKind) =
        let made = lazy (Annotators.AnnotatorKinds.Of kind.Name)
        fun (image: Image) -> made.Value.Annotate image

    let private png (path: string) (image: Image) =
        let bytes = ImageFile.EncodePng image
        Disk.write path (fun stream -> stream.Write(ReadOnlySpan bytes))

    /// The hint of each training picture, by subject: the one that lies beside it, or one made of it in `hints/`.
    let trainingHints (folder: RunFolder) (plan: Plan) : string list list =
        match plan.Method with
        | PlannedMethod.Control net ->
            let annotate = annotator net.Kind

            [
                for number, subject in List.indexed plan.Subjects do
                    [
                        for picture in subject.Images do
                            match picture.Hint with
                            | Some(path, _) -> path
                            | None ->
                                let path = folder.File("hints", string (number + 1), $"{picture.Name}.png")

                                if not (File.Exists path) then
                                    png path (annotate (ImageFile.Decode picture.Path))

                                path
                    ]
            ]
        | PlannedMethod.Nothing
        | PlannedMethod.LowRank _
        | PlannedMethod.Vectors _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Merge _
        | PlannedMethod.Weights _ -> []

    let private made (side: int) annotate (file: HintFile) =
        match file.Source with
        | HintSource.Ready _ -> ImageFile.Decode file.Path
        | HintSource.Keypoints _ -> Annotators.PoseAnnotator(Annotators.Pose.Read file.Path).Draw(side, side)
        | HintSource.Annotated _ ->
            let scaled =
                Resize.ShorterSide(ImageFile.Decode file.Path, side, Resampling.Bilinear)

            annotate (Crop.Centre(scaled, side, side))

    /// The edges that a result should have: the hint's own where it is one of edges, those in it otherwise.
    let private edges (kind: HintKind) (hint: Image) =
        match kind with
        | HintKind.Canny -> EdgeMap.FromImage hint
        | HintKind.Lineart
        | HintKind.Scribble
        | HintKind.Segmentation
        | HintKind.Lines
        | HintKind.DepthMap
        | HintKind.Pose -> Recipes.Core.Imaging.Canny.Detect(hint, fst thresholds, snd thresholds)

    /// The hint of each shot, by control.
    /// Throws RecipesException: a hint cannot be made, or has nothing to follow.
    let sampleHints (plan: Plan) (shots: Shot list) : Image list list = [
        for control in plan.Controls do
            let annotate = annotator control.Kind

            let images = [
                for file in control.Hints do
                    let image = made (int plan.Budget.Size) annotate file

                    if (edges control.Kind image).Count = 0 then
                        raise (
                            RecipesException(
                                file.Path,
                                $"the {control.Kind} hint has no edge to follow",
                                "Choose a picture with clearer contours."
                            )
                        )

                    image
            ]

            match images with
            | [ one ] -> [ for _ in shots -> one ]
            | several ->
                match shots |> List.tryFind (fun shot -> shot.Number > several.Length) with
                | Some shot ->
                    raise (
                        RecipesException(
                            $"prompt {shot.Number}",
                            $"the plan has {several.Length} hints, one for each of its own prompts",
                            "Draw the plan's own prompts, or give the recipe one hint for all."
                        )
                    )
                | None -> [ for shot in shots -> several[shot.Number - 1] ]
    ]

    /// Keeps the hints of the samples in `hints/`: `sample-01-canny.png`.
    let keep (folder: RunFolder) (plan: Plan) (shots: Shot list) (hints: Image list list) =
        for number, (control, images) in List.indexed (List.zip plan.Controls hints) do
            let order = if number = 0 then "" else $"-{number + 1}"

            for shot, image in List.zip shots images |> List.distinctBy (fun (shot, _) -> shot.Number) do
                png (folder.File("hints", $"sample-{shot.Number:D2}-{control.Kind}{order}.png")) image

    /// The ControlNet that the plan trains, as it begins: a copy of the UNet that changes nothing yet.
    let fresh (plan: Plan) (model: StableDiffusionModel) : ControlNetModel option =
        match plan.Method with
        | PlannedMethod.Control _ ->
            use generator = RandomStreams(plan.Budget.Seed).Generator("controlnet", 0L)

            Some(ControlNetModel.FromUNet(model.UNet, generator))
        | PlannedMethod.Nothing
        | PlannedMethod.LowRank _
        | PlannedMethod.Vectors _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Merge _
        | PlannedMethod.Weights _ -> None

    let private load (path: string) (model: StableDiffusionModel) =
        ControlNetFiles.Load(path, model.UNet.Config, model.Device, model.UNet.DType)

    /// The ControlNet that a finished run has trained.
    let trained (folder: string) (plan: Plan) (model: StableDiffusionModel) : ControlNetModel option =
        match plan.Method with
        | PlannedMethod.Control _ -> Some(load (Path.Combine(folder, ControlReading.inRun)) model)
        | PlannedMethod.Nothing
        | PlannedMethod.LowRank _
        | PlannedMethod.Vectors _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Merge _
        | PlannedMethod.Weights _ -> None

    /// Frees the ControlNet, where there is one.
    let held (net: ControlNetModel option) : IDisposable = {
        new IDisposable with
            member _.Dispose() =
                net |> Option.iter (fun net -> net.Dispose())
    }

    /// Draws with the plan's controls; what they hold is freed afterwards.
    let drawing
        (plan: Plan)
        (model: StableDiffusionModel)
        (learned: ControlNetModel option)
        (hints: Image list list)
        (draw: Control list -> 'a)
        =
        use _ = torch.NewDisposeScope()

        let nets =
            plan.Controls
            |> List.map (fun control ->
                match control.Net, learned with
                | Some files, _ -> load files.Path model, true
                | None, Some net -> net, false
                | None, None -> invalidOp "the plan trains no ControlNet")

        try
            draw [
                for control, (net, _), images in List.zip3 plan.Controls nets hints ->
                    Control(
                        Network = net,
                        Pictures = ControlTensor.FromImages(List.toArray images),
                        Scale = control.Strength,
                        Start = control.First,
                        End = control.Last
                    )
            ]
        finally
            for net, own in nets do
                if own then
                    net.Dispose()

    /// F1 of each shot's edges against those of its hint, by control.
    let agreements (plan: Plan) (hints: Image list list) (images: Image list) : float list list = [
        for control, hints in List.zip plan.Controls hints do
            [
                for hint, image in List.zip hints images do
                    let wanted = edges control.Kind hint

                    let found =
                        EdgeAgreement.Of(wanted, image, fst thresholds, snd thresholds, tolerance)

                    found.F1
            ]
    ]

    /// F1 of each shot's edges against those of all its hints together.
    let together (plan: Plan) (hints: Image list list) (images: Image list) : float list = [
        for index, image in List.indexed images do
            let wanted =
                List.zip plan.Controls hints
                |> List.map (fun (control, hints) -> edges control.Kind hints[index])
                |> List.reduce (fun one two -> one.Or two)

            EdgeAgreement.Of(wanted, image, fst thresholds, snd thresholds, tolerance).F1
    ]

    /// The same as a comparison of the uncontrolled pictures with the controlled ones; of several controls, their edges
    /// together come last, since a picture that follows all has more edges than each asks for.
    let compare (plan: Plan) (shots: Shot list) hints before after : Comparison list =
        let groups = [| for shot in shots -> shot.Prompt |]

        // Of several controls each row says whose edges it is about.
        let score (label: string) (values: float list) =
            let whose = if plan.Controls.Length > 1 then $", {label}" else ""

            Score(
                $"edge agreement{whose} (Canny, F1 within {tolerance} px)",
                "harmonic mean of the shares of the control's edges that the picture has and of the picture's edges that the control has",
                List.toArray values,
                groups,
                Better = Better.Higher
            )

        let compared label one two = {
            Label = label
            Before = score label one
            After = score label two
            Ceiling = None
            Proportional = true
            Way = None
        }

        [
            for control, one, two in
                List.zip3 plan.Controls (agreements plan hints before) (agreements plan hints after) do
                compared $"edges of {control.Kind}" one two

            if plan.Controls.Length > 1 then
                compared "edges of all controls" (together plan hints before) (together plan hints after)
        ]
