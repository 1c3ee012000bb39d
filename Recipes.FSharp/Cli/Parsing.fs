namespace Recipes.Cli

open Argu

/// The command line as Argu reads it, with an example for each verb.
[<RequireQualifiedAccess>]
module Parsing =
    let private examples =
        Map [
            "check", [ "recipes check recipes/dreambooth.fsx --set steps=20" ]
            "show", [ "recipes show recipes/dreambooth.fsx" ]
            "run", [ "recipes run recipes/dreambooth.fsx --set steps=200 --device cpu" ]
            "sample",
            [
                "recipes sample recipes/dreambooth.fsx --prompt \"sks robot on a beach\" --seed 7 --count 4"
            ]
            "bench",
            [
                "recipes bench load --write random-sd15 --shape sd15"
                "recipes bench start"
                "recipes bench all --shapes pocket --runs 5"
            ]
            "doctor", [ "recipes doctor" ]
            "models",
            [
                "recipes models get stable-diffusion-v1-5/stable-diffusion-v1-5 --variant fp16"
            ]
        ]

    let private verbs = [ "check"; "show"; "run"; "sample"; "models"; "bench"; "doctor" ]

    /// What to print, and the exit code.
    type Refusal = { Text: string; Code: int }

    let private parser =
        ArgumentParser.Create<Args>(programName = "recipes", usageStringCharacterWidth = 100)

    let private withExamples (verb: string option) (usage: string) =
        let lines =
            match verb |> Option.bind (fun verb -> Map.tryFind verb examples) with
            | Some lines -> lines
            | None -> verbs |> List.collect (fun verb -> examples[verb])

        let heading = if lines.Length = 1 then "EXAMPLE:" else "EXAMPLES:"
        let indented = lines |> List.map (fun line -> $"    {line}") |> String.concat "\n"
        $"{usage.TrimEnd()}\n\n{heading}\n\n{indented}"

    /// The first line of Argu's message, which is followed by the whole usage.
    let private fault (message: string) =
        let line = (message.ReplaceLineEndings "\n").Split('\n')[0]

        if line.StartsWith "ERROR: " then
            "error: " + line[7..]
        else
            "error: " + line

    let private verb (args: string array) =
        args |> Array.tryHead |> Option.filter (fun word -> List.contains word verbs)

    /// What Argu's complaint comes to: the help that was asked for, or one line and where to find help.
    let refusal (args: string array) (error: ArguParseException) : Refusal =
        match error.ErrorCode with
        | ErrorCode.HelpText -> {
            Text = withExamples (verb args) error.Message
            Code = 0
          }
        | _ ->
            let help =
                match verb args, Array.tryHead args with
                | Some verb, _ -> $"See `recipes {verb} --help`."
                | None, Some word when not (word.StartsWith '-') ->
                    $"""Verbs are {String.concat ", " verbs}; see `recipes --help`."""
                | None, _ -> "See `recipes --help`."

            {
                Text = $"{fault error.Message}\n  {help}"
                Code = 2
            }

    let parse (args: string array) : Result<ParseResults<Args>, Refusal> =
        try
            let results = parser.ParseCommandLine(inputs = args)

            if results.GetAllResults().IsEmpty then
                Error {
                    Text = withExamples None (parser.PrintUsage())
                    Code = 2
                }
            else
                Ok results
        with :? ArguParseException as error ->
            Error(refusal args error)
