module Recipes.Tests.ReportTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Recipes.Core
open Recipes.Core.Imaging
open Recipes.Eval
open Recipes.Eval.Reports
open Recipes.Tests.Pages

let private hostile = "</pre><script>alert('x')</script> & \"quoted\" <!-- ]]> é 漢"

let private picture = ReportImage(ImageFile.EncodePng(Image(3, 2)), hostile)

let private figure (score: Score) =
    ReportFigure.Of(
        score,
        Score(score.Name, score.Definition, [ for v in score.Values -> v + 0.2 ]),
        ReportGoal("≥ +0.10", true)
    )

/// A model in which one text stands in every place that takes text.
let private everywhere (text: string) =
    let entry = ReportEntry(text, text, text)

    ReportModel(
        Title = text,
        Summary = text,
        PlanHash = text,
        AdapterSha256 = text,
        References = [| picture |],
        Figures = [|
            figure (Score(text, text, [ 0.5; 0.7 ]))
            ReportFigure(Name = text, Definition = text, Unit = text, After = ReportNumber(192.4), Decimals = 0)
        |],
        FigureNotes = [| text |],
        Comparison =
            ReportComparison(
                [| text; "after" |],
                [| ReportRow(text, 7UL, [| ReportCell(picture, text); ReportCell picture |]) |]
            ),
        Curves = [|
            ReportCurve(
                Title = text,
                YLabel = text,
                XLabel = text,
                Series = [|
                    ReportSeries(text, [| for i in 1..50 -> ReportPoint(int64 i, 1.0 / float i) |])
                |]
            )
        |],
        Settings = [| entry |],
        Environment = [| entry |],
        Provenance = [| entry |],
        PlanText = text,
        PlanJson = text
    )

let private curve (points: (int64 * float) list) =
    ReportModel(
        Title = "t",
        Summary = "s",
        PlanHash = "h",
        Curves = [|
            ReportCurve(
                Title = "Training loss",
                YLabel = "loss",
                Series = [|
                    ReportSeries("loss", [| for step, value in points -> ReportPoint(step, value) |])
                |]
            )
        |]
    )

[<Tests>]
let tests =
    testList "report" [
        test "hostile text stays text in every place" {
            let page = Report.Render(everywhere hostile)
            Expect.isFalse (page.Contains("<script", StringComparison.OrdinalIgnoreCase)) "no script element"
            Expect.isFalse (page.Contains "<!--") "no comment"
            let document = parse page
            Expect.equal (item 0 document "//h1") hostile "the heading reads as it was given"
            Expect.equal (all document "//pre").Length 2 "no element was closed early"
            Expect.isTrue ((item 1 document "//pre").Contains hostile) "the plan reads as it was given"
        }

        testProperty "any text reads back as it was given"
        <| fun (characters: char list) ->
            let text = String(Array.ofList characters)
            let clean = Regex.Replace(text, "[\u0000-\u001F\uD800-\uDFFF\uFFFE\uFFFF]", " ")

            let document = parse (Report.Render(everywhere clean))
            (item 0 document "//h1") = clean

        test "nothing is fetched" {
            let page = Report.Render(everywhere "text")
            let document = parse page

            for node in all document "//@src" do
                Expect.stringStarts node "data:image/png;base64," "pictures are inside"

            Expect.isEmpty (all document "//@href | //link | //script") "no links"
            Expect.isFalse (Regex.IsMatch(page, "https?:|url\\(|@import")) "no address in the style either"
            Expect.equal (all document "//img").Length 3 "reference, before, after"
        }

        test "embedded pictures keep their bytes" {
            let document = parse (Report.Render(everywhere "text"))
            let source = (item 0 document "//img/@src")
            let bytes = Convert.FromBase64String(source.Substring(source.IndexOf ',' + 1))
            Expect.equal bytes (ImageFile.EncodePng(Image(3, 2))) "bytes"
            Expect.equal (item 0 document "//img/@width") "3" "width from the file"
            Expect.equal (item 0 document "//img/@height") "2" "height from the file"
        }

        test "equal models make equal bytes" {
            Support.withFolder (fun folder ->
                let write name =
                    let path = Path.Combine(folder, "made", name)
                    Report.Write(path, everywhere hostile)
                    File.ReadAllBytes path

                Expect.equal (write "one.html") (write "two.html") "bytes"
                Expect.equal (Directory.GetFiles(folder, "*", SearchOption.AllDirectories)).Length 2 "no drafts left")
        }

        test "figures show value, interval, count and a signed difference" {
            let document = parse (Report.Render(everywhere "text"))
            let cells = all document "//table[@class='figures']/tbody/tr[1]/td"
            Expect.stringStarts cells[0] "0.600" "before"
            Expect.stringStarts cells[1] "0.800" "after"
            Expect.stringStarts cells[2] "+0.200" "difference"
            Expect.stringContains cells[0] "0.500 … 0.700" "interval"
            Expect.stringContains cells[0] "n = 2" "count"
            Expect.stringContains cells[3] "met" "goal"
            let single = all document "//table[@class='figures']/tbody/tr[2]/td"
            Expect.equal single[0] "–" "no before"
            Expect.equal single[1] "192 text" "value and unit"
        }

        test "a figure that is not a number is refused" {
            let model =
                ReportModel(
                    Title = "t",
                    Summary = "s",
                    PlanHash = "h",
                    Figures = [| ReportFigure(Name = "CLIP-T", Definition = "d", After = ReportNumber nan) |]
                )

            Expect.throwsC (fun () -> Report.Render model |> ignore) (fun error ->
                Expect.stringContains error.Message "CLIP-T, after" "names the figure and the column")
        }

        test "the curve spans the plot and the reading names step and value" {
            let document =
                parse (Report.Render(curve [ for i in 1L .. 100L -> i, 2.0 / float i ]))

            let path =
                (item 0 document "//*[local-name()='svg'][@class='wide']/*[@class='raw s0']/@d")

            let points =
                path.Substring(1).Split('L')
                |> Array.map (fun p -> p.Split(' ') |> Array.map float)

            Expect.equal points.Length 100 "every point"
            Expect.floatClose Accuracy.low points[0].[0] 52.0 "starts at the axis"
            Expect.floatClose Accuracy.low points[99].[0] (1040.0 - 14.0) "ends at the right"
            Expect.floatClose Accuracy.low points[0].[1] 22.0 "2.0 is the top of an axis from 0 to 2"
            let titles = all document "//*[local-name()='title']"
            Expect.exists titles (fun title -> title.StartsWith "step 4 · loss 0.5,") "a reading"
        }

        test "gaps are told, not hidden" {
            let page = Report.Render(curve [ 1L, 0.5; 2L, nan; 3L, 0.4; 4L, infinity; 5L, 0.3 ])
            Expect.stringContains page "loss: no finite value at 2 steps (2, 4)" "the note"
            Expect.isFalse (page.Contains "NaN") "no such coordinate"
        }

        test "curves of one point, of equal values, of tiny and huge values are drawn or explained" {
            let one = Report.Render(curve [ 1L, 0.5 ])
            Expect.stringContains one "Fewer than two points" "one point"

            for value in [ 0.0; 1.0; -3.0; 1e-9; 1e9 ] do
                let page = Report.Render(curve [ for i in 0L .. 9L -> i, value ])
                Expect.isFalse (Regex.IsMatch(page, "NaN|Infinity|∞")) $"level at {value}"

            let long = Report.Render(curve [ for i in 1L .. 200_000L -> i, sin (float i) ])
            Expect.isLessThan long.Length 200_000 "a long run stays a small page"
        }

        test "steps that fall back are refused" {
            Expect.throwsT<RecipesException> (fun () -> Report.Render(curve [ 2L, 0.1; 1L, 0.1 ]) |> ignore) "2, 1"
        }

        test "a row without a picture for every column is refused" {
            let model =
                ReportModel(
                    Title = "t",
                    Summary = "s",
                    PlanHash = "h",
                    Comparison =
                        ReportComparison([| "before"; "after" |], [| ReportRow("p", 1UL, [| ReportCell picture |]) |])
                )

            Expect.throwsT<RecipesException> (fun () -> Report.Render model |> ignore) "1 of 2"
        }

        test "bytes that are no picture are refused" {
            Expect.throwsT<RecipesException> (fun () -> ReportImage([| 1uy; 2uy |]) |> ignore) "two bytes"
            Expect.throwsT<RecipesException> (fun () -> ReportImage.Read "no/such.png" |> ignore) "no file"
        }

        test "a report that cannot be written says so and leaves no draft" {
            Support.withFolder (fun folder ->
                let taken = Path.Combine(folder, "taken")
                Directory.CreateDirectory taken |> ignore

                Expect.throwsT<RecipesException>
                    (fun () -> Report.Write(taken, everywhere "t"))
                    "a folder stands there"

                Expect.isEmpty (Directory.GetFiles folder) "no draft")
        }
    ]
