namespace Recipes.Cli

open TorchSharp

/// Types of weights, as options name them.
[<RequireQualifiedAccess>]
module internal DTypes =
    let parse (name: string) =
        match name with
        | "float16" -> torch.ScalarType.Float16
        | "bfloat16" -> torch.ScalarType.BFloat16
        | "float32" -> torch.ScalarType.Float32
        | _ -> raise (Submission.wrong $"--dtype {name}" "is no type" "Write float16, bfloat16 or float32.")
