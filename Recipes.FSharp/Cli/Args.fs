namespace Recipes.Cli

open Argu

/// `recipes check`
type CheckArgs =
    | [<MainCommand; ExactlyOnce>] Script of script: string
    | Set of assignment: string
    | [<Unique>] Device of device: string
    | [<Unique>] Json
    | [<Unique>] Quiet

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Script _ -> "the recipe to check, an .fsx file"
            | Set _ -> "change one setting of the recipe, as in steps=20; may be repeated"
            | Device _ -> "where the recipe is to run: cpu, cuda or cuda:N"
            | Json -> "print one JSON object instead of text"
            | Quiet -> "print problems only"

/// `recipes show`
type ShowArgs =
    | [<MainCommand; ExactlyOnce>] Script of script: string
    | Set of assignment: string
    | [<Unique>] Device of device: string
    | [<Unique>] Json
    | [<Unique>] Quiet

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Script _ -> "the recipe to show, an .fsx file"
            | Set _ -> "change one setting of the recipe, as in steps=20; may be repeated"
            | Device _ -> "where the recipe is to run: cpu, cuda or cuda:N"
            | Json -> "print the plan as JSON"
            | Quiet -> "print no diagnostics but errors"

/// `recipes run`
type RunArgs =
    | [<MainCommand; ExactlyOnce>] Script of script: string
    | Set of assignment: string
    | [<Unique>] Out of folder: string
    | [<Unique>] Fresh
    | [<Unique>] Device of device: string
    | [<Unique>] LibTorch of folder: string
    | [<Unique>] Json
    | [<Unique>] Quiet

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Script _ -> "the recipe to run, an .fsx file"
            | Set _ -> "change one setting of the recipe, as in steps=20; may be repeated"
            | Out _ -> "the run's own folder (default: <out>/<name>-<plan hash>)"
            | Fresh -> "start again from nothing, and replace what an earlier run of this plan left"
            | Device _ -> "where to run: cpu, cuda or cuda:N (default: as the recipe says)"
            | LibTorch _ -> "use the libtorch of this folder, such as the torch/lib of an installed PyTorch"
            | Json -> "print the results as one JSON object"
            | Quiet -> "print no progress"

/// `recipes sample`
type SampleArgs =
    | [<MainCommand; ExactlyOnce>] Script of script: string
    | Set of assignment: string
    | Prompt of text: string
    | [<Unique>] Seed of number: int64
    | [<Unique>] Count of pictures: int
    | [<Unique>] Scale of number: float
    | Adapter of file: string
    | [<Unique>] Any_Base
    | [<Unique>] Run of folder: string
    | [<Unique>] Out of folder: string
    | [<Unique>] Device of device: string
    | [<Unique>] LibTorch of folder: string
    | [<Unique>] Json
    | [<Unique>] Quiet
    | [<Hidden; Unique>] First_Step

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Script _ -> "the recipe whose result is to draw, an .fsx file"
            | Set _ -> "the settings given to `recipes run`, so that the same plan is found"
            | Prompt _ -> "draw this instead of the recipe's own prompts; may be repeated"
            | Seed _ -> "the first picture's seed (default: the recipe's)"
            | Count _ -> "pictures of each prompt (default: the recipe's)"
            | Scale _ -> "how strong the run's own adapter is (default: 1)"
            | Adapter _ -> "an adapter file that joins it, FILE or FILE@SCALE; may be repeated"
            | Any_Base -> "take adapters that were trained on other weights of the same family"
            | Run _ -> "the finished run's folder (default: <out>/<name>-<plan hash>)"
            | Out _ -> "where the pictures go (default: drawn/ in the run's folder)"
            | Device _ -> "where to draw: cpu, cuda or cuda:N (default: as the recipe says)"
            | LibTorch _ -> "use the libtorch of this folder, such as the torch/lib of an installed PyTorch"
            | Json -> "print the results as one JSON object"
            | Quiet -> "print no progress"
            | First_Step -> "stop after the first step, and print when each stage was reached"

/// `recipes export`
type ExportArgs =
    | [<MainCommand; ExactlyOnce>] Script of script: string
    | [<Unique; Mandatory>] To of path: string
    | Set of assignment: string
    | [<Unique>] Scale of number: float
    | [<Unique; CustomCommandLine("--dtype")>] DType of name: string
    | [<Unique>] Run of folder: string
    | [<Unique>] LibTorch of folder: string

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Script _ -> "the recipe whose result is to be merged into its base model, an .fsx file"
            | To _ -> "NAME.safetensors for one file in the original layout, or a new folder in diffusers' layout"
            | Set _ -> "the settings given to `recipes run`, so that the same plan is found"
            | Scale _ -> "how much of the adapter goes in (default: 1)"
            | DType _ -> "the type of the weights: float16, bfloat16 or float32 (default: float32)"
            | Run _ -> "the finished run's folder (default: <out>/<name>-<plan hash>)"
            | LibTorch _ -> "use the libtorch of this folder, such as the torch/lib of an installed PyTorch"

/// `recipes bench load`
type BenchLoadArgs =
    | [<Unique>] Model of folder: string
    | [<Unique>] Write of folder: string
    | [<Unique>] Shape of name: string
    | [<Unique; CustomCommandLine("--dtype")>] DType of name: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Model _ -> "the model folder to load (default: the embedded model's)"
            | Write _ -> "first write a model folder with random float16 weights there"
            | Shape _ -> "the shape to write: sd15, sd21, sdxl or tiny (default: sd15)"
            | DType _ -> "what the weights become: float16, bfloat16 or float32 (default: float16)"
            | Json -> "print the figures as one JSON object"

/// `recipes bench start`
type BenchStartArgs =
    | [<Unique>] Runs of count: int
    | [<Unique>] Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Runs _ -> "how often to start, each with a new script and again (default: 5)"
            | Json -> "print the figures as one JSON object"

/// `recipes bench lora` and the other whole jobs
type BenchStepArgs =
    | [<Unique>] Shapes of name: string
    | [<Unique>] Batch of count: int
    | [<Unique>] Runs of count: int
    | [<Unique>] Steps of count: int
    | [<Unique>] Checkpointing
    | [<Unique>] Moments of name: string
    | [<Unique>] Plain
    | [<Unique>] LibTorch of folder: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Shapes _ -> "whose shapes, with random weights: sd15, sd21, sdxl, pocket or tiny (default: sd15)"
            | Batch _ -> "pictures a step, or drawn together (default: 1)"
            | Runs _ -> "how often to measure; the median counts (default: 20)"
            | Steps _ -> "steps of a drawing (default: 50)"
            | Checkpointing -> "trainings run their blocks again for the gradients: less memory, more time"
            | Moments _ -> "the type of AdamW's moments: float32 or bfloat16 (default: float32)"
            | Plain -> "neither kernels of this program nor recorded steps"
            | LibTorch _ -> "use the libtorch of this folder, such as the torch/lib of an installed PyTorch"
            | Json -> "print the figures as one JSON object"

/// `recipes bench`
[<RequireSubcommand>]
type BenchArgs =
    | [<CliPrefix(CliPrefix.None)>] Load of ParseResults<BenchLoadArgs>
    | [<CliPrefix(CliPrefix.None)>] Start of ParseResults<BenchStartArgs>
    | [<CliPrefix(CliPrefix.None)>] Lora of ParseResults<BenchStepArgs>
    | [<CliPrefix(CliPrefix.None); CustomCommandLine("dreambooth")>] DreamBooth of ParseResults<BenchStepArgs>
    | [<CliPrefix(CliPrefix.None); CustomCommandLine("txt2img")>] TextToImage of ParseResults<BenchStepArgs>
    | [<CliPrefix(CliPrefix.None); CustomCommandLine("controlnet")>] ControlNet of ParseResults<BenchStepArgs>
    | [<CliPrefix(CliPrefix.None)>] All of ParseResults<BenchStepArgs>

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Load _ -> "time and memory of loading a model folder"
            | Start _ -> "time from cold to the first denoising step of `recipes sample`"
            | Lora _ -> "time of a training step of adapters"
            | DreamBooth _ -> "time of a training step of all weights, with as many class pictures"
            | TextToImage _ -> "time from noise to pictures, guided"
            | ControlNet _ -> "the same, led by a ControlNet"
            | All _ -> "these four"

/// `recipes models get`
[<RequireQualifiedAccess>]
type GetArgs =
    | [<MainCommand; ExactlyOnce>] Repository of repository: string
    | [<Unique>] Revision of revision: string
    | [<Unique>] Variant of variant: string
    | [<Unique>] File of file: string
    | [<Unique>] Quiet

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Repository _ -> "the model on the hub, as org/name"
            | Revision _ -> "a branch, a tag or a commit (default: main)"
            | Variant _ -> "a variant of the weights, such as fp16 (default: full precision)"
            | File _ -> "one checkpoint of the repository instead of its folders"
            | Quiet -> "print no progress"

/// `recipes models`
[<RequireQualifiedAccess>]
type ModelsArgs =
    | [<CliPrefix(CliPrefix.None)>] List
    | [<CliPrefix(CliPrefix.None)>] Get of ParseResults<GetArgs>

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | List -> "list the models in the caches: name, revisions, commit, variant, size, cache, family"
            | Get _ -> "download a model from the hub, or bring it up to date, and print where it is"

/// `recipes doctor`
type DoctorArgs =
    | [<Unique>] LibTorch of folder: string

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | LibTorch _ -> "use the libtorch of this folder, such as the torch/lib of an installed PyTorch"

/// `recipes`
type Args =
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<CheckArgs>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ShowArgs>
    | [<CliPrefix(CliPrefix.None)>] Run of ParseResults<RunArgs>
    | [<CliPrefix(CliPrefix.None)>] Sample of ParseResults<SampleArgs>
    | [<CliPrefix(CliPrefix.None)>] Export of ParseResults<ExportArgs>
    | [<CliPrefix(CliPrefix.None)>] Bench of ParseResults<BenchArgs>
    | [<CliPrefix(CliPrefix.None)>] Doctor of ParseResults<DoctorArgs>
    | [<CliPrefix(CliPrefix.None)>] Models of ParseResults<ModelsArgs>
    | [<Unique>] Version

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Check _ -> "check a recipe and report every problem at once"
            | Show _ -> "print the checked plan"
            | Run _ -> "train, draw and compare, into a run folder"
            | Sample _ -> "draw with the result of a finished run"
            | Export _ -> "write the base model with a finished run's result merged into it"
            | Bench _ -> "measure this machine"
            | Doctor _ -> "say what this machine computes with, and check its fast paths against plain ones"
            | Models _ -> "list or download base models"
            | Version -> "print the version"
