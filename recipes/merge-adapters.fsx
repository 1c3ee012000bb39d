// Two subjects learned apart by low-rank adapters on the keys and values of the attention to the prompt, and merged by least
// squares. The plain sum of the two adapters, what most programs do with several files, stands beside it: it loses both.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "sks"
    images "data/robot"
    masks "data/robot/masks"
    beside "a cat"
    beside "a tree"
    beside "a car"
}

let house = subject "house" {
    token "ktn"
    images "data/house"
    masks "data/house/masks"
    beside "a dog"
    beside "a tree"
    beside "a ball"
}

let alone name one = recipe name Models.pocket {
    learn one

    adapt (
        lora 32<rank> {
            only (Named "attn2.to_k")
            only (Named "attn2.to_v")
        }
    )

    train {
        steps 600<step>
        rate 4e-3
        size 128<px>
        warmup 20<step>
        schedule Cosine
        collage 48<img>
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    sample $"a photo of {one}"
    sample $"a photo of {one} and a cat"
}

recipe "merge-adapters" Models.pocket {
    merge LeastSquares [ alone "robot-lora" robot; alone "house-lora" house ]
    against PlainSum

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2; 3; 4 ]
    }

    sample $"a photo of {robot} and {house}"
    sample $"a photo of {house} and {robot}"
    sample $"a photo of {house} next to {robot} on a blue background"
}
|> Session.submit
