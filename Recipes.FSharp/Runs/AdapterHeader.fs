namespace Recipes.Runs

open System
open System.Collections.Generic
open System.Globalization
open System.Text.Json
open Recipes

/// The strings in the header of a result's file: ModelSpec 1.0.1, the `ss_` keys that other programs read, and our own. No
/// clock and no path, so that equal plans give equal files.
[<RequireQualifiedAccess>]
module internal AdapterHeader =
    let private number (value: float) =
        value.ToString(CultureInfo.InvariantCulture)

    let private architecture (plan: Plan) =
        let model =
            match plan.Model.Family with
            | "SD1" -> "stable-diffusion-v1"
            | "SD2" when plan.Model.NativeSize > 512<px> -> "stable-diffusion-v2-768-v"
            | "SD2" -> "stable-diffusion-v2-512"
            | "X4" -> "stable-diffusion-x4-upscaler"
            | _ -> "stable-diffusion-xl-v1-base"

        match plan.Method with
        | PlannedMethod.LowRank _
        | PlannedMethod.Merge { IsKeys = false } -> $"{model}/lora"
        | PlannedMethod.Vectors _ -> $"{model}/textual-inversion"
        | PlannedMethod.Control _ -> $"{model}/controlnet"
        | PlannedMethod.Merge _
        | PlannedMethod.KeysAndValues _ -> $"{model}/custom-diffusion"
        | PlannedMethod.Weights _ -> model

    let private baseVersion (plan: Plan) =
        match plan.Model.Family with
        | "SD1" -> "sd_v1"
        | "SD2" -> "sd_v2"
        | "X4" -> "x4_upscaler"
        | _ -> "sdxl_base_v1-0"

    /// How often each tag, a part of a caption between commas, stands in the captions of each subject.
    let private tags (plan: Plan) =
        let ofSubject (subject: PlannedSubject) =
            subject.Images
            |> Seq.collect (fun picture ->
                (picture.Caption |> Option.defaultValue subject.InstancePrompt)
                    .Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries))
            |> Seq.countBy id
            |> dict

        dict [ for subject in plan.Subjects -> subject.Called, ofSubject subject ]
        |> JsonSerializer.Serialize

    let private network (way: PlannedMethod) =
        match way with
        | PlannedMethod.LowRank lora -> [
            "ss_network_module", "networks.lora"
            "ss_network_dim", string lora.Rank
            "ss_network_alpha", number (defaultArg lora.Alpha (float lora.Rank))
            "ss_network_dropout", number lora.Dropout
            if lora.Kind.IsDoRA then
                "ss_network_args", "{\"dora_wd\": \"True\"}"
          ]
        | PlannedMethod.Vectors _
        | PlannedMethod.Control _
        | PlannedMethod.Merge _
        | PlannedMethod.KeysAndValues _
        | PlannedMethod.Weights _ -> []

    let ofPlan (plan: Plan) : IReadOnlyDictionary<string, string> =
        let budget = plan.Budget

        let sum (count: PlannedSubject -> int) =
            plan.Subjects |> List.sumBy count |> string

        let prediction =
            if plan.Model.Prediction = "v_prediction" then
                "v"
            else
                "epsilon"

        [
            "modelspec.sai_model_spec", "1.0.1"
            "modelspec.architecture", architecture plan
            "modelspec.implementation", "diffusers"
            "modelspec.title", plan.Name
            match plan.Subjects |> List.filter (fun subject -> subject.Token <> "") with
            | [] -> ()
            | subjects -> "modelspec.trigger_phrase", subjects |> List.map _.Called |> String.concat ", "
            "modelspec.resolution", $"{budget.Size}x{budget.Size}"
            "modelspec.prediction_type", prediction
            "ss_v2", (if plan.Model.Family = "SD2" then "True" else "False")
            "ss_base_model_version", baseVersion plan
            "ss_sd_model_name", plan.Model.Name
            "ss_new_sd_model_hash", plan.Model.Sha256
            "ss_output_name", plan.Name
            yield! network plan.Method
            "ss_learning_rate", number budget.Rate
            "ss_lr_scheduler", string budget.Schedule
            "ss_lr_warmup_steps", string budget.Warmup
            "ss_optimizer", "AdamW"
            "ss_steps", string budget.Steps
            "ss_max_train_steps", string budget.Steps
            "ss_batch_size_per_device", string budget.Batch
            "ss_gradient_accumulation_steps", string budget.Accumulate
            "ss_prior_loss_weight", number budget.PriorWeight
            "ss_num_train_images", sum (fun subject -> subject.Images.Length)
            "ss_num_reg_images", sum (fun subject -> int subject.PriorCount)
            "ss_tag_frequency", tags plan
            "ss_resolution", $"({budget.Size}, {budget.Size})"
            "ss_seed", budget.Seed
            "recipes.version", RunEnvironment.recipes
            "recipes.plan_sha256", plan.Hash
            "recipes.base_sha256", plan.Model.Sha256
        ]
        |> dict
        |> Dictionary<string, string>
        :> IReadOnlyDictionary<_, _>
