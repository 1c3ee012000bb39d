module Recipes.Tests.PlanTests

open System.IO
open Expecto
open Recipes
open Recipes.Tests.LanguageBench
open Recipes.Tests.Support

/// Every word of the language in one recipe.
let private full (folder: string) =
    let toy = subject "toy" {
        token "sks"
        images (Path.Combine(folder, "toy"))
        prior 24<img>
        instancePrompt "a drawing of {token} {noun}"
        classPrompt "a drawing of a {noun}"
        upscaled
    }

    let adapter = lora 4<rank> {
        only CrossAttention
        only TextEncoder
        only (Named "mid_block.resnets")
        rankAt TextEncoder 2<rank>
        alpha 8.0
        dropout 0.1
    }

    recipe "full" model {
        learn toy
        adapt adapter

        train {
            steps 300<step>
            rate 5e-4
            batch 2<img>
            accumulate 2
            warmup 20<step>
            schedule (CosineRestarts 2)
            size 64<px>
            seed 11
            precision BFloat16
            device (Cuda 1)
            priorWeight 0.5
            weightDecay 0.02
            clipNorm 0.0
            minSnr 5.0
            checkpoint 100<step>
            ema 0.999
            captionDropout 0.1
            buckets
            remainder Repeat
            randomCrop
            preview 50<step>
        }

        draw {
            denoise 12<step>
            guidance 3.5
            avoid "blurred"
            count 3<img>
            sampler Ddim
        }

        outputs { OutputPart.Folder(Path.Combine(folder, "out")) }

        for place in [ "the moon"; "a beach" ] do
            sample $"a {toy} on {place}"
    }

/// Nearly everything that can be wrong, at once.
let private wrong (folder: string) =
    let dog = subject "dog" {
        token "the"
        images (Path.Combine(folder, "dogs"))
        prior 50<img>
        classPrompt "a photo of the dog"
    }

    let owl = subject "owl" { token "zwx" }

    recipe "menagerie" model {
        learn dog

        adapt (
            lora 64<rank> {
                only (Named "attn3")
                only FeedForward
            }
        )

        train {
            rate 0.5
            size 100<px>
            size 120<px>
            warmup -1<step>
            priorWeight 0.0
            minSnr 0.0
        }

        draw { guidance 0.0 }
        sample $"{dog} and {owl} at a party"
    }

[<Tests>]
let tests =
    testList "plan" [
        test "the text of a short recipe" {
            withPictures (fun folder -> matchesGolden "right.plan.txt" (plan (right folder)).Text)
        }

        test "the text of every word" {
            withPictures (fun folder -> matchesGolden "full.plan.txt" (plan (full folder)).Text)
        }

        test "the JSON of every word" {
            withPictures (fun folder -> matchesGolden "full.plan.json" (plan (full folder)).Json)
        }

        test "every problem at once" {
            withPictures (fun folder ->
                Directory.CreateDirectory(Path.Combine(folder, "dogs")) |> ignore

                findings folder (wrong folder)
                |> String.concat "\n"
                |> matchesGolden "wrong.problems.txt")
        }

        test "errors come before warnings" {
            withPictures (fun folder ->
                match Plan.check (wrong folder) with
                | Ok _ -> failtest "should be refused"
                | Error problems ->
                    let severities = problems |> List.map _.Severity
                    Expect.equal severities (List.sort severities) "order"
                    Expect.contains severities Severity.Warning "a warning too")
        }

        test "a plan exposes what a run needs" {
            withPictures (fun folder ->
                let plan = plan (full folder)
                let subject = plan.Subjects.Head
                Expect.equal plan.Name "full" "name"
                Expect.equal plan.ModelFolder modelFolder "model"
                Expect.equal subject.InstancePrompt "a drawing of sks toy" "instance prompt"
                Expect.equal subject.ClassPrompt "a drawing of a toy" "class prompt"
                Expect.equal (subject.Images |> List.map _.Name) [ for i in 1..5 -> $"p{i}.bmp" ] "pictures in order"
                Expect.all subject.Images (fun picture -> File.Exists picture.Path) "paths"
                Expect.equal (subject.Token, subject.Noun, int subject.PriorCount) ("sks", "toy", 24) "subject"
                Expect.equal plan.Budget.ClipNorm None "no clipping"
                Expect.equal plan.Budget.Seed "11" "seed as text"
                Expect.equal plan.Draw.Seeds [ 0; 1; 2 ] "seeds from the count"
                Expect.equal plan.OutputFolder (Path.Combine(folder, "out")) "outputs"

                Expect.equal
                    plan.Samples
                    [
                        for place in [ "the moon"; "a beach" ] ->
                            {
                                Text = $"a sks toy on {place}"
                                Plain = $"a toy on {place}"
                                Mentions = [ "sks" ]
                            }
                    ]
                    "samples"

                let text, unet =
                    (loraOf plan).Layers
                    |> List.partition (fun layer -> layer.Layer.Component = "text_encoder")

                Expect.all text (fun layer -> layer.Rank = 2<rank> && layer.Alpha = 8.0) "rank of the text encoder"
                Expect.all unet (fun layer -> layer.Rank = 4<rank>) "rank of the others"

                Expect.equal
                    (loraOf plan).Parameters
                    ((loraOf plan).Layers
                     |> List.sumBy (fun { Layer = layer; Rank = rank } ->
                         int64 rank * int64 (layer.In * layer.Kernel * layer.Kernel + layer.Out)))
                    "trained parameters")
        }

        test "alpha is each layer's rank where it is not written" {
            withPictures (fun folder ->
                let mixed = lora 4<rank> {
                    only CrossAttention
                    rankAt (Named "to_q") 2<rank>
                }

                for layer in (loraOf (plan (right folder |> withTuning mixed))).Layers do
                    Expect.equal layer.Alpha (float layer.Rank) layer.Layer.Name)
        }

        test "the core scales each layer as the plan says" {
            withPictures (fun folder ->
                for alphas in [ []; [ alpha 8.0 ] ] do
                    let mixed = lora 4<rank> {
                        only CrossAttention
                        rankAt (Named "to_q") 2<rank>

                        for line in alphas do
                            line
                    }

                    let plan = plan (right folder |> withTuning mixed)
                    let options = Option.get (Lowering.Parts.lora (loraOf plan) "unet")

                    for layer in (loraOf plan).Layers do
                        let name = layer.Layer.Name
                        Expect.equal (options.RankOf name) (int layer.Rank) $"rank of {name}"
                        Expect.equal (options.AlphaOf name) layer.Alpha $"alpha of {name}"

                    Expect.equal
                        ((loraOf plan).Layers |> List.map _.Alpha |> List.distinct |> List.sort)
                        (if alphas.IsEmpty then [ 2.0; 4.0 ] else [ 8.0 ])
                        "alphas")
        }

        test "the hash tells what is made, not where" {
            withPictures (fun folder ->
                let first = plan (right folder)

                withPictures (fun elsewhere ->
                    let again =
                        right elsewhere
                        |> also [ RecipePart.Outputs [ OutputPart.Folder elsewhere ] ]
                        |> plan

                    Expect.equal again.Hash first.Hash "other folders"
                    Expect.isFalse (again.Json.Contains elsewhere) "no path in the JSON"
                    Expect.equal first.Hash (Json.sha256 first.Json) "hash of the JSON"
                    Expect.equal first.ShortHash first.Hash[..7] "first eight digits"

                    writePicture (Path.Combine(elsewhere, "toy", "p1.bmp")) 99 64 64
                    Expect.notEqual (plan (right elsewhere)).Hash first.Hash "another picture"))
        }

        test "relative paths start at the script's folder" {
            withPictures (fun folder ->
                let script = Path.Combine(folder, "toy.fsx")

                let relative = subject "toy" {
                    token "sks"
                    images "toy"
                }

                match Plan.checkScript (Some script) (right folder |> withSubject relative) with
                | Ok plan ->
                    Expect.equal plan.Subjects.Head.Folder (Path.Combine(folder, "toy")) "folder"
                    Expect.equal plan.ScriptPath (Some script) "script"
                | Error problems -> failtestf "%A" problems

                match Plan.check (right folder |> withSubject relative) with
                | Ok _ -> failtest "there is no folder toy here"
                | Error problems ->
                    let wanted = Path.GetFullPath "toy"
                    Expect.exists problems (fun problem -> problem.Text.Contains wanted) "names where it looked")
        }

        test "a plan prints as itself" {
            withPictures (fun folder ->
                let plan = plan (right folder)
                Expect.equal (string plan) plan.Text "ToString"
                Expect.equal (sprintf "%A" plan) plan.Text "the interactive session"
                Expect.isNonEmpty plan.Notes "notes")
        }
    ]
