/// A: tokens and prompts.
module internal Recipes.Checks.Tokens

open System
open Recipes

let private at (subject: SourceDraft) = subject.At

let private says (token: string) (prompt: string) =
    prompt.Split([| ' '; ','; '.'; ';'; ':'; '!'; '?'; '"'; '('; ')'; '\'' |], StringSplitOptions.RemoveEmptyEntries)
    |> Array.exists (fun word -> word.Equals(token, StringComparison.OrdinalIgnoreCase))

let private has (part: string) (whole: string) =
    whole.Contains(part, StringComparison.OrdinalIgnoreCase)

/// A1: the token is in the subject's own prompt and in a sample; a sample mentions learned subjects only.
let private used (draft: Draft) = [
    for subject in draft.Subjects do
        if subject.Token <> "" then
            if not (says subject.Token subject.InstancePrompt) then
                error
                    "A1"
                    $"{at subject}.instancePrompt"
                    $"`{subject.Token}` is missing in \"{subject.InstancePrompt}\""
                    "Write `{token} {noun}` where the subject stands."

            let sampled =
                draft.Samples |> List.exists (fun sample -> says subject.Token sample.Text)

            if not sampled then
                error
                    "A1"
                    $"{at subject}"
                    $"none of {counted draft.Samples.Length (nameof sample)} draws `{subject.Token} {subject.Noun}`"
                    $"Add a line `sample $\"a photo of a {{{subject.Noun}}}\"`, where `{subject.Noun}` is the subject's value."

    let learned = RecipeLines.subjects draft.Recipe

    for number, sample in List.indexed draft.Samples do
        for subject in sample.Mentions do
            if not (List.contains subject learned) then
                error
                    "A1"
                    $"sample {number + 1}"
                    $"\"{sample.Text}\" mentions {subject}, which is never learned"
                    $"Add a line `learn` for the {subject.Noun}, or leave it out of the prompt."
]

/// Whether the subjects' tokens are made anew.
let private makesTokens (draft: Draft) =
    draft.Tunings
    |> List.exists (fun tuning -> tuning.Method.IsNewVectors || tuning.Method.IsKeysAndValues)

/// A1: captions of a subject's own name it.
let private captioned (draft: Draft) (facts: Facts) = [
    for source, folder in List.zip draft.Sources facts.Folders do
        match folder with
        | Some folder when source.Token <> "" ->
            let silent =
                folder.Pictures
                |> List.filter (fun picture ->
                    picture.Caption
                    |> Option.exists (fun caption -> not (says source.Token caption)))

            if not silent.IsEmpty then
                error
                    "A1"
                    $"{at source}.captions"
                    $"`{source.Token}` is missing in {silent.Length} of {folder.Pictures.Length} captions ({silent |> List.map _.Name |> first 3})"
                    "Add it to them, or leave `captions` out for one caption of all."
        | _ -> ()
]

/// A2: a token of its own, that no other word and no other subject has.
let private distinct (draft: Draft) (tokens: Tokens option) = [
    let named = draft.Subjects |> List.filter (fun subject -> subject.Token <> "")

    for subject in named do
        let place = $"{at subject}.token"
        let token = subject.Token

        if token |> Seq.exists (fun c -> Char.IsWhiteSpace c || Char.IsControl c) then
            error "A2" place $"\"{token}\" is not one word" "Write one word without spaces, such as `sks`."
        elif token.StartsWith "<|" then
            error "A2" place $"`{token}` is a mark of the tokenizer's own" "Choose a rare word, such as `sks`."
        elif token.Equals(subject.Noun, StringComparison.OrdinalIgnoreCase) then
            error "A2" place $"`{token}` is the class noun itself" "Choose a rare word, such as `sks`."
        else
            match tokens with
            | None -> ()
            // Recipes that are merged are checked by themselves.
            | Some _ when draft.IsMerge -> ()
            | Some tokens when makesTokens draft ->
                match tokens.WordId token with
                | Some id ->
                    error
                        "A2"
                        place
                        $"`{token}` is a word already (entry {id} of {tokens.Count}), and would lose its meaning"
                        $"Choose a new one, such as `<{token}>`."
                | None -> ()
            | Some tokens ->
                // CLIP's vocabulary begins with the symbols of the bytes, alone and at the end of a word; then come its
                // merges in the order in which they were learned, frequent words first, so that the rare ones fill its
                // second half. A smaller vocabulary is one without those: each whole word in it is there because the
                // model read it often.
                let symbols, whole = 2 * 256, 49_408

                match tokens.WordId token with
                | Some id when id < symbols + (whole - symbols) / 2 ->
                    error
                        "A2"
                        place
                        $"`{token}` is an ordinary word (entry {id} of {tokens.Count})"
                        "Choose a rare one, such as `sks`."
                | Some _ -> ()
                | None ->
                    // Identifiers of one to three tokens work well (arXiv 2208.12242, on rare-token identifiers).
                    match tokens.Pieces token with
                    | pieces when pieces.Length <= 3 -> ()
                    | pieces ->
                        let shown =
                            pieces |> List.map (fun piece -> piece.Replace("</w>", "")) |> String.concat "|"

                        warning
                            "A7"
                            place
                            $"`{token}` is {pieces.Length} tokens for this model ({shown})"
                            "Choose a shorter rare word, such as `sks`: at most three."

    for first in 0 .. named.Length - 1 do
        for second in first + 1 .. named.Length - 1 do
            let a, b = named[first], named[second]

            if a.Token.Equals(b.Token, StringComparison.OrdinalIgnoreCase) then
                error "A2" $"{at b}.token" $"`{b.Token}` is the token of the {a.Noun} too" "Give each subject its own."
            elif has a.Token b.Token || has b.Token a.Token then
                error
                    "A2"
                    $"{at b}.token"
                    $"`{b.Token}` and `{a.Token}` contain each other"
                    "Give each subject its own."
]

/// Texts that training reads, with their places. They are cut to what the model reads, and brackets are brackets; in
/// drawing, long prompts go on in chunks and brackets weigh words.
let private learned (draft: Draft) (facts: Facts) = [
    for subject in draft.Subjects do
        $"{at subject}.instancePrompt", subject.InstancePrompt

        if subject.Prior > 0<img> then
            $"{at subject}.classPrompt", subject.ClassPrompt

    for source, folder in List.zip draft.Sources facts.Folders do
        for picture in folder |> Option.map _.Pictures |> Option.defaultValue [] do
            match picture.Caption with
            | Some caption -> $"{source.At}.captions, {picture.Name}", caption
            | None -> ()
]

/// Prompts to draw, with their places.
let private drawn (draft: Draft) = [
    for number, sample in List.indexed draft.Samples do
        $"sample {number + 1}", sample.Text

    if draft.Drawing.Avoid <> "" then
        "draw.avoid", draft.Drawing.Avoid
]

/// A3: the word that new vectors start from is one token, or one for each vector.
let private initialiser (draft: Draft) (tokens: Tokens option) = [
    for tuning in draft.Tunings do
        match tuning.Method, tokens, draft.Subjects with
        | KeysAndValues, Some tokens, subjects ->
            for word in
                subjects
                |> List.map (fun each -> Targets.startFrom tuning each.Noun)
                |> List.distinct do
                let pieces = tokens.Pieces word

                if pieces.Length <> 1 then
                    error
                        "A3"
                        "adapt.startFrom"
                        $"\"{word}\" is {pieces.Length} tokens, and each subject has one vector"
                        "Write a word of one token."
        | NewVectors count, Some tokens, subject :: _ ->
            let word = Targets.startFrom tuning subject.Noun
            let pieces = tokens.Pieces word

            if pieces.Length <> 1 && pieces.Length <> int count then
                error
                    "A3"
                    "adapt.startFrom"
                    $"\"{word}\" is {pieces.Length} tokens, and there are {count} vectors"
                    "Write a word of one token, or as many vectors as it has tokens."
        | _ -> ()
]

/// A4: what the text encoder will not see.
let private length (draft: Draft) (facts: Facts) = [
    match facts.Tokens with
    | None -> ()
    | Some tokens ->
        let room = tokens.MaxLength - 2

        for place, prompt in learned draft facts do
            let pieces = tokens.Pieces prompt

            if pieces.Length > room then
                let lost =
                    (pieces |> List.skip room |> String.concat "").Replace("</w>", " ").Trim()

                warning
                    "A4"
                    place
                    $"the prompt is {pieces.Length} tokens, the model reads {room}; lost: \"{lost}\""
                    "Shorten it."
]

/// A5: the two prompts of a subject.
let private nouns (draft: Draft) = [
    for subject in draft.Subjects do
        if subject.Noun.Trim() = "" then
            error "A5" "subject" "has no class noun" "Name what it is: `subject \"robot\" { ... }`."
        else
            if not (has subject.Noun subject.InstancePrompt) then
                warning
                    "A5"
                    $"{at subject}.instancePrompt"
                    $"\"{subject.InstancePrompt}\" lacks the class noun `{subject.Noun}`"
                    "Write `{token} {noun}` where the subject stands."

            if subject.Prior > 0<img> then
                let place = $"{at subject}.classPrompt"

                if subject.Token <> "" && says subject.Token subject.ClassPrompt then
                    error
                        "A5"
                        place
                        $"\"{subject.ClassPrompt}\" holds the token `{subject.Token}`"
                        "Name the class alone, such as `a photo of a {noun}`."
                elif subject.ClassPrompt = subject.InstancePrompt then
                    error
                        "A5"
                        place
                        "is the subject's own prompt"
                        "Name the class alone, such as `a photo of a {noun}`."

                if not (has subject.Noun subject.ClassPrompt) then
                    warning
                        "A5"
                        place
                        $"\"{subject.ClassPrompt}\" lacks the class noun `{subject.Noun}`"
                        "Name the class, such as `a photo of a {noun}`."
]

/// A6: two subjects of one class.
let private alike (draft: Draft) = [
    for noun, group in draft.Subjects |> List.groupBy _.Noun do
        if group.Length > 1 then
            warning
                "A6"
                $"subject {noun}"
                $"""{group |> List.map (fun s -> $"`{s.Token}`") |> listed} are both `{noun}`, and likely to merge"""
                "Give each a narrower class noun, or learn them in separate recipes."
]

/// A8: weights are read in drawing alone, and an encoder's own marks nowhere.
let private marks (draft: Draft) (facts: Facts) = [
    for place, prompt in learned draft facts do
        let weighted =
            Text.RegularExpressions.Regex.Match(prompt, @"\([^()]*:\s*[0-9.]+\s*\)")

        if weighted.Success then
            warning
                "A8"
                place
                $"training reads `{weighted.Value}` literally"
                "Leave the brackets and the weight out: prompts that are drawn may have them."

    for place, prompt in learned draft facts @ drawn draft do
        for mark in [ "<|startoftext|>"; "<|endoftext|>"; "{token}"; "{noun}" ] do
            if prompt.Contains mark then
                warning "A8" place $"the prompt holds `{mark}`" "Leave it out; the encoder adds its own marks."
]

let findings (draft: Draft) (facts: Facts) = [
    yield! used draft
    yield! captioned draft facts
    yield! distinct draft facts.Tokens
    yield! initialiser draft facts.Tokens
    yield! length draft facts
    yield! nouns draft
    yield! alike draft
    yield! marks draft facts
]
