namespace Recipes.Runs

open System
open System.IO
open System.Security.Cryptography
open System.Text

/// Pictures that a base model draws once and many runs use: class pictures for prior preservation. They lie in
/// `<cache>/class-pictures/<hash of all that decides them>/`, numbered, with their sums in the format of sha256sum.
[<RequireQualifiedAccess>]
module PictureCache =
    let private sumsFile = "sums.sha256"

    /// RECIPES_CACHE, else recipes/ in XDG_CACHE_HOME, else ~/.cache/recipes.
    let root () = Recipes.Core.Hub.RecipesCache.Root

    let private sha256 (bytes: byte array) =
        Convert.ToHexStringLower(SHA256.HashData bytes)

    /// The folder for pictures decided by `key`; the key's text must be canonical.
    let folder (root: string) (key: string) =
        Path.Combine(root, "class-pictures", (sha256 (Encoding.UTF8.GetBytes key))[..15])

    let private name (index: int) = $"{index:D4}.png"

    let private readSums (folder: string) =
        let path = Path.Combine(folder, sumsFile)

        if File.Exists path then
            File.ReadAllLines path
            |> Seq.choose (fun line ->
                match line.Split("  ", 2) with
                | [| sum; file |] -> Some(file, sum)
                | _ -> None)
            |> Map.ofSeq
        else
            Map.empty

    let private writeSums (folder: string) (sums: Map<string, string>) =
        sums
        |> Seq.map (fun entry -> $"{entry.Value}  {entry.Key}")
        |> String.concat "\n"
        |> Disk.writeText (Path.Combine(folder, sumsFile))

    /// How many pictures, counted from the first, are there and unharmed.
    let private sound (folder: string) (sums: Map<string, string>) (count: int) =
        Seq.init count id
        |> Seq.takeWhile (fun index ->
            let path = Path.Combine(folder, name index)

            match Map.tryFind (name index) sums with
            | Some sum -> File.Exists path && sha256 (File.ReadAllBytes path) = sum
            | None -> false)
        |> Seq.length

    /// The first `count` pictures for `key`. Missing or harmed ones are drawn, `batch` at a time and always in the same
    /// batches: `draw first` gives the PNG files of the pictures `first` to `first + batch - 1`. `reached` is told how
    /// many there are, at the start and after each batch. An interrupted call keeps its finished batches.
    let get root (key: string) (count: int) (batch: int) (draw: int -> byte array list) (reached: int -> unit) =
        let folder = folder root key

        Disk.guard folder (fun () ->
            Directory.CreateDirectory folder |> ignore
            Disk.writeText (Path.Combine(folder, "key.json")) key
            let mutable sums = readSums folder
            let unharmed = sound folder sums count
            let mutable next = if unharmed = count then count else unharmed / batch * batch
            reached next

            while next < count do
                draw next
                |> List.iteri (fun offset png ->
                    let file = name (next + offset)
                    Disk.write (Path.Combine(folder, file)) (fun stream -> stream.Write(ReadOnlySpan png))
                    sums <- Map.add file (sha256 png) sums)

                writeSums folder sums
                next <- next + batch
                reached (min next count)

            [ for index in 0 .. count - 1 -> Path.Combine(folder, name index) ])
