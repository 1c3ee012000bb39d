namespace Recipes.Cli

open System
open Argu
open Recipes.Core.Bench
open Recipes.Core.Kernels
open Recipes.Core.Native

/// `recipes doctor`: what this machine computes with, and whether its fast paths can be trusted.
[<RequireQualifiedAccess>]
module Doctor =
    let private available (yes: bool) (reason: string) =
        if yes then "available" else $"not used: {reason}"

    let verb (args: ParseResults<DoctorArgs>) =
        Run.useLibTorch (args.TryGetResult DoctorArgs.LibTorch)
        let out (line: string) = Console.Out.WriteLine line
        out $"{LibTorch.Load()}"
        out $"recorded steps (CUDA graphs): {available CudaGraph.Available CudaGraph.Reason}"
        out $"this program's own kernels: {available Fused.Available Fused.Reason}"
        let percent (share: float) = $"{100.0 * share:F2} %%"
        let found = FusedComparison.Run()

        if isNull found.Reason then
            out
                $"error of a network's output against float32: {percent found.FusedOutput} (plain {percent found.PlainOutput})"

            out
                $"error of its gradients against float32: {percent found.FusedGradient} (plain {percent found.PlainGradient})"

            out
                $"error of adapters' gradients against float32: {percent found.FusedAdapters} (plain {percent found.PlainAdapters})"

            out
                $"loss over {FusedComparison.Steps} steps: at most {percent found.Curve} from the plain one's, allowed {percent FusedComparison.Band}"

        let random =
            match RandomComparison.Run() with
            | null -> true
            | random ->
                out
                    $"noise drawn on the device: at most {random.Normal:G2} from the host's; whole numbers: {random.Whole} differ"

                random.Agrees

        let optimisers = [
            for kind in OptimiserComparison.Run() do
                let distance =
                    match Option.ofNullable kind.Distance with
                    | Some distance -> $", d {distance:G2}"
                    | None -> ""

                out
                    $"{kind.Name} against plain operations: weights {kind.Weights:G2}, averages {kind.Averages:G2}, {kind.Moment} {kind.Moments:G2}{distance}"

                kind.Agrees
        ]

        let kinds = [
            for kind in KindComparison.Run() do
                let way =
                    match kind.PlainReason with
                    | null -> "recorded"
                    | reason -> $"not recorded: {reason}"

                match kind.Fault with
                | null -> out $"training, {kind.Name}: loss at most {percent kind.Curve} from the plain one's, {way}"
                | fault -> out $"training, {kind.Name}: failed: {fault}"

                kind.Agrees
        ]

        let drawn =
            match DrawingComparison.Run() with
            | null -> true
            | drawn ->
                match drawn.PlainReason with
                | null ->
                    out
                        $"pictures of kept recordings: {percent drawn.Kept} from fresh ones', {percent drawn.Plain} from plain ones' (another prompt's: {percent drawn.Prompts})"
                | reason -> out $"pictures: not recorded: {reason}"

                drawn.Agrees

        let samplers = [
            for sampler in SamplerComparison.Run() do
                let place = if sampler.Inside then "inside" else "outside"

                out
                    $"steps of {sampler.Name}: {place} the recording, error {sampler.Error:G2}, pictures {percent sampler.Apart} from those of steps outside, {percent sampler.PlainApart} without kernels (another seed's: {percent sampler.Seeds})"

                sampler.Agrees
        ]

        let refused =
            match RefusedRecording.Run() |> Option.ofNullable with
            | None -> true
            | Some harmless ->
                out $"""a recording that must fail: {if harmless then "refused without harm" else "harmful"}"""
                harmless

        if
            found.Agrees
            && random
            && refused
            && drawn
            && List.forall id (optimisers @ kinds @ samplers)
        then
            Faults.ok
        else
            out "They do not agree. Set RECIPES_FUSED=0 to compute without them, and report these lines."
            Faults.failed
