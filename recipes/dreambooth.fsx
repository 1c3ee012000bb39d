// Teaches the base model one robot from five pictures: DreamBooth (arXiv 2208.12242) with a low-rank adapter.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "sks"
    images "data/robot"
    prior 20<img>
}

recipe "dreambooth" Models.pocket {
    learn robot

    adapt (
        lora 64<rank> {
            only Attention
            only FeedForward
            only Convolution
            alpha 64.0
        }
    )

    train {
        steps 500<step>
        rate 8e-4
        batch 1<img>
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

    // The text encoder reads from left to right: prompts that begin as the training's did know the subject best.
    sample $"a photo of {robot}"
    sample $"a photo of {robot} on a blue background"
    sample $"a photo of {robot} on a green background"
    sample $"a photo of {robot} and a cat"
}
|> Session.submit
