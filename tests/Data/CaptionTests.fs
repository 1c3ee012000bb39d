module Recipes.Tests.CaptionTests

open System.IO
open Expecto
open Recipes.Core.Data
open Recipes.Tests.Support

let private write folder name (text: string) =
    File.WriteAllText(Path.Combine(folder, name), text)

let private read folder names source =
    List.ofSeq (Captions.Read([| for name: string in names -> Path.Combine(folder, name) |], source))

let private refuses (part: string) folder names source =
    failsWith part (fun () -> read folder names source |> ignore)

[<Tests>]
let tests =
    testList "captions" [
        test "a file's name, without its number" {
            let words = Captions.Words >> string

            Expect.equal
                (List.map words [ "a/red_robot-03.png"; "Robot.jpg"; "007.png"; "two--words_.png"; "r2 d2.png" ])
                [ "red robot"; "Robot"; "007"; "two words"; "r2 d2" ]
                "words"
        }

        test "a template, with the words of the name in its place" {
            let fill text =
                read "/nowhere" [ "red_robot-03.png"; "blue.png" ] (CaptionSource.Template text)

            Expect.equal (fill "a photo of sks, {}") [ "a photo of sks, red robot"; "a photo of sks, blue" ] "each"
            Expect.equal (fill "a photo") [ "a photo"; "a photo" ] "one for all"
            refuses "2 of 2 pictures have no caption" "/nowhere" [ "a.png"; "b.png" ] (CaptionSource.Template " ")
        }

        test "text files beside the pictures, all that are missing named at once" {
            withFolder (fun folder ->
                write folder "a.txt" " a red robot\n"
                write folder "b.caption" "a blue one"
                write folder "c.txt" "  \n"
                let beside = CaptionSource.Beside()
                Expect.equal (read folder [ "a.png"; "b.png" ] beside) [ "a red robot"; "a blue one" ] "both kinds"
                let all = [ "a.png"; "b.png"; "c.png"; "d.png" ]
                refuses "2 of 4 pictures have no caption (looked for .txt, .caption): c.png, d.png" folder all beside

                refuses
                    "(looked for .txt; 1 .caption files lie there): b.png"
                    folder
                    [ "a.png"; "b.png" ]
                    (CaptionSource.Beside(Extensions = [ ".txt" ])))
        }

        test "metadata.jsonl" {
            withFolder (fun folder ->
                let metadata = CaptionSource.Metadata()
                let put = write folder "metadata.jsonl"
                refuses "no such file" folder [ "a.png" ] metadata
                put "{\"file_name\": \"a.png\", \"text\": \"a robot\", \"more\": 1}\n\n"
                Expect.equal (read folder [ "a.png" ] metadata) [ "a robot" ] "by name"
                refuses "have no caption in metadata.jsonl: b.png" folder [ "a.png"; "b.png" ] metadata
                put "{\"file_name\": \"a.png\"}"
                refuses "line 1: there is no text" folder [ "a.png" ] metadata
                put "\n{"
                refuses "line 2: it is no JSON object" folder [ "a.png" ] metadata
                put "{\"file_name\": \"a.png\", \"text\": 7}"
                refuses "line 1: it is no JSON object" folder [ "a.png" ] metadata
                put "{\"file_name\": \"a.png\", \"text\": \"x\"}\n{\"file_name\": \"a.png\", \"text\": \"y\"}"
                refuses "line 2: a.png has a caption already" folder [ "a.png" ] metadata)
        }
    ]
