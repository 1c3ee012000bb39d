namespace Recipes.Runs

open System.Collections.Generic
open System.Globalization
open Recipes

/// One picture to draw.
type Shot = {
    /// The prompt's number, from 1.
    Number: int
    Prompt: string
    /// What a scorer is asked: the prompt without the subjects' tokens.
    Plain: string
    /// Tokens of the subjects in the prompt.
    Mentions: string list
    Seed: int
}

/// What a drawn PNG says of itself, so that it can be told apart and drawn again: the line that the common web
/// interfaces read, under `parameters`, and the plan, under `recipes`. No clock and no path.
[<RequireQualifiedAccess>]
module PictureText =
    /// Values with a comma, a colon or a line break are quoted as JSON.
    let private quoted (value: string) =
        if value.IndexOfAny [| ','; ':'; '\n'; '"' |] >= 0 then
            Json.canonical (Json.Text value)
        else
            value

    let private text (plan: Plan) (stage: string) (prompt: string) (seed: int) (side: int) further =
        let draw = plan.Draw

        let settings =
            [
                "Steps", string draw.Denoise
                "Sampler", draw.Sampler.ToString().ToUpperInvariant()
                "CFG scale", draw.Guidance.ToString(CultureInfo.InvariantCulture)
                "Seed", string seed
                "Size", $"{side}x{side}"
                "Model hash", plan.Model.Sha256[..9]
                "Model", plan.Model.Name
                "RNG", "CPU"
            ]
            |> List.map (fun (name, value) -> $"{name}: {quoted value}")
            |> String.concat ", "

        let parameters =
            String.concat "\n" [
                prompt
                if draw.Avoid <> "" then
                    $"Negative prompt: {draw.Avoid}"
                settings
            ]

        let recipes =
            Json.canonical (
                Json.Object [
                    "plan", Json.Text plan.Hash
                    "prompt", Json.Text prompt
                    "seed", Json.Text(string seed)
                    "stage", Json.Text stage
                    yield! further
                ]
            )

        dict [ "parameters", parameters; "recipes", recipes ]
        |> Dictionary<string, string>
        :> IReadOnlyDictionary<string, string>

    let ofShot (plan: Plan) (stage: string) (shot: Shot) =
        text plan stage shot.Prompt shot.Seed (int plan.Budget.Size) []

    /// Of a picture that is drawn later with the run's result, at a scale and with further adapters.
    let ofDrawn (plan: Plan) (shot: Shot) (scale: float option) (adapters: FurtherAdapter list) =
        text plan "after" shot.Prompt shot.Seed (int plan.Budget.Size) [
            match scale with
            | Some scale -> "scale", Json.Number scale
            | None -> ()

            if not adapters.IsEmpty then
                "adapters", Json.List [ for adapter in adapters -> Json.Text(string adapter) ]
        ]

    /// Of a picture that was enlarged to squares of `side` pixels.
    let ofEnlarged (plan: Plan) (stage: string) (prompt: string) (seed: int) (side: int) =
        text plan stage prompt seed side []
