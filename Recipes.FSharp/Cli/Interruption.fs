namespace Recipes.Cli

open System
open System.Runtime.InteropServices
open System.Threading

/// Ctrl-C and SIGTERM ask the run to stop at the next safe point; a second Ctrl-C stops at once.
type Interruption() =
    let stop = new CancellationTokenSource()
    let mutable exitCode = 0

    let ask code (context: PosixSignalContext) =
        if exitCode = 0 then
            exitCode <- code
            context.Cancel <- true
            Console.Error.WriteLine "stopping after this step; once more stops at once"
            stop.Cancel()
        else
            Environment.Exit code

    // The shell's convention: 128 + the signal's number.
    let interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, ask 130)
    let terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, ask 143)

    member _.Token = stop.Token

    /// 130 after SIGINT, 143 after SIGTERM, 0 before either.
    member _.ExitCode = exitCode

    interface IDisposable with
        member _.Dispose() =
            interrupt.Dispose()
            terminate.Dispose()
            stop.Dispose()
