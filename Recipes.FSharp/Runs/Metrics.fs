namespace Recipes.Runs

open System
open System.IO
open System.Text
open System.Text.Json

/// `metrics.jsonl`: one JSON object a step, each flushed as it is written.
type Metrics private (path: string, stream: FileStream) =
    /// Opens the log after `step`: lines of later steps are those of work that will be done again, and go.
    static member After(path: string, step: int) =
        let keep =
            if not (File.Exists path) then
                [||]
            else
                File.ReadAllLines path
                |> Array.filter (fun line ->
                    try
                        use document = JsonDocument.Parse line
                        document.RootElement.GetProperty("step").GetInt32() <= step
                    with :? JsonException ->
                        // The last line of a run that was killed in the middle of writing it.
                        false)

        Disk.write path (fun stream ->
            for line in keep do
                stream.Write(ReadOnlySpan(Encoding.UTF8.GetBytes(line + "\n"))))

        new Metrics(path, new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read))

    /// Adds one line: the step, then the figures in the order given.
    member _.Add(step: int, figures: (string * float) list) =
        Disk.guard path (fun () ->
            use buffer = new MemoryStream()

            do
                use json = new Utf8JsonWriter(buffer)
                json.WriteStartObject()
                json.WriteNumber("step", step)

                for name, value in figures do
                    // JSON has no NaN and no infinity.
                    if Double.IsFinite value then
                        json.WriteNumber(name, value)
                    else
                        json.WriteNull name

                json.WriteEndObject()

            buffer.WriteByte(byte '\n')
            stream.Write(ReadOnlySpan(buffer.ToArray()))
            stream.Flush())

    interface IDisposable with
        member _.Dispose() = stream.Dispose()
