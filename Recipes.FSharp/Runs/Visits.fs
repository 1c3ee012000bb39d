namespace Recipes.Runs

open System.Text.Json.Nodes
open Recipes
open Recipes.Core.Training

/// How often a training visited which pictures, as results and reports say it.
[<RequireQualifiedAccess>]
module internal Visits =
    let private range (counts: int64 list) =
        match List.min counts, List.max counts with
        | least, most when least = most -> $"each {least} times"
        | least, most -> $"each {least} to {most} times"

    /// `500 visits of 5 pictures, each 100 times; 20 of 20 class pictures`
    let text (visits: ConceptVisits) =
        let counts = List.ofSeq visits.Pictures

        let classes =
            if visits.ClassPictures = 0 then
                ""
            else
                $"; {visits.ClassVisited} of {visits.ClassPictures} class pictures"

        $"""{counted (List.sum counts) "visit"} of {counted (int64 counts.Length) "picture"}, {range counts}{classes}"""

    let json (all: ConceptVisits list) : JsonArray =
        JsonArray [|
            for visits in all ->
                let entry = JsonObject()
                entry["concept"] <- JsonValue.Create visits.Concept
                entry["pictures"] <- JsonArray [| for count in visits.Pictures -> JsonValue.Create count :> JsonNode |]
                entry["class_pictures"] <- JsonValue.Create visits.ClassPictures
                entry["class_visited"] <- JsonValue.Create visits.ClassVisited
                entry :> JsonNode
        |]
