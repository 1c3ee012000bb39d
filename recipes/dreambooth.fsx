// Teaches the base model one robot from five pictures: DreamBooth (arXiv 2208.12242) with a low-rank adapter.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "sks"
    images "data/robot"
    prior 24<img>
}

recipe "dreambooth" Models.pocket {
    learn robot

    adapt (
        lora 16<rank> {
            only Attention
            alpha 16.0
        }
    )

    train {
        steps 300<step>
        rate 5e-4
        batch 1<img>
        size 128<px>
        warmup 20<step>
        schedule Cosine
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 5.0
        seeds [ 1; 2; 3; 4 ]
    }

    sample $"a photo of {robot}"
    sample $"{robot} on a red background"
    sample $"{robot} and a cat"
}
|> Session.submit
