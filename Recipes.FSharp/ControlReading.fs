namespace Recipes

open System
open System.IO
open System.Text.Json
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Core.Networks
open Recipes.Core.Weights

/// Reads hints and ControlNets, without libtorch.
[<RequireQualifiedAccess>]
module internal ControlReading =
    let private sha (paths: string seq) =
        use all =
            Security.Cryptography.IncrementalHash.CreateHash Security.Cryptography.HashAlgorithmName.SHA256

        for path in paths do
            use stream = File.OpenRead path
            all.AppendData(Security.Cryptography.SHA256.HashData stream)

        Convert.ToHexStringLower(all.GetHashAndReset())

    /// The folder of a ControlNet in a finished run.
    let inRun = "controlnet"

    /// The finished runs of a recipe that trained a ControlNet, `NAME-` with eight digits of a plan's hash, where a path
    /// ends in the recipe's name alone.
    let private runs (path: string) =
        match Path.GetDirectoryName path with
        | NonNull parent when Directory.Exists parent ->
            Directory.GetDirectories(parent, $"{Path.GetFileName path}-????????")
            |> Array.filter (fun run ->
                Seq.forall Char.IsAsciiHexDigit run[run.Length - 8 ..]
                && Directory.Exists(Path.Combine(run, inRun)))
            |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> List.ofArray
        | _ -> []

    /// The folder that a path means: itself, or the one run of the recipe that it names.
    let private place (path: string) =
        if Directory.Exists path then
            path
        else
            match runs path with
            | [ run ] -> run
            | [] ->
                raise (
                    RecipesException(
                        path,
                        "there is no such file or folder, nor a finished run of a recipe of this name",
                        "Check the path, which starts at the script's folder, or type `recipes run` with the recipe that trains it first."
                    )
                )
            | several ->
                raise (
                    RecipesException(
                        path,
                        $"there are {several.Length} runs of this name",
                        $"Name one of them: {listed (several |> List.map (fun run -> string (Path.GetFileName run)))}."
                    )
                )

    /// Refuses a finished run whose ControlNet follows hints of another kind. Of other files nothing tells the kind.
    let private requireKind (kind: HintKind) (run: string) =
        let plan = Path.Combine(run, "plan.json")

        if File.Exists plan then
            use json = JsonDocument.Parse(File.ReadAllText plan)

            match json.RootElement.TryGetProperty "method" with
            | true, way ->
                match way.TryGetProperty "hints" with
                | true, hints when hints.GetString() <> kind.Name ->
                    raise (
                        RecipesException(
                            run,
                            $"its ControlNet is trained for {hints.GetString()}, the hint is {kind}",
                            "Make both of one kind."
                        )
                    )
                | _ -> ()
            | _ -> ()

    /// Reads one `control` line; the paths are made full by `from`.
    /// Throws RecipesException: a file is missing, or is none of its kind.
    let read (from: string -> string) (unet: UNetConfig option) (steering: Steering) : ControlFacts =
        let hint (source: HintSource) : HintFile =
            let path = from source.Path

            if not (File.Exists path) then
                raise (
                    RecipesException(
                        path,
                        "no such file",
                        "Check the path; a relative one starts at the script's folder."
                    )
                )

            let width, height =
                match source with
                | HintSource.Annotated _
                | HintSource.Ready _ ->
                    let image = ImageFile.Decode path
                    image.Width, image.Height
                | HintSource.Keypoints _ ->
                    Annotators.Pose.Read path |> ignore
                    0, 0

            {
                Source = source
                Path = path
                Sha256 = sha [ path ]
                Width = width * 1<px>
                Height = height * 1<px>
            }

        let net (path: string) : NetFiles =
            let given = from path

            if File.Exists given then
                { Path = given; Sha256 = sha [ given ] }
            else
                let given = place given
                requireKind steering.Kind given
                let inside = Path.Combine(given, inRun)

                let folder = if Directory.Exists inside then inside else given

                let config = ControlNetConfig.Read folder
                unet |> Option.iter config.RequireFit

                {
                    Path = folder
                    Sha256 = sha (WeightFiles.Find(folder, "diffusion_pytorch_model"))
                }

        {
            Hints = steering.Hints |> List.map hint
            Net =
                match steering.Net with
                | ControlNetSource.Learned -> None
                | ControlNetSource.At path -> Some(net path)
        }

    /// The `conditioning_image` of each picture that `metadata.jsonl` gives one, by the picture's name, as diffusers'
    /// data sets for ControlNets have it. Lines that are wrong are refused where captions are read.
    let private conditioning (folder: string) =
        let file = Path.Combine(folder, "metadata.jsonl")

        if not (File.Exists file) then
            Map.empty
        else
            Map [
                for line in File.ReadLines file do
                    if line.Contains "\"conditioning_image\"" then
                        use json = JsonDocument.Parse line
                        let root = json.RootElement

                        match
                            root.GetProperty("file_name").GetString(),
                            root.GetProperty("conditioning_image").GetString()
                        with
                        | NonNull name, NonNull hint -> name, Path.Combine(folder, hint)
                        | _ -> ()
            ]

    let private stem (path: string) =
        string (Path.GetFileNameWithoutExtension path)

    /// The hints beside the pictures of a folder, by the picture's name; none where there are none. B16: each picture has
    /// exactly one partner, of its size.
    let partners
        at
        (folder: string)
        (hints: string option)
        (pictures: Picture list)
        : Map<string, string> * Problem list =
        let given =
            match hints with
            | None -> conditioning folder
            | Some place ->
                let byName = ImageFolder.List place |> Seq.map (fun path -> stem path, path) |> Map

                Map [
                    for picture in pictures do
                        match byName |> Map.tryFind (stem picture.Name) with
                        | Some path -> picture.Name, path
                        | None -> ()
                ]

        let lonely =
            if given.IsEmpty && hints.IsNone then
                []
            else
                pictures |> List.filter (fun picture -> not (given.ContainsKey picture.Name))

        let spare =
            match hints with
            | None -> []
            | Some place -> [
                let names = pictures |> List.map (fun picture -> stem picture.Name) |> set

                for path in ImageFolder.List place do
                    if not (names.Contains(stem path)) then
                        string (Path.GetFileName path)
              ]

        given,
        [
            if not lonely.IsEmpty then
                error
                    "B16"
                    at
                    $"{lonely |> List.map _.Name |> first 3} without a hint"
                    "Give each picture one hint of its name, or take the picture out."

            if not spare.IsEmpty then
                error
                    "B16"
                    at
                    $"the hints {first 3 spare} without a picture"
                    "Give each hint its picture, or take it out."

            for picture in pictures do
                match given |> Map.tryFind picture.Name with
                | Some path ->
                    let hint = ImageFile.Probe path

                    if (hint.Width, hint.Height) <> (int picture.Width, int picture.Height) then
                        error
                            "B16"
                            at
                            $"{Path.GetFileName path} is {hint.Width}x{hint.Height}, its picture {picture.Name} {picture.Width}x{picture.Height}"
                            "Make both of the same size."
                | None -> ()
        ]
