/// Reading reports as a browser would.
module Recipes.Tests.Pages

open System.Net
open System.Text.RegularExpressions
open System.Xml
open Expecto

/// The page's tree; void elements are closed first, since HTML leaves them open.
let parse (page: string) =
    let closed =
        Regex.Replace(page, "<(meta|img)\\b([^>]*)>", "<$1$2/>").Replace("<!DOCTYPE html>", "")

    let document = XmlDocument(PreserveWhitespace = true)
    document.LoadXml closed
    document

/// The text of every node that an XPath names.
let all (node: XmlNode) (path: string) : string list =
    match node.SelectNodes path with
    | null -> []
    | nodes -> nodes |> Seq.cast<XmlNode> |> List.ofSeq |> List.map _.InnerText

let item index node path = List.item index (all node path)

/// The differences of a page's figures: what is shown, and the class that colours it, empty for none.
let differences (page: string) = [
    for found in Regex.Matches(page, "data-column=\"difference\"><b(?: class=\"(\\w+)\")?>([^<]+)</b>") ->
        WebUtility.HtmlDecode(found.Groups[2].Value) |> string, found.Groups[1].Value
]

/// Passes where all figures of a page judge their differences as those do that are better when higher.
let higherIsBetter (page: string) =
    let shown = differences page
    Expect.exists shown (fun (_, colour) -> colour <> "") "some difference is judged"

    for value, colour in shown do
        let wanted =
            if value.StartsWith '+' then "better"
            elif value.StartsWith '−' then "worse"
            else ""

        Expect.equal colour wanted value
