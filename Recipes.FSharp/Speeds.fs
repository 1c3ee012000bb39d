namespace Recipes

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.Json

/// How long runs take on this machine, as finished ones have taken: `speeds.json` in the cache, seconds by the work there
/// was, for each device and base model.
[<RequireQualifiedAccess>]
module internal Speeds =
    let private file cache = Path.Combine(cache, "speeds.json")

    /// Numbers times pixels times passes. A picture that is learned from goes forward and back, which is as much as three
    /// that are drawn.
    let rec work (plan: Plan) : float =
        let budget, draw = plan.Budget, plan.Draw
        let each = float plan.Model.Parameters * float budget.Size * float budget.Size

        let copies =
            if plan.Subjects |> List.exists (fun subject -> subject.PriorCount > 0<img>) then
                2.0
            else
                1.0

        let learned =
            if plan.Trains && plan.Parts.IsEmpty then
                copies * float budget.Steps * float budget.Accumulate * float budget.Batch
            else
                0.0

        let classes = plan.Subjects |> List.sumBy (fun subject -> float subject.PriorCount)
        let ways = if plan.Parts.IsEmpty then 2.0 else 3.0
        let drawn = classes + ways * float plan.Samples.Length * float draw.Seeds.Length
        let passes = float draw.Denoise * (if draw.Guidance > 1.0 then 2.0 else 1.0)

        each * (3.0 * learned + drawn * passes)
        + (plan.Parts |> List.sumBy work)
        + (plan.Enlarge |> Option.map work |> Option.defaultValue 0.0)

    /// Where a plan's speed is kept, the most alike first.
    let private keys (plan: Plan) = [ $"{plan.Budget.Device}/{plan.Model.Sha256[..11]}"; string plan.Budget.Device ]

    /// A file that cannot be read is as good as none: it is made anew by the next run.
    let private read cache : Dictionary<string, float> =
        try
            match JsonSerializer.Deserialize<Dictionary<string, float>>(File.ReadAllText(file cache)) with
            | null -> Dictionary()
            | found -> found
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? JsonException -> Dictionary()

    /// Keeps how long a run has taken that was neither stopped nor continued. A cache that cannot be written is no fault of
    /// the run.
    let keep (cache: string) (plan: Plan) (seconds: float) =
        let amount = work plan

        if amount > 0.0 && seconds > 0.0 then
            let found = read cache

            for key in keys plan do
                found[key] <- seconds / amount

            try
                Directory.CreateDirectory cache |> ignore
                let temporary = $"{file cache}.{Guid.NewGuid():N}.tmp"
                File.WriteAllText(temporary, JsonSerializer.Serialize found)
                File.Move(temporary, file cache, true)
            with
            | :? IOException
            | :? UnauthorizedAccessException -> ()

    let private said (seconds: float) =
        let number (value: float) (digits: int) =
            Math.Round(value, digits).ToString CultureInfo.InvariantCulture

        if seconds < 90.0 then
            $"about {max 1.0 (Math.Round seconds)} s"
        elif seconds < 5400.0 then
            $"about {number (seconds / 60.0) 0} minutes"
        else
            $"about {number (seconds / 3600.0) 1} hours"

    /// The time that a plan will take, and from what that is known.
    let told (cache: string) (plan: Plan) =
        let found = read cache

        let known (key: string, whose: string) =
            match found.TryGetValue key with
            | true, speed -> Some $"{said (work plan * speed)}, as the last run {whose} took here"
            | _ -> None

        List.zip (keys plan) [ "with this model"; $"on {plan.Budget.Device}" ]
        |> List.tryPick known
        |> Option.defaultValue $"not known yet: no run has finished on {plan.Budget.Device} here"
