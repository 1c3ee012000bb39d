module Recipes.Tests.PictureCacheTests

open System
open System.IO
open Expecto
open Recipes.Runs
open Recipes.Tests.Support

/// A cache of its own for the test, and what was drawn in it.
let private withCache (test: string -> ResizeArray<int> -> (int -> string list) -> unit) =
    withFolder (fun folder ->
        let drawn = ResizeArray<int>()

        let draw first =
            drawn.Add first
            [ for index in first .. first + 3 -> [| byte index; 7uy |] ]

        test folder drawn (fun count -> PictureCache.get folder "key" count 4 draw ignore))

[<Tests>]
let tests =
    testList "picture cache" [
        test "pictures are drawn once, in whole batches" {
            withCache (fun _ drawn get ->
                let first = get 6
                Expect.equal first.Length 6 "as many as asked for"
                Expect.sequenceEqual drawn [ 0; 4 ] "two batches"
                Expect.equal (get 6) first "the same files"
                Expect.equal drawn.Count 2 "nothing more is drawn"

                for index, path in List.indexed first do
                    Expect.sequenceEqual (File.ReadAllBytes path) [| byte index; 7uy |] path)
        }

        test "more pictures extend fewer" {
            withCache (fun _ drawn get ->
                get 6 |> ignore
                get 8 |> ignore
                Expect.equal drawn.Count 2 "the second batch was whole already"
                get 9 |> ignore
                Expect.sequenceEqual drawn [ 0; 4; 8 ] "")
        }

        test "a harmed or missing picture is drawn again" {
            withCache (fun _ drawn get ->
                let files = get 8
                File.WriteAllText(files[5], "harm")
                get 8 |> ignore
                Expect.sequenceEqual drawn [ 0; 4; 4 ] "its batch"
                Expect.sequenceEqual (File.ReadAllBytes files[5]) [| 5uy; 7uy |] "it is whole again"
                File.Delete files[0]
                get 8 |> ignore
                Expect.isTrue (File.Exists files[0]) "")
        }

        test "an interrupted call keeps its finished batches" {
            withFolder (fun folder ->
                let draw stop first =
                    if first = stop then
                        raise (OperationCanceledException())

                    [ for index in first .. first + 3 -> [| byte index |] ]

                Expect.throwsT<OperationCanceledException>
                    (fun () -> PictureCache.get folder "key" 12 4 (draw 8) ignore |> ignore)
                    ""

                let reached = ResizeArray<int>()
                PictureCache.get folder "key" 12 4 (draw -1) reached.Add |> ignore
                Expect.sequenceEqual reached [ 8; 12 ] "")
        }

        test "another key has another folder" {
            withFolder (fun folder ->
                let draw mark _ = [ for _ in 1..4 -> [| mark |] ]
                let a = PictureCache.get folder "a" 4 4 (draw 1uy) ignore
                let b = PictureCache.get folder "b" 4 4 (draw 2uy) ignore
                Expect.notEqual a b ""
                Expect.sequenceEqual (File.ReadAllBytes a[0]) [| 1uy |] "")
        }
    ]
