// Teaches the base model the robot by changing the UNet's own weights: DreamBooth (arXiv 2208.12242) as it was published,
// which adapters are measured against.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "sks"
    images "data/robot"
    prior 20<img>
}

recipe "weights" Models.pocket {
    learn robot
    adapt everything

    train {
        steps 300<step>
        // A small model wants larger steps than Stable Diffusion's 5e-6.
        rate 1e-4
        warmup 20<step>
        schedule Cosine
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    sample $"a photo of {robot}"
    sample $"a photo of {robot} on a blue background"
    sample $"a photo of {robot} on a green background"
    sample $"a photo of {robot} and a cat"
}
|> Session.submit
