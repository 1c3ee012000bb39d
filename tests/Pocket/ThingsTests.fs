module Recipes.Tests.PocketThingsTests

open System.IO
open System.IO.Compression
open Expecto
open Recipes.Core
open Recipes.Core.Pocket
open Recipes.Tests.Support

let private things = List.ofSeq Things.All
let private heading = "hex\tnoun\tarticle\tgroup\tsplit\n"

let private refused (fault: string) (action: unit -> unit) =
    let thrown =
        try
            action ()
            None
        with :? RecipesException as refusal ->
            Some refusal

    match thrown with
    | None -> failtest $"nothing was thrown where '{fault}' was expected"
    | Some refusal ->
        Expect.stringContains refusal.Fault fault "fault"
        Expect.isNotEmpty refusal.Cure "cure"

[<Tests>]
let tests =
    testList "pocket things" [
        test "at least 250 are trained and 40 held out" {
            let heldOut, trained = things |> List.partition _.HeldOut
            Expect.isGreaterThanOrEqual trained.Length 250 "trained"
            Expect.isGreaterThanOrEqual heldOut.Length 40 "held out"
        }

        test "nouns are unique, plain and short" {
            Expect.equal (things |> List.distinctBy _.Noun |> List.length) things.Length "unique"

            for thing in things do
                let words = thing.Noun.Split ' '
                Expect.isLessThanOrEqual words.Length 2 thing.Noun

                Expect.isTrue
                    (thing.Noun
                     |> Seq.forall (fun letter -> letter = ' ' || letter = '-' || System.Char.IsAsciiLetterLower letter))
                    thing.Noun
        }

        test "articles agree with the sound" {
            for thing in things do
                let vowel = "aeiou".Contains thing.Noun[0]
                let sounded = vowel && thing.Noun <> "unicorn"

                if thing.Article <> "some" then
                    Expect.equal thing.Article (if sounded then "an" else "a") thing.Noun
        }

        test "no held-out noun is a word of a trained one" {
            let words =
                things
                |> Seq.filter (fun thing -> not thing.HeldOut)
                |> Seq.collect _.Noun.Split(' ')
                |> Set.ofSeq

            for thing in things |> List.filter _.HeldOut do
                Expect.isFalse (words.Contains thing.Noun) thing.Noun
        }

        test "a faulty table is refused by its line" {
            let line = "1f436\tdog\ta\tanimal\ttrain\n"
            refused "4 columns" (fun () -> Things.Parse(heading + "1f436\tdog\ta\tanimal\n") |> ignore)

            refused "'dog' stands there twice" (fun () ->
                Things.Parse(heading + line + line.Replace("1f436", "1f431")) |> ignore)

            refused "1f436 stands there twice" (fun () ->
                Things.Parse(heading + line + line.Replace("dog", "cat")) |> ignore)

            refused "'test' is not" (fun () -> Things.Parse(heading + line.Replace("train", "test")) |> ignore)
            refused "'the' is not" (fun () -> Things.Parse(heading + line.Replace("\ta\t", "\tthe\t")) |> ignore)
        }

        test "an absent or altered source package is refused" {
            withFolder (fun folder ->
                let read () =
                    SourcePackage.Labels.Read(folder, fun _ -> true) |> ignore

                refused "not there" read
                File.WriteAllText(Path.Combine(folder, SourcePackage.Labels.FileName), "changed")
                refused "SHA-256" read)
        }

        test "an absent, broken or incomplete pack is refused" {
            withFolder (fun folder ->
                let path = Path.Combine(folder, "icons.pack")
                let openPack () = IconPack.Open path |> ignore
                refused "not there" openPack
                File.WriteAllText(path, "no archive")
                refused "no icon pack" openPack
                File.Delete path
                ZipFile.Open(path, ZipArchiveMode.Create).Dispose()
                refused "no picture" openPack)
        }
    ]
