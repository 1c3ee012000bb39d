/// What the tests of this folder share about errors.
module Recipes.Tests.Faults

open Expecto
open Recipes.Core

/// The action must be refused with an error that holds each of these texts and says what to do.
let expect (texts: string list) (action: unit -> unit) =
    let error =
        try
            action ()
            None
        with :? RecipesException as e ->
            Some e

    match error with
    | None -> failtest $"it was accepted; wanted an error with {texts}"
    | Some e ->
        for text in texts do
            Expect.stringContains e.Message text "the error"

        Expect.isFalse (e.Fault.EndsWith '.') "a fault ends without a full stop"
        Expect.isTrue (e.Cure.EndsWith '.') "a cure is a sentence"
