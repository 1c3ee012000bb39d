module Recipes.Tests.DiskTests

open System
open System.IO
open Expecto
open Recipes.Core
open Recipes.Runs
open Recipes.Tests.Support

/// As the system reports a full disk: error 28, ENOSPC.
let private full () =
    IOException("No space left on device", 28)

[<Tests>]
let tests =
    testList "disk" [
        test "a file appears whole" {
            withFolder (fun folder ->
                let path = Path.Combine(folder, "a.txt")
                Disk.writeText path "words"
                Expect.equal (File.ReadAllText path) "words\n" ""
                Expect.equal (Directory.GetFiles folder).Length 1 "nothing is left beside it")
        }

        test "a full disk leaves the old file and says what to do" {
            withFolder (fun folder ->
                let path = Path.Combine(folder, "a.txt")
                Disk.writeText path "old"

                let error =
                    try
                        Disk.write path (fun stream ->
                            stream.WriteByte 1uy
                            raise (full ()))

                        failtest "the error was swallowed"
                    with :? RecipesException as error ->
                        error

                Expect.stringContains error.Fault "no space is left" ""
                Expect.equal (File.ReadAllText path) "old\n" "the old file is whole"
                Expect.equal (Directory.GetFiles folder).Length 1 "the half file is gone")
        }

        test "the device that is always full is recognised" {
            if File.Exists "/dev/full" then
                Expect.throwsT<RecipesException>
                    (fun () ->
                        Disk.guard "/dev/full" (fun () ->
                            use stream = new FileStream("/dev/full", FileMode.Open, FileAccess.Write)
                            stream.Write(ReadOnlySpan(Array.zeroCreate<byte> 10))
                            stream.Flush true))
                    ""
            else
                skiptest "this system has no /dev/full"
        }

        test "other errors stay themselves" {
            Expect.throwsT<FileNotFoundException>
                (fun () -> Disk.guard "x" (fun () -> raise (FileNotFoundException())))
                ""
        }

        test "too little space is refused before the start" {
            withFolder (fun folder ->
                Disk.requireSpace (Path.Combine(folder, "not", "yet")) 1L

                let error =
                    try
                        Disk.requireSpace folder Int64.MaxValue
                        failtest "it was not refused"
                    with :? RecipesException as error ->
                        error

                Expect.stringContains error.Fault "are free and about 9223372036" "")
        }

        test "the log drops the lines of steps that will be done again" {
            withFolder (fun folder ->
                let path = Path.Combine(folder, "metrics.jsonl")

                do
                    use log = Metrics.After(path, 0)

                    for step in 1..3 do
                        log.Add(step, [ "loss", 0.5 / float step; "rate", nan ])

                File.AppendAllText(path, "{\"step\":4,\"lo")

                do
                    use log = Metrics.After(path, 2)
                    log.Add(3, [ "loss", 1.0 ])

                Expect.sequenceEqual
                    (File.ReadAllLines path)
                    [
                        """{"step":1,"loss":0.5,"rate":null}"""
                        """{"step":2,"loss":0.25,"rate":null}"""
                        """{"step":3,"loss":1}"""
                    ]
                    "")
        }
    ]
