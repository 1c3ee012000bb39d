// Trains a ControlNet that draws along given edges (arXiv 2302.05543): the base model stays as it is, and a copy of its way
// down learns to follow Canny's edges of the training pictures. Then it is led by edges of pictures and things it has not
// seen. Captions and prompts say nothing of size and place, so that only the edges can.
#load "_recipes.fsx"

open Recipes

let scenes = theme "scenes" {
    images "data/scenes"
    captions Metadata
}

let unseen = [ for number in 0..7 -> $"data/unseen/{number:D3}.webp" ]

recipe "controlnet" Models.pocket {
    data scenes
    adapt (controlNet Canny)

    train {
        steps 300<step>
        rate 1e-3
        batch 8<img>
        warmup 20<step>
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    control (ControlNets.learned Canny) (oneEach [ for picture in unseen -> cannyOf picture ]) { strength 1.0 }
    sample $"a bicycle on a white background"
    sample $"a truck on a white background"
    sample $"a pine tree on a gray background"
    sample $"a pencil on a pink background"
    sample $"a candy next to a chocolate bar on a purple background"
    sample $"a church on a yellow background"
    sample $"a green apple on a black background"
    sample $"a backpack on a blue background"
}
|> Session.submit
