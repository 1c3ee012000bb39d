// DreamBooth in two stages (arXiv 2208.12242, section 4.3): the base model learns the robot and draws it small, and an
// upscaler that was tuned to the same five pictures makes it four times as large. Three more pictures, which neither has
// seen, measure the upscaler against bicubic enlarging and against itself as it was.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "sks"
    images "data/robot"
    prior 20<img>
}

// To tune the upscaler alone, give it a line `learn robot` and submit it.
let larger = recipe "robot-x4" Models.pocketX4 {
    adapt (
        lora 16<rank> {
            only Attention
            only Convolution
        }
    )

    train {
        steps 300<step>
        rate 1e-3
        batch 2<img>
        size 256<px>
        schedule Cosine
        seed 1
    }

    // Pictures to enlarge are clean; a small network has to choose what it is good at.
    noiseUpTo 20
    measureOn "data/robot/held-out"
}

recipe "super-resolution" Models.pocket {
    learn robot

    adapt (
        lora 16<rank> {
            only Attention
            only FeedForward
            only Convolution
        }
    )

    train {
        steps 500<step>
        rate 8e-4
        size 128<px>
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

    enlarge larger
}
|> Session.submit
