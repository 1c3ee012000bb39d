/// Whether a report tells a change for the better from one for the worse, to every eye.
module Recipes.Tests.ReportChangeTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Recipes.Core.Imaging
open Recipes.Eval
open Recipes.Eval.Reports

let private page better difference =
    Report.Render(
        ReportModel(
            Title = "t",
            Summary = "s",
            PlanHash = "h",
            Figures = [|
                ReportFigure(Name = "n", Definition = "d", Difference = ReportNumber difference, Better = better)
            |]
        )
    )

/// The class of the number, and the words below it.
let private judged better difference =
    let cell = "//td[@data-column='difference']"
    let document = Pages.parse (page better difference)
    Pages.all document $"{cell}/b/@class", Pages.all document $"{cell}/small"

let private score value =
    Score("m", "d", [ value ], Better = Better.Lower)

let private embeddings = Embeddings("rows", 2, 2, ReadOnlySpan [| 1f; 0f; 0f; 1f |])

/// The page's colours by name, once for each of light, dark and print; a later scheme keeps what it does not change.
let private schemes =
    let blocks = [
        for block in Regex.Matches(page Better.Neither 0.0, ":root \\{([^}]*)\\}") ->
            Map [
                for colour in Regex.Matches(block.Groups[1].Value, "--(\\w+): (#[0-9a-f]{6});") ->
                    colour.Groups[1].Value, colour.Groups[2].Value
            ]
    ]

    List.zip [ "light"; "dark"; "print" ] blocks

/// Red, green and blue as amounts of light.
let private light (colour: string) = [
    for at in [ 1; 3; 5 ] ->
        let value = float (Convert.ToInt32(colour.Substring(at, 2), 16)) / 255.0

        if value <= 0.04045 then
            value / 12.92
        else
            ((value + 0.055) / 1.055) ** 2.4
]

let private weighted (weights: float list) values =
    List.map2 (*) weights values |> List.sum

/// WCAG 2, 1.4.3.
let private contrast one other =
    let luminance colour =
        light colour |> weighted [ 0.2126; 0.7152; 0.0722 ]

    let low, high =
        min (luminance one) (luminance other), max (luminance one) (luminance other)

    (high + 0.05) / (low + 0.05)

/// What eyes without one kind of cone see: Machado, Oliveira and Fernandes (2009), severity 1.
let private blind = [
    "protanopia",
    [
        [ 0.152286; 1.052583; -0.204868 ]
        [ 0.114503; 0.786281; 0.099216 ]
        [ -0.003882; -0.048116; 1.051998 ]
    ]
    "deuteranopia",
    [
        [ 0.367322; 0.860646; -0.227968 ]
        [ 0.280085; 0.672501; 0.047413 ]
        [ -0.011820; 0.042940; 0.968881 ]
    ]
    "tritanopia",
    [
        [ 1.255528; -0.076749; -0.178779 ]
        [ -0.078411; 0.930809; 0.147602 ]
        [ 0.004733; 0.691367; 0.303900 ]
    ]
]

/// CIELAB of an amount of light.
let private lab (rgb: float list) =
    let cube value =
        if value > 0.008856 then
            Math.Cbrt value
        else
            7.787 * value + 16.0 / 116.0

    let x = cube (weighted [ 0.4124564; 0.3575761; 0.1804375 ] rgb / 0.95047)
    let y = cube (weighted [ 0.2126729; 0.7151522; 0.0721750 ] rgb)
    let z = cube (weighted [ 0.0193339; 0.1191920; 0.9503041 ] rgb / 1.08883)
    [ 116.0 * y - 16.0; 500.0 * (x - y); 200.0 * (y - z) ]

/// How far apart two colours look (CIE 1976) to such eyes.
let private apart (eyes: float list list) one other =
    let seen colour =
        lab [ for row in eyes -> weighted row (light colour) |> max 0.0 |> min 1.0 ]

    List.map2 (fun a b -> (a - b) ** 2.0) (seen one) (seen other)
    |> List.sum
    |> sqrt

[<Tests>]
let tests =
    testList "report differences" [
        for better, difference, colour, words in
            [
                Better.Higher, 0.2, "better", "↑ better"
                Better.Higher, -0.2, "worse", "↓ worse"
                Better.Lower, 0.2, "worse", "↑ worse"
                Better.Lower, -0.2, "better", "↓ better"
            ] do
            test $"{better} is better: {difference} is {colour}" {
                Expect.equal (judged better difference) ([ colour ], [ words ]) "by class, arrow and word"
            }

        test "what does not judge, and what is shown as no difference, has no mark" {
            for better, difference in
                [
                    Better.Neither, 0.2
                    Better.Neither, -0.2
                    Better.Higher, 0.0
                    Better.Higher, -0.0004
                    Better.Lower, 0.0004
                ] do
                Expect.equal (judged better difference) ([], []) $"{better}, {difference}"

            Expect.equal (judged Better.Higher 0.0006) ([ "better" ], [ "↑ better" ]) "shown as 0.001"
        }

        test "the judgement comes with the score" {
            let figure = ReportFigure.Of(score 0.5, score 0.3)
            Expect.equal figure.Better Better.Lower "a row's"
            Expect.equal ((score 0.3).Minus(score 0.5)).Better Better.Lower "a difference's"
            Expect.equal (ReportFigure.Of(score 0.5)).Better Better.Lower "a lone number's"
            let both = embeddings
            Expect.equal (ClipMetrics.ImageSimilarity("t", both, both)).Better Better.Higher "CLIP-I"
            Expect.equal (ClipMetrics.TextSimilarity("t", both, both, "w")).Better Better.Higher "CLIP-T"
            Expect.equal (ClipMetrics.ImageCeiling("t", both)).Better Better.Neither "what real pictures reach"
            let found = ClipMetrics.Retrieve("t", both, both, [ [ 0; 1 ]; [ 0; 1 ] ], [ 0; 1 ])
            Expect.equal found.Top1.Better Better.Higher "retrieval"
        }

        test "more of a subject in company is better" {
            use scorer = ClipScorer.Load(Path.Combine(Support.golden, "clip"))
            let picture = Image(8, 8)

            let subject name =
                MeasuredSubject(name, name, [| picture |])

            let scores =
                SubjectScores.Measure(
                    scorer,
                    [| subject "dog"; subject "cat" |],
                    [| struct (picture, "a dog and a cat", [| 0; 1 |]) |]
                )

            for each in [ scores.Likeness; scores.Fidelity; scores.Recognised ] do
                Expect.equal [ for score in each -> (nonNull score).Better ] [ Better.Higher; Better.Higher ] "each"
        }

        test "a difference whose interval holds zero is told to be within chance" {
            let spread low high =
                Pages.parse (
                    Report.Render(
                        ReportModel(
                            Title = "t",
                            Summary = "s",
                            PlanHash = "h",
                            Figures = [|
                                ReportFigure(
                                    Name = "n",
                                    Definition = "d",
                                    Difference = ReportNumber(0.1, Interval(low, high)),
                                    Better = Better.Higher
                                )
                            |]
                        )
                    )
                )

            let judged document =
                Pages.all document "//td[@data-column='difference']/b/@class"

            Expect.equal (judged (spread -0.1 0.3)) [ "chance" ] "zero is inside"
            Expect.equal (judged (spread 0.02 0.3)) [ "better" ] "zero is outside"
            Expect.isEmpty (Pages.all (spread -0.1 0.3) "//th[text()='goal']") "no goal, no column"
        }

        test "good and bad have colours of their own" {
            let style = page Better.Neither 0.0

            for selector, colour in [ "better", "good"; "worse", "bad" ] do
                Expect.isTrue
                    (Regex.IsMatch(style, $@"\.figures td \.{selector} \{{\s*color: var\(--{colour}\)"))
                    selector
        }

        test "good and bad are read on every background" {
            Expect.equal schemes.Length 3 "light, dark, print"

            for scheme, colours in schemes do
                for colour in [ "good"; "bad" ] do
                    for background in [ "card"; "page" ] do
                        Expect.isGreaterThan
                            (contrast colours[colour] colours[background])
                            4.5
                            $"{scheme}: {colour} on {background}"
        }

        test "good and bad are told apart by eyes that lack a kind of cone" {
            for scheme, colours in schemes do
                for name, eyes in blind do
                    Expect.isGreaterThan (apart eyes colours["good"] colours["bad"]) 50.0 $"{scheme}: {name}"

            let deuteranopia = List.item 1 blind |> snd
            Expect.isLessThan (apart deuteranopia "#1a7a3c" "#b3261e") 25.0 "green and red are not"
        }
    ]
