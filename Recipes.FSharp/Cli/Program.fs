module Recipes.Cli.Program

open System
open Argu
open Recipes
open Recipes.Runs

let private check (args: ParseResults<CheckArgs>) =
    let submission = {
        Script = args.GetResult CheckArgs.Script
        Mode = Mode.Check
        Assignments = args.GetResults CheckArgs.Set
        Device = args.TryGetResult CheckArgs.Device
        Json = args.Contains CheckArgs.Json
        Quiet = args.Contains CheckArgs.Quiet
    }

    Submission.evaluate submission (fun _ _ -> Faults.ok)

let private show (args: ParseResults<ShowArgs>) =
    let submission = {
        Script = args.GetResult ShowArgs.Script
        Mode = Mode.Show
        Assignments = args.GetResults ShowArgs.Set
        Device = args.TryGetResult ShowArgs.Device
        Json = args.Contains ShowArgs.Json
        Quiet = args.Contains ShowArgs.Quiet
    }

    Submission.evaluate submission (fun _ _ -> Faults.ok)

let private dispatch (args: ParseResults<Args>) =
    match args.GetAllResults() with
    | Version :: _ ->
        Console.Out.WriteLine $"recipes {RunEnvironment.recipes}"
        Faults.ok
    | Check args :: _ -> check args
    | Show args :: _ -> show args
    | Args.Run args :: _ -> Run.verb args
    | Args.Sample args :: _ -> Sample.verb args
    | Args.Export args :: _ -> Export.verb args
    | Args.Bench args :: _ -> Bench.verb args
    | Args.Doctor args :: _ -> Doctor.verb args
    | Args.Models args :: _ -> ModelsVerb.verb args
    | [] -> Faults.wrongUse

[<EntryPoint>]
let main args =
    Stages.began ()

    match Parsing.parse args with
    | Error refusal ->
        (if refusal.Code = 0 then Console.Out else Console.Error).WriteLine refusal.Text
        refusal.Code
    | Ok results ->
        try
            dispatch results
        with
        // Argu looks for a verb's required arguments only when they are asked for.
        | :? ArguParseException as error ->
            Console.Error.WriteLine (Parsing.refusal args error).Text
            Faults.wrongUse
        | WrongUse error ->
            Faults.report error
            Faults.wrongUse
        | error ->
            Faults.report error
            Faults.failed
