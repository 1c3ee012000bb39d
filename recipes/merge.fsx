// Two subjects learned apart and merged: each recipe trains the keys and values of the attention to the prompt and a token
// of its own (Custom Diffusion, arXiv 2212.04488), and the merge finds the maps that answer both subjects' prompts as
// nearly as can be (least squares). The plain sum of both changes stands beside it.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "<zig>"
    images "data/robot"
    masks "data/robot/masks"
    beside "a cat"
    beside "a tree"
    beside "a car"
}

let house = subject "house" {
    token "<nook>"
    images "data/house"
    masks "data/house/masks"
    beside "a dog"
    beside "a tree"
    beside "a ball"
}

let alone name one = recipe name Models.pocket {
    learn one
    adapt customDiffusion

    train {
        steps 600<step>
        rate 1e-3
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

recipe "merge" Models.pocket {
    merge LeastSquares [ alone "robot-alone" robot; alone "house-alone" house ]
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
