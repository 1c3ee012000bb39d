module Recipes.Tests.PocketCaptionsTests

open System
open Expecto
open Recipes.Core.Pocket
open Recipes.Core.Text

let private thing noun =
    Things.All |> Seq.find (fun thing -> thing.Noun = noun)

let private background name =
    Backgrounds.All |> Seq.find (fun background -> background.Name = name)

let private trained =
    Things.All |> Seq.filter (fun thing -> not thing.HeldOut) |> Array.ofSeq

let private one style noun colour =
    SceneDescription(style, thing noun, null, background colour)

let private shown (scene: SceneDescription) =
    match scene.Second with
    | null -> [ scene.First ]
    | second -> [ scene.First; second ]

let private draw count seed =
    let random = Random(seed: int)

    List.init count (fun _ ->
        let scene = SceneDescription.Draw(random, trained)
        scene, Captions.Varied(scene, random))

[<Tests>]
let tests =
    testList "pocket captions" [
        test "plain captions say style, things, place and background" {
            let canonical (expected: string) scene =
                Expect.equal (Captions.Canonical scene) expected expected

            canonical "a cartoon dog on a blue background" (one 0 "dog" "blue")
            canonical "some flat grapes on an orange background" (one 1 "grapes" "orange")

            canonical
                "a small 3d owl on the left on a gray background"
                (SceneDescription(2, thing "owl", null, background "gray", SceneSize.Small, ScenePosition.Left))

            canonical
                "a cartoon dog next to an owl on a white background"
                (SceneDescription(0, thing "dog", thing "owl", background "white"))
        }

        test "distractors differ in the first thing alone" {
            let scene = SceneDescription(1, thing "dog", thing "cat", background "pink")
            let captions = Captions.Distractors(scene, 99, 4) |> List.ofSeq
            Expect.equal (List.distinct captions |> List.length) 99 "distinct"

            for caption in captions do
                Expect.stringEnds caption " next to a cat on a pink background" "the rest"
                Expect.isFalse (caption.Contains "flat dog" || caption.StartsWith "a flat cat ") caption

            Expect.equal (Captions.Distractors(scene, 99, 4) |> List.ofSeq) captions "same seed"
        }

        test "training draws show nothing that is kept for testing" {
            let scenes = draw 20000 1 |> List.map fst
            Expect.all scenes (fun scene -> not scene.IsUnseen) "unseen"

            for scene in scenes do
                for shown in shown scene do
                    Expect.isFalse shown.HeldOut shown.Noun
                    Expect.isFalse (Backgrounds.IsUnseen(shown, scene.Background)) shown.Noun
        }

        test "training draws show every trained thing, one or two at a time" {
            let scenes = draw 20000 2 |> List.map fst
            let shown = scenes |> List.distinctBy _.First
            Expect.equal shown.Length trained.Length "things"

            let two =
                scenes |> Seq.filter (fun scene -> not (isNull scene.Second)) |> Seq.length

            Expect.isTrue (two > 6600 && two < 7400) $"{two} of 20000 show two"
        }

        test "a varied caption names what the scene shows, in order" {
            for scene, caption in draw 5000 3 do
                match shown scene with
                | [ first; second ] ->
                    let at = caption.IndexOf first.Noun
                    Expect.isTrue (at >= 0 && caption.Contains second.Noun) caption

                    if caption.Contains "on the left" then
                        Expect.isLessThan at (caption.IndexOf "on the left") caption
                | only ->
                    Expect.exists
                        only
                        (fun thing -> caption.Contains thing.Noun || caption.Contains thing.Group)
                        caption
        }

        test "the same seed draws the same scenes and captions" {
            Expect.equal (draw 200 7) (draw 200 7) "seed 7"
            Expect.notEqual (draw 200 7) (draw 200 8) "seeds 7 and 8"
        }

        test "test scenes show seen things in unseen combinations" {
            let scenes = SceneSet.Unseen(100, 1) |> List.ofSeq
            Expect.equal (scenes |> List.distinctBy _.First |> List.length) 100 "things"
            Expect.all scenes (fun scene -> scene.IsUnseen && not scene.First.HeldOut) "unseen, not held out"
        }

        test "the tokenizer knows every word, and bulk encoding agrees with it" {
            let tokenizer =
                ClipTokenizer.Load(System.IO.Path.Combine(PocketModel.Folder, "tokenizer"))

            Expect.equal tokenizer.MaxLength 77 "length"

            for word in PocketVocabulary.Words do
                Expect.isLessThanOrEqual (tokenizer.Tokenize(word).Count) 3 word

            Expect.equal
                (tokenizer.Tokenize("a cartoon robot on a blue background").Count)
                7
                "common words are one piece"

            let captions = draw 300 5 |> List.map snd |> Array.ofList
            use ids = CaptionTokens.Encode(tokenizer, captions)
            let rows = ids.data<int>().ToArray() |> Array.chunkBySize 77
            Expect.equal rows (captions |> Array.map tokenizer.Encode) "ids"
        }
    ]
