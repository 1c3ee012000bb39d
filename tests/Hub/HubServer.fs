namespace Recipes.Tests.Hub

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Sockets
open System.Security.Cryptography
open System.Text

/// A request as the server saw it.
type Seen = {
    Path: string
    Range: string option
    IfRange: string option
    Token: string option
    /// Whether it came to the storage that the hub leads to, rather than to the hub.
    Storage: bool
}

/// What goes wrong, once, with a file that the storage sends.
type Mishap =
    /// The connection ends in the middle.
    | Cut
    /// The connection stays open in the middle and sends nothing more.
    | Silent of TimeSpan
    /// A byte is another.
    | Damaged
    /// "503 Service Unavailable"
    | Busy
    /// The range that was asked for is ignored.
    | Whole

/// A hub on this machine: revisions, a paged tree, files, and large ones in a storage at another address.
type HubServer(id: string, commit: string, files: (string * byte array) list) =
    let hub = new TcpListener(IPAddress.Loopback, 0)
    let storage = new TcpListener(IPAddress.Loopback, 0)
    let seen = ConcurrentQueue<Seen>()
    let mishaps = ConcurrentDictionary<string, Mishap list>()
    let contents = dict files
    let hex (bytes: byte array) = Convert.ToHexStringLower bytes
    let sha256 (bytes: byte array) = hex (SHA256.HashData bytes)
    let isLarge (path: string) = path.EndsWith ".safetensors"

    let address (listener: TcpListener) =
        $"http://127.0.0.1:{(listener.LocalEndpoint :?> IPEndPoint).Port}"

    let takeMishap path =
        match mishaps.TryGetValue path with
        | true, first :: rest ->
            mishaps[path] <- rest
            Some first
        | _ -> None

    /// The hash that git gives a file's contents.
    let gitHash (bytes: byte array) =
        Array.append (Encoding.ASCII.GetBytes $"blob {bytes.Length}\000") bytes
        |> SHA1.HashData
        |> hex

    let entry (path: string, bytes: byte array) =
        if isLarge path then
            $"""{{"type":"file","path":"{path}","size":{bytes.Length},"oid":"{String('0', 40)}","lfs":{{"oid":"{sha256 bytes}","size":{bytes.Length},"pointerSize":130}}}}"""
        else
            $"""{{"type":"file","path":"{path}","size":{bytes.Length},"oid":"{gitHash bytes}"}}"""

    let head (status: string) (headers: (string * string) list) (length: int) =
        let lines = [
            $"HTTP/1.1 {status}"
            for name, value in headers do
                $"{name}: {value}"
            $"Content-Length: {length}"
            "Connection: close"
        ]

        Encoding.ASCII.GetBytes(String.Join("\r\n", lines) + "\r\n\r\n")

    let reply (stream: Stream) status headers (body: byte array) =
        stream.Write(ReadOnlySpan(head status headers body.Length))
        stream.Write(ReadOnlySpan body)

    let json stream headers (text: string) =
        reply stream "200 OK" (("Content-Type", "application/json") :: headers) (Encoding.UTF8.GetBytes text)

    let refuse stream status (code: string) =
        reply stream status [ "X-Error-Code", code ] [||]

    /// A file's bytes from where the range begins, with whatever goes wrong this time.
    let send (stream: Stream) (path: string) (range: string option) =
        let bytes = contents[path]
        let mishap = takeMishap path

        let from =
            match range, mishap with
            | _, Some Whole
            | None, _ -> 0
            | Some range, _ -> int (range.Replace("bytes=", "").TrimEnd '-')

        let status, headers =
            if from > 0 then
                "206 Partial Content", [ "Content-Range", $"bytes {from}-{bytes.Length - 1}/{bytes.Length}" ]
            else
                "200 OK", []

        let body = bytes[from..]
        let headers = ("ETag", $"\"{(sha256 bytes)[..7]}\"") :: headers

        match mishap with
        | Some Busy -> refuse stream "503 Service Unavailable" ""
        | Some Damaged ->
            body[body.Length / 2] <- body[body.Length / 2] ^^^ 1uy
            reply stream status headers body
        | Some(Cut | Silent _ as mishap) ->
            stream.Write(ReadOnlySpan(head status headers body.Length))
            stream.Write(ReadOnlySpan(body, 0, body.Length / 2))
            stream.Flush()

            match mishap with
            | Silent time -> Threading.Thread.Sleep time
            | _ -> ()
        | Some Whole
        | None ->
            if from > bytes.Length then
                refuse stream "416 Range Not Satisfiable" ""
            else
                reply stream status headers body

    let answer (listener: TcpListener) (stream: Stream) (path: string) (header: string -> string option) =
        let token = header "authorization"

        seen.Enqueue {
            Path = path
            Range = header "range"
            IfRange = header "if-range"
            Token = token
            Storage = Object.ReferenceEquals(listener, storage)
        }

        let bare = path.Split('?')[0]
        let tree = $"/api/models/{id}/tree/{commit}"
        let resolve = $"/{id}/resolve/{commit}/"

        if Object.ReferenceEquals(listener, storage) then
            send stream (Uri.UnescapeDataString bare[1..]) (header "range")
        elif bare.Contains "gated/" && token <> Some "Bearer secret" then
            refuse stream "403 Forbidden" "GatedRepo"
        elif bare.StartsWith $"/api/models/{id}/revision/" then
            match bare.Substring(bare.LastIndexOf '/' + 1) with
            | "main" -> json stream [] $"""{{"id":"{id}","sha":"{commit}"}}"""
            | revision when revision = commit -> json stream [] $"""{{"id":"{id}","sha":"{commit}"}}"""
            | _ -> refuse stream "404 Not Found" "RevisionNotFound"
        elif bare = tree then
            // Two entries a page, so that every listing has several.
            let page =
                match path.IndexOf "cursor=" with
                | -1 -> 0
                | at -> int (path.Substring(at + 7))

            let entries = files |> List.skip (2 * page) |> List.truncate 2 |> List.map entry

            let next =
                if 2 * (page + 1) < files.Length then
                    [
                        "Link", $"<{address hub}{tree}?recursive=true&cursor={page + 1}>; rel=\"next\""
                    ]
                else
                    []

            let folder = """{"type":"directory","path":"unet","oid":"","size":0}"""

            json stream next $"""[{String.Join(",", folder :: entries)}]"""
        elif bare.StartsWith resolve then
            let path = Uri.UnescapeDataString bare[resolve.Length ..]

            if not (contents.ContainsKey path) then
                refuse stream "404 Not Found" "EntryNotFound"
            elif isLarge path then
                reply stream "302 Found" [
                    "Location", $"{address storage}/{path}"
                    "X-Linked-ETag", sha256 contents[path]
                ] [||]
            else
                send stream path (header "range")
        else
            refuse stream "401 Unauthorized" "RepoNotFound"

    let serve (listener: TcpListener) (client: TcpClient) =
        use _ = client
        use stream = client.GetStream()
        use reader = new StreamReader(stream, Encoding.ASCII, false, 1024, true)

        match reader.ReadLine() with
        | null -> ()
        | request ->
            let headers =
                Seq.initInfinite (fun _ -> reader.ReadLine())
                |> Seq.takeWhile (fun line -> not (String.IsNullOrEmpty line))
                |> Seq.map (fun line ->
                    let parts = (nonNull line).Split(':', 2)
                    parts[0].ToLowerInvariant(), parts[1].Trim())
                |> dict

            answer listener stream (request.Split(' ')[1]) (fun name ->
                match headers.TryGetValue name with
                | true, value -> Some value
                | _ -> None)

    let accept (listener: TcpListener) =
        listener.Start()

        let rec next () = task {
            match!
                task {
                    try
                        let! client = listener.AcceptTcpClientAsync()
                        return Some client
                    with
                    | :? SocketException
                    | :? ObjectDisposedException -> return None
                }
            with
            | None -> ()
            | Some client ->
                Threading.Tasks.Task.Run(fun () ->
                    try
                        serve listener client
                    with
                    // Whoever asked has gone away, which is what some tests are about.
                    | :? IOException ->
                        ())
                |> ignore

                return! next ()
        }

        next () |> ignore

    do
        accept hub
        accept storage

    member _.Address = address hub
    member _.Commit = commit

    /// What was asked, in order.
    member _.Seen = List.ofSeq seen

    /// Requests to the storage for this file.
    member server.Fetches(path: string) =
        server.Seen |> List.filter (fun seen -> seen.Storage && seen.Path = "/" + path)

    /// What goes wrong with this file, one thing a request.
    member _.Upset(path: string, what: Mishap list) = mishaps[path] <- what

    /// Answers no more.
    member _.Stop() =
        hub.Stop()
        storage.Stop()

    interface IDisposable with
        member server.Dispose() = server.Stop()
