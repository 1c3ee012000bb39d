module Recipes.Cli.Program

[<EntryPoint>]
let main _ = 0
