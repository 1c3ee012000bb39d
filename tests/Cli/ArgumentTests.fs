module Recipes.Tests.ArgumentTests

open Expecto
open Recipes.Cli

let private refusal args =
    match Parsing.parse args with
    | Error refusal -> refusal
    | Ok results -> failtest $"{results}"

[<Tests>]
let tests =
    testList "arguments" [
        for verb in [ "check"; "show"; "run"; "sample" ] do
            test $"{verb} --help has an example and ends well" {
                let refusal = refusal [| verb; "--help" |]
                Expect.equal refusal.Code 0 ""
                Expect.stringContains refusal.Text "EXAMPLE:" ""
                Expect.stringContains refusal.Text $"    recipes {verb} recipes/dreambooth.fsx" ""
                Expect.stringContains refusal.Text "--set <assignment>" ""
            }

        test "models --help has an example and names what it does" {
            let refusal = refusal [| "models"; "--help" |]
            Expect.equal refusal.Code 0 ""
            Expect.stringContains refusal.Text "    recipes models get " ""

            for word in [ "list"; "get <options>" ] do
                Expect.stringContains refusal.Text word ""
        }

        test "--help names every verb" {
            let refusal = refusal [| "--help" |]
            Expect.equal refusal.Code 0 ""

            for verb in [ "check"; "show"; "run"; "sample"; "models" ] do
                Expect.stringContains refusal.Text $"recipes {verb} " verb
        }

        test "no argument at all is wrong use, with the help" {
            let refusal = refusal [||]
            Expect.equal refusal.Code 2 ""
            Expect.stringContains refusal.Text "USAGE: recipes" ""
        }

        test "wrong use is one line and where to find help" {
            for args, fault, help in
                [
                    [| "rnu"; "a.fsx" |], "'rnu'", "Verbs are check, show, run, sample"
                    [| "run"; "a.fsx"; "--sett"; "a=b" |], "'--sett'", "recipes run --help"
                    [| "sample"; "a.fsx"; "--seed"; "x" |], "--seed", "recipes sample --help"
                    [| "run"; "a.fsx"; "b.fsx" |], "'b.fsx'", "recipes run --help"
                    [| "--frobnicate" |], "--frobnicate", "recipes --help"
                ] do
                let refusal = refusal args
                Expect.equal refusal.Code 2 fault
                let lines = refusal.Text.Split '\n'
                Expect.equal lines.Length 2 refusal.Text
                Expect.stringContains lines[0] fault ""
                Expect.stringContains lines[1] help ""
        }
    ]
