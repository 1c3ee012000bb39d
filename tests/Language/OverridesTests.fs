module Recipes.Tests.OverridesTests

open Expecto
open FsCheck
open FsCheck.FSharp
open Recipes
open Recipes.Tests.LanguageBench

let private apply changes recipe =
    match Overrides.apply changes recipe with
    | Ok recipe -> recipe
    | Error problems -> failtestf "refused: %A" problems

let private refusal changes recipe =
    match Overrides.apply changes recipe with
    | Ok _ -> failtest "should be refused"
    | Error problems -> problems |> List.map _.Text

/// One change, and what the plan says of it.
let private shown (name: string) (text: string) folder =
    let plan = plan (apply [ name, text ] (right folder))
    use document = System.Text.Json.JsonDocument.Parse plan.Json
    let root = document.RootElement

    let get (block: string) (key: string) =
        (root.GetProperty block).GetProperty(key).GetRawText()

    match name with
    | "rank"
    | "dropout" -> get "method" name
    | "alpha" ->
        (root.GetProperty "method").GetProperty("layers").EnumerateObject()
        |> Seq.map (fun layer -> layer.Value.GetProperty("alpha").GetRawText())
        |> Seq.distinct
        |> String.concat " "
    | "prior" -> (root.GetProperty "subjects").[0].GetProperty("prior").GetRawText()
    | "denoise"
    | "guidance"
    | "avoid"
    | "seeds"
    | "sampler" -> get "draw" name
    | "count" -> get "draw" "seeds"
    | _ -> get "train" name

[<Tests>]
let tests =
    testList "overrides" [
        for name, text, expected in
            [
                "steps", "250", "250"
                "rate", "2e-4", "0.0002"
                "batch", "2", "2"
                "accumulate", "3", "3"
                "warmup", "10", "10"
                "schedule", "Cosine", "\"cosine\""
                "schedule", "cosine-restarts:3", "\"cosine-restarts:3\""
                "size", "64", "64"
                "seed", "-9", "\"-9\""
                "precision", "bfloat16", "\"bfloat16\""
                "device", "cuda", "\"cuda:0\""
                "device", "cuda:3", "\"cuda:3\""
                "priorWeight", "0.25", "0.25"
                "weightDecay", "0", "0"
                "clipNorm", "0", "null"
                "minSnr", "5", "5"
                "checkpoint", "50", "50"
                "ema", "0.99", "0.99"
                "captionDropout", "0.1", "0.1"
                "buckets", "on", "true"
                "buckets", "off", "false"
                "remainder", "Drop", "\"drop\""
                "randomCrop", "on", "true"
                "preview", "100", "100"
                "rank", "2", "2"
                "alpha", "3", "3"
                "dropout", "0.5", "0.5"
                "prior", "12", "12"
                "denoise", "5", "5"
                "guidance", "1", "1"
                "avoid", "a = b, c", "\"a = b, c\""
                "seeds", "4, 5", "[\"4\",\"5\"]"
                "count", "3", "[\"0\",\"1\",\"2\"]"
                "sampler", "ddim", "\"ddim\""
            ] do
            test $"{name}={text}" { withPictures (fun folder -> Expect.equal (shown name text folder) expected name) }

        test "folder is where results go" {
            withPictures (fun folder ->
                Expect.equal (plan (apply [ "folder", folder ] (right folder))).OutputFolder folder "folder")
        }

        test "every setting's example fits" {
            withPictures (fun folder ->
                for setting in Overrides.settings do
                    match setting.Example.Split('=', 2) with
                    | [| name; text |] ->
                        Expect.equal name setting.Name "the example's name"
                        Expect.isSome (setting.Parse text) setting.Example
                    | _ -> failtest setting.Example

                let names = Overrides.settings |> List.map _.Name
                Expect.equal (List.distinct names) names "one setting a name"
                passes folder (right folder))
        }

        test "an unknown setting is refused with the nearest names" {
            withPictures (fun folder ->
                Expect.equal
                    (refusal [ "step", "20"; "steps", "many"; "rate", "1e-4"; "schedule", "sine" ] (right folder))
                    [
                        "S1 --set step: `step` is no setting. Nearest: `steps` and `seed`."
                        "S2 --set steps: `many` does not fit; it takes a whole number. Write, for example, `--set steps=400`."
                        "S2 --set schedule: `sine` does not fit; it takes `constant`, `linear`, `cosine` or `cosine-restarts:N`. Write, for example, `--set schedule=cosine`."
                    ]
                    "problems")
        }

        test "of two changes the later counts" {
            withPictures (fun folder ->
                let recipe = apply [ "steps", "300"; "steps", "350" ] (right folder)
                Expect.equal (plan recipe).Budget.Steps 350<step> "steps")
        }

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 30
            }
            "a change made twice is made once"
        <| Prop.forAll (Gen.elements Overrides.settings |> Arb.fromGen) (fun setting ->
            let recipe = right "nowhere"
            let text = setting.Example.Substring(setting.Name.Length + 1)
            let once = apply [ setting.Name, text ] recipe
            // A train block that lost its only line may stay behind, empty.
            let lines (recipe: Recipe) =
                recipe.Parts
                |> List.filter (fun part -> part <> RecipePart.Train [] && part <> RecipePart.Draw [])

            lines (apply [ setting.Name, text ] once) = lines once)

        testProperty "any number of steps reaches the plan's budget"
        <| fun (PositiveInt n) ->
            match Overrides.apply [ "steps", string n ] (right "nowhere") with
            | Ok recipe ->
                recipe.Parts
                |> List.exists (fun part -> part = RecipePart.Train [ steps (n * 1<step>) ])
            | Error _ -> false
    ]
