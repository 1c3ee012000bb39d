// Two subjects learned together: the robot and the house, each from its own five pictures and from collages of both, cut
// out by their masks and set side by side on one background (Cut-Mix, arXiv 2303.11305, section 3.3).
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "sks"
    images "data/robot"
    masks "data/robot/masks"
}

let house = subject "house" {
    token "ktn"
    images "data/house"
    masks "data/house/masks"
}

recipe "two-subjects" Models.pocket {
    learn robot
    learn house

    adapt (
        lora 32<rank> {
            only Attention
            only FeedForward
            only Convolution
        }
    )

    train {
        steps 1200<step>
        rate 1e-3
        size 128<px>
        warmup 20<step>
        schedule Cosine
        collage 96<img>
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2; 3; 4 ]
    }

    // Captions of two things say first what stands on the left.
    sample $"a photo of {robot} and {house}"
    sample $"a photo of {house} and {robot}"
    sample $"a photo of {house} next to {robot} on a blue background"
}
|> Session.submit
