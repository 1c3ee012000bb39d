namespace Recipes.Cli

open System
open System.Diagnostics
open System.Globalization
open Recipes.Runs
open Spectre.Console

/// Shows how a run goes, on standard error.
type Display =
    inherit IDisposable
    abstract Tell: RunProgress -> unit

/// How a phase stands, in words.
[<RequireQualifiedAccess>]
module internal Figures =
    let private culture = CultureInfo.InvariantCulture

    /// `1:05` or `2:03:04`.
    let time (span: TimeSpan) =
        if span.TotalHours >= 1.0 then
            String.Format(culture, "{0}:{1:mm\\:ss}", int span.TotalHours, span)
        else
            span.ToString(@"m\:ss", culture)

    let loss (loss: float option) =
        match loss with
        | Some loss -> String.Format(culture, "loss {0:0.0000}", loss)
        | None -> ""

    let rate (rate: float option) =
        match rate with
        | Some rate -> String.Format(culture, "rate {0:0.##e-0}", rate)
        | None -> ""

    /// Units a second since the phase began, and the time left at that pace.
    let pace (first: int) (count: int) (total: int) (elapsed: TimeSpan) =
        let perSecond = float (count - first) / max 1e-3 elapsed.TotalSeconds

        if count <= first then
            ""
        else
            let left = TimeSpan.FromSeconds(float (total - count) / perSecond)
            String.Format(culture, "{0:0.0#}/s, {1} left", perSecond, time left)

    let joined parts =
        parts |> List.filter (fun part -> part <> "") |> String.concat ", "

/// Nothing at all, for `--quiet`.
type NoDisplay() =
    interface Display with
        member _.Tell _ = ()
        member _.Dispose() = ()

/// Plain lines for a log file or a pipe: about twenty a phase, or one every ten seconds where the phase is slow.
type PlainDisplay(out: IO.TextWriter) =
    let mutable first, total, told = 0, 0, 0
    let clock = Stopwatch()
    let sinceLine = Stopwatch()

    interface Display with
        member _.Tell progress =
            match progress with
            | RunProgress.Note text -> out.WriteLine text
            | RunProgress.Began(phase, begins, all) ->
                first <- begins
                told <- begins
                total <- all
                clock.Restart()
                sinceLine.Restart()
                out.WriteLine $"{phase}: {begins}/{all}"
            | RunProgress.Reached(phase, count, loss, rate) ->
                let share = max 1 (total / 20)

                if count = total || count - told >= share || sinceLine.Elapsed.TotalSeconds >= 10.0 then
                    told <- count
                    sinceLine.Restart()

                    let figures =
                        Figures.joined [
                            Figures.loss loss
                            Figures.rate rate
                            Figures.pace first count total clock.Elapsed
                        ]

                    out.WriteLine(($"{phase}: {count}/{total}  {figures}").TrimEnd())
            | RunProgress.Ended phase -> out.WriteLine $"{phase}: done in {Figures.time clock.Elapsed}"

        member _.Dispose() = out.Flush()

/// A line that redraws itself, for a terminal.
type TerminalDisplay(console: IAnsiConsole) =
    let gate = obj ()
    let mutable first, total, count = 0, 0, 0
    let mutable figures = ""
    let mutable shown = TimeSpan.Zero
    let mutable openLine = false
    let clock = Stopwatch()

    let bar () =
        let width = 24
        let filled = if total = 0 then 0 else width * count / total
        String('━', filled) + "[grey]" + String('━', width - filled) + "[/]"

    let clear () =
        if openLine then
            console.Write(ControlCode "\r\u001b[2K")
            openLine <- false

    let draw (phase: Phase) =
        clear ()
        let text = Figures.joined [ figures; Figures.pace first count total clock.Elapsed ]
        console.Markup $"[bold]{phase, -15}[/] {bar ()} {count}/{total}  [grey]{Markup.Escape text}[/]"
        shown <- clock.Elapsed
        openLine <- true

    interface Display with
        member _.Tell progress =
            lock gate (fun () ->
                match progress with
                | RunProgress.Note text ->
                    clear ()
                    console.WriteLine text
                | RunProgress.Began(phase, begins, all) ->
                    first <- begins
                    count <- begins
                    total <- all
                    figures <- ""
                    clock.Restart()
                    draw phase
                | RunProgress.Reached(phase, reached, loss, rate) ->
                    count <- reached
                    figures <- Figures.joined [ Figures.loss loss; Figures.rate rate ]

                    // Ten frames a second are enough for an eye and cost nothing beside a step.
                    if reached = total || (clock.Elapsed - shown).TotalSeconds >= 0.1 then
                        draw phase
                | RunProgress.Ended phase ->
                    clear ()
                    console.MarkupLine $"[bold]{phase, -15}[/] {total}/{total}  [grey]{Figures.time clock.Elapsed}[/]")

        member _.Dispose() = lock gate clear

[<RequireQualifiedAccess>]
module Display =
    let choose quiet : Display =
        if quiet then
            new NoDisplay()
        elif Console.IsErrorRedirected then
            new PlainDisplay(Console.Error)
        else
            let console =
                AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Error))

            if console.Profile.Capabilities.Ansi then
                new TerminalDisplay(console)
            else
                new PlainDisplay(Console.Error)
