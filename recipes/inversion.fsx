// Teaches the base model the robot as a new word: textual inversion (arXiv 2208.01618). Only the word's own vectors are
// learned, so the file is small and nothing else changes; a likeness as close as DreamBooth's is not to be expected.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "<tin-robot>"
    images "data/robot"
}

recipe "inversion" Models.pocket {
    learn robot
    adapt (textualInversion 1<vec> { startFrom "robot" })

    train {
        steps 400<step>
        rate 5e-3
        batch 2<img>
        warmup 20<step>
        schedule Cosine
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    sample $"a photo of a {robot}"
    sample $"a photo of a {robot} on a blue background"
    sample $"a photo of a {robot} on a green background"
    sample $"a photo of a {robot} and a cat"
}
|> Session.submit
