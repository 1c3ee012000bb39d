module Recipes.Tests.NfcTests

open Expecto
open FsCheck
open FsCheck.FSharp
open Recipes.Core.Text

let private composes name (before: string) (after: string) =
    testCase name (fun () -> Expect.equal (Nfc.Normalize before) after name)

/// Texts dense in marks, so that orders and blocks occur.
let private marked =
    Gen.elements [
        "a"
        "e"
        "s"
        "\u0301"
        "\u0323"
        "\u0307"
        "\u0327"
        "\u0338"
        "\u1100"
        "\u1161"
        "\u11a8"
        "\u212b"
    ]
    |> Gen.listOf
    |> Gen.map (String.concat "")
    |> Arb.fromGen

[<Tests>]
let tests =
    testList "nfc" [
        composes "plain text stays" "A café" "A café"
        composes "an accent joins its letter" "cafe\u0301" "caf\u00e9"
        composes "marks are sorted by class before they join" "s\u0307\u0323" "\u1e69"
        composes "marks of one class keep their order" "a\u0301\u0307" "\u00e1\u0307"
        composes "a mark of the same class blocks" "e\u0307\u0301" "\u0117\u0301"
        composes "a letter between blocks" "ex\u0301" "ex\u0301"
        composes "a sign with one canonical twin is replaced" "\u212b \u2126" "\u00c5 \u03a9"
        composes "excluded compositions stay apart" "\u0958" "\u0915\u093c"
        composes "Hangul letters form a syllable" "\u1112\u1161\u11ab" "\ud55c"
        composes "a Hangul syllable takes its final" "\ud558\u11ab" "\ud55c"
        composes "compatibility forms stay" "ﬁ ½ Ⅷ" "ﬁ ½ Ⅷ"
        composes "a mark beyond the basic plane joins" "\U000110A5\U000110BA" "\U000110AB"
        composes "half a surrogate pair becomes the replacement sign" "a\ud83d!" "a\ufffd!"
        composes "a mark without a letter stays" "\u0301a" "\u0301a"

        testProperty "composing twice changes nothing"
        <| Prop.forAll marked (fun text ->
            let once = Nfc.Normalize text
            Nfc.Normalize once = once)
    ]
