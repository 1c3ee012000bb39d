namespace Recipes

open System
open System.Globalization

/// A setting that can be changed from outside a recipe or a pretraining, as in `--set steps=20`.
type Setting<'recipe> = {
    /// The word of the recipe that it stands for.
    Name: string
    /// What it takes, such as `a whole number`.
    Takes: string
    Example: string
    /// The change that a text means, or nothing where the text does not fit.
    Parse: string -> ('recipe -> 'recipe) option
}

/// How settings read their texts.
[<RequireQualifiedAccess>]
module internal Setting =
    let whole (text: string) =
        match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, value -> Some value
        | _ -> None

    let real (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> Some value
        | _ -> None

    let oneOf (values: 'value list) (text: string) =
        values
        |> List.tryFind (fun value -> text.Equals(string value, StringComparison.OrdinalIgnoreCase))

    let numbered (prefix: string) (make: int -> 'value) (text: string) =
        if text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) then
            whole text[prefix.Length ..] |> Option.map make
        else
            None

    let readDevice (text: string) =
        if text.Equals("cuda", StringComparison.OrdinalIgnoreCase) then
            Some(Cuda 0)
        else
            oneOf [ Cpu ] text |> Option.orElse (numbered "cuda:" Cuda text)

    let make name takes example read change = {
        Name = name
        Takes = takes
        Example = $"{name}={example}"
        Parse = fun text -> read text |> Option.map change
    }

    let count name example change =
        make name "a whole number" example whole change

    let number name example change =
        make name "a number" example real change

    let text name takes example change = make name takes example Some change

    let device change =
        make "device" "`cpu`, `cuda` or `cuda:N`" "cuda:0" readDevice change

    /// The recipe or pretraining with the settings changed, or every setting that is unknown or has no such value.
    let apply (settings: Setting<'recipe> list) (changes: (string * string) list) (recipe: 'recipe) =
        let read (name: string, text: string) =
            match settings |> List.tryFind (fun setting -> setting.Name = name) with
            | None ->
                let near =
                    settings
                    |> List.map _.Name
                    |> nearest 3 name
                    |> List.map (fun name -> $"`{name}`")

                Error(error "S1" $"--set {name}" $"`{name}` is no setting" $"Nearest: {listed near}.")
            | Some setting ->
                match setting.Parse text with
                | Some change -> Ok change
                | None ->
                    Error(
                        error
                            "S2"
                            $"--set {name}"
                            $"`{text}` does not fit; it takes {setting.Takes}"
                            $"Write, for example, `--set {setting.Example}`."
                    )

        let outcomes = changes |> List.map read

        match
            outcomes
            |> List.choose (fun outcome ->
                match outcome with
                | Error problem -> Some problem
                | Ok _ -> None)
        with
        | [] ->
            (recipe, outcomes)
            ||> List.fold (fun recipe outcome ->
                match outcome with
                | Ok change -> change recipe
                | Error _ -> recipe)
            |> Ok
        | problems -> Error problems
