/// Reference values, and how far from them the networks may be.
module Recipes.Tests.Agreement

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Recipes.Core.Schedules
open Recipes.Core.Weights

type Tensor = torch.Tensor

/// Max abs error of one forward pass.
let forwardTolerance = 1e-4

/// Max abs error of a whole pipeline.
let pipelineTolerance = 1e-3

let folder name = Path.Combine(Support.golden, name)

/// Opens NAME.safetensors of the reference values, and hands over a reader of its tensors.
let withFile name (test: SafeTensorsFile -> (string -> Tensor) -> unit) =
    use file = SafeTensorsFile.Open(folder $"{name}.safetensors")
    use _ = torch.no_grad ()
    use _ = torch.NewDisposeScope()
    test file (fun key -> file.Read key)

/// A setting of the file's header, which holds JSON.
let setting<'T when 'T: not null> (file: SafeTensorsFile) key : 'T =
    match JsonSerializer.Deserialize<'T> file.Metadata[key] with
    | null -> failtest $"{file.Path} has no setting {key}"
    | value -> value

/// A setting that is a plain text.
let text (file: SafeTensorsFile) key = file.Metadata[key]

let shape (tensor: Tensor) = List.ofArray tensor.shape

/// The largest difference of two tensors of one shape.
let distance (actual: Tensor) (expected: Tensor) =
    Expect.equal (shape actual) (shape expected) "shapes"

    (actual.``to`` torch.float64 - expected.``to`` torch.float64).abs().max().item<double>()

/// Passes when no value is further off than the tolerance. Not a number never passes.
let close tolerance what actual expected =
    let found = distance actual expected

    if not (found <= tolerance) then
        failtest $"{what}: the largest difference is {found:g4}, more than {tolerance:g4}"

/// As `close`, by the largest value of what is expected.
let closeRelative tolerance what actual (expected: Tensor) =
    close (tolerance * double (expected.abs().max().item<float32>())) what actual expected

/// A scheduler_config.json that names these fields.
let schedulerConfig (fields: (string * JsonNode | null) seq) =
    let json = JsonObject()

    for field, value in fields do
        json[field] <- value |> Option.ofObj |> Option.map _.DeepClone() |> Option.toObj

    let file = Path.GetTempFileName()

    try
        File.WriteAllText(file, json.ToJsonString())
        SchedulerConfig.Read file
    finally
        File.Delete file

/// A test with its tensors freed and no gradients.
let quietly name (test: unit -> unit) =
    testCase name
    <| fun () ->
        use _ = torch.no_grad ()
        use _ = torch.NewDisposeScope()
        test ()
