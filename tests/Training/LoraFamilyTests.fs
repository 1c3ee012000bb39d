module Recipes.Tests.LoraFamilyTests

open System
open System.Collections.Generic
open System.IO
open Expecto
open TorchSharp
open Recipes.Core.Adapters
open Recipes.Core.Networks
open Recipes.Core.Weights
open Recipes.Tests.AdapterSupport

/// The networks of one of the models among the reference values, with other weights than theirs.
let private networks (model: string) =
    let part name =
        Path.Combine(Support.golden, model, name)

    let fill (network: Module) =
        Initialisation.Fill(network, generator 1UL)
        network

    readOnlyDict [
        "unet", fill (new UNet2DConditionModel(UNetConfig.Read(part "unet")))
        for encoder in [ "text_encoder"; "text_encoder_2" ] do
            if Directory.Exists(part encoder) then
                encoder, fill (new ClipTextModel(ClipTextConfig.Read(part encoder)))
    ]

let private attachTo (networks: IReadOnlyDictionary<string, Module>) =
    let options = [
        "unet",
        LoraOptions(
            Rank = 2,
            Alpha = 3.0,
            Targets = [
                "attention"
                "convolution"
                "time_emb_proj"
                "projection"
                "conv_in"
                "linear_1"
            ],
            Ranks = [ KeyValuePair("to_q", 1) ]
        )
        "text_encoder", LoraOptions(Rank = 1, Targets = [ "text-attention" ])
        "text_encoder_2", LoraOptions(Rank = 2, Alpha = 1.0, Targets = [ "text-attention"; "fc1" ])
    ]

    let set =
        LoraSet.Join(
            [|
                for component', options in options do
                    if networks.ContainsKey component' then
                        LoraSet.Attach(networks[component'], component', options, generator 2UL)
            |]
        )

    stir set
    set

let private saved folder model (naming: LoraNaming) metadata =
    let path = Path.Combine(folder, $"{model}-{naming}.safetensors")
    use set = attachTo (networks model)
    set.Save(path, readOnlyDict metadata, naming)
    path

[<Tests>]
let tests =
    testList "lora-families" [
        for model in [ "sd1"; "sd2"; "sdxl" ] do
            for naming in Enum.GetValues<LoraNaming>() do
                test $"{model} adapters on all networks come back out of {naming} files" {
                    Support.withFolder (fun folder ->
                        use _ = torch.NewDisposeScope()
                        use set = attachTo (networks model)
                        let path = Path.Combine(folder, "adapter.safetensors")
                        set.Save(path, naming = naming)
                        use loaded = LoraSet.Load(path, networks model)

                        Expect.equal
                            [ for a in loaded.Adapters -> a.Name, a.Rank, a.Alpha ]
                            [ for a in set.Adapters -> a.Name, a.Rank, a.Alpha ]
                            "layers, ranks, alphas"

                        for mine, other in Seq.zip set.Parameters loaded.Parameters do
                            Expect.equal (worst mine.Parameter other.Parameter) 0.0 mine.Name)
                }

        test "SDXL adapters are spelt after the original layout, and text encoders numbered" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                use set = attachTo (networks "sdxl")
                let path = Path.Combine(folder, "adapter.safetensors")
                set.Save(path, naming = LoraNaming.KohyaOriginal)
                use file = SafeTensorsFile.Open path

                let stems =
                    file.Tensors.Keys
                    |> Seq.map (fun key -> key.Substring(0, key.IndexOf '.'))
                    |> Set.ofSeq

                // One resnet and at most one attention in each numbered block, samplers between levels.
                let config = UNetConfig.Read(Path.Combine(Support.golden, "sdxl", "unet"))

                let layers, levels = int config.LayersPerBlock, config.BlockOutChannels.Count

                let crossed =
                    config.DownBlockTypes |> Seq.findIndex (fun kind -> kind.Contains "CrossAttn")

                let first = 1 + crossed * (layers + 1)

                Expect.containsAll
                    stems
                    [
                        "lora_unet_input_blocks_0_0"
                        "lora_unet_input_blocks_1_0_in_layers_2"
                        "lora_unet_input_blocks_1_0_emb_layers_1"
                        $"lora_unet_input_blocks_{layers + 1}_0_op"
                        $"lora_unet_input_blocks_{first}_1_transformer_blocks_0_attn2_to_k"
                        $"lora_unet_input_blocks_{first}_1_proj_in"
                        "lora_unet_middle_block_0_out_layers_3"
                        "lora_unet_middle_block_1_proj_out"
                        "lora_unet_middle_block_2_in_layers_2"
                        "lora_unet_output_blocks_0_0_skip_connection"
                        $"lora_unet_output_blocks_{layers}_2_conv"
                        "lora_unet_time_embed_0"
                        "lora_unet_label_emb_0_0"
                        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj"
                        "lora_te2_text_model_encoder_layers_0_mlp_fc1"
                    ]
                    "names"

                let last = (layers + 1) * levels - 1

                Expect.isFalse
                    (stems |> Set.exists (fun stem -> stem.Contains $"input_blocks_{last + 1}_"))
                    $"no input block beyond {last}"

                Expect.isTrue
                    (stems |> Set.exists (fun stem -> stem.Contains $"output_blocks_{last}_"))
                    $"output blocks up to {last}")
        }

        test "one text encoder is not numbered" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                let path = saved folder "sd1" LoraNaming.Kohya []
                use file = SafeTensorsFile.Open path

                Expect.isTrue
                    (file.Tensors.ContainsKey "lora_te_text_model_encoder_layers_0_self_attn_q_proj.alpha")
                    "lora_te_")
        }

        test "an SDXL adapter on SD1, told by its keys, is one error that names both" {
            Support.withFolder (fun folder ->
                use _ = torch.NewDisposeScope()
                let path = saved folder "sdxl" LoraNaming.Peft []

                failsWith "it was made for SDXL" (fun () -> (LoraSet.Load(path, networks "sd1")).Dispose())
                failsWith "the model is SD1" (fun () -> (LoraSet.Load(path, networks "sd1")).Dispose())
                failsWith "choose an adapter for SD1" (fun () -> (LoraSet.Load(path, networks "sd1")).Dispose()))
        }

        for key, value, family in
            [
                "ss_base_model_version", "sd_v1", "SD1"
                "modelspec.architecture", "stable-diffusion-v1/lora", "SD1"
                "ss_base_model_version", "sdxl_base_v1-0", "SDXL"
            ] do
            test $"an adapter whose header says {key} {value} is refused on SD2" {
                Support.withFolder (fun folder ->
                    use _ = torch.NewDisposeScope()
                    let path = saved folder "sd1" LoraNaming.Kohya [ key, value ]

                    failsWith $"it was made for {family}" (fun () -> (LoraSet.Load(path, networks "sd2")).Dispose())
                    failsWith "the model is SD2" (fun () -> (LoraSet.Load(path, networks "sd2")).Dispose()))
            }
    ]
