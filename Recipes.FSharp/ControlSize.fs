namespace Recipes

open System.Text.RegularExpressions

/// How large a ControlNet for a base model is: its copy of the UNet's way down and middle, a zero convolution behind each
/// output, and the hint encoder (arXiv 2302.05543, figure 3; widths as in published ControlNets).
[<RequireQualifiedAccess>]
module internal ControlSize =
    let private copied =
        Regex @"^(conv_in|time_embedding|add_embedding|down_blocks|mid_block)(\.|$)"

    /// Layers whose output is handed over: the first convolution, each residual block, each halving, and the middle.
    let private silent =
        Regex
            @"^(conv_in|down_blocks\.\d+\.resnets\.\d+\.conv2|down_blocks\.\d+\.downsamplers\.0\.conv|mid_block\.resnets\.0\.conv2)$"

    /// Normalisation before a layer, which the list of layers leaves out: two numbers for each of its inputs.
    let private norms (layer: BaseLayer) =
        let ends (part: string) =
            layer.Name.EndsWith(part, System.StringComparison.Ordinal)

        if ends ".conv1" || ends ".conv2" || ends ".proj_in" then 2
        // Three layer norms in each transformer block.
        elif ends ".attn1.to_q" then 6
        else 0

    let private convolution (from: int64) (into: int64) (side: int64) = from * into * side * side + into

    let private hintEncoder (width: int64) =
        let widths = [ 16L; 32L; 96L; 256L ]

        convolution 3L 16L 3L
        + (widths
           |> List.pairwise
           |> List.sumBy (fun (one, two) -> convolution one one 3L + convolution one two 3L))
        + convolution 256L width 3L

    /// Numbers that are trained.
    let parameters (layers: BaseLayer list) =
        let own =
            layers
            |> List.filter (fun layer -> layer.Component = "unet" && copied.IsMatch layer.Name)

        let width =
            own
            |> List.find (fun layer -> layer.Name = "conv_in")
            |> fun layer -> int64 layer.Out

        let outputs = own |> List.filter (fun layer -> silent.IsMatch layer.Name)

        (own
         |> List.sumBy (fun layer -> layer.Parameters + int64 (norms layer * layer.In)))
        + (outputs
           |> List.sumBy (fun layer -> convolution (int64 layer.Out) (int64 layer.Out) 1L))
        + hintEncoder width
