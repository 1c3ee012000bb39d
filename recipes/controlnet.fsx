// Trains a ControlNet that draws along given edges (arXiv 2302.05543): the base model stays as it is, and a copy of its way
// down learns to follow Canny's edges of the training pictures. Then it is led by edges of pictures it has not seen.
#load "_recipes.fsx"

open Recipes

let scenes = theme "scenes" {
    images "data/scenes"
    captions Metadata
}

// The base model drew all of these pictures itself.
let unseen = [ "000.png"; "001.png"; "002.png"; "003.png"; "004.png"; "005.png" ]

recipe "controlnet" Models.pocket {
    data scenes
    adapt (controlNet Canny)

    train {
        steps 300<step>
        rate 5e-4
        batch 8<img>
        warmup 20<step>
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    control (ControlNets.learned Canny) (oneEach [ for name in unseen -> cannyOf $"data/unseen/{name}" ]) {
        strength 1.0
    }

    sample $"an ice cube on a blue background"
    sample $"some swords on a gray background"
    sample $"some yarn on a yellow background"
    sample $"an elephant on a red background"
    sample $"a beer on a purple background"
    sample $"some gloves on a black background"
}
|> Session.submit
