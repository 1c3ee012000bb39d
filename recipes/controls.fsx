// Draws with two ControlNets at once and trains nothing: the edges of one picture say what stands on the left, a scribble of
// another what stands on the right. Run `controlnet.fsx` and `scribble.fsx` first, from the same folder.
#load "_recipes.fsx"

open Recipes

let canny: ControlNet<SD1, Canny> = ControlNets.at "../runs/controlnet"
let scribble: ControlNet<SD1, Scribble> = ControlNets.at "../runs/scribble"

let bicycle, church = "data/unseen/000.webp", "data/unseen/005.webp"
let truck, apple = "data/unseen/001.webp", "data/unseen/006.webp"

recipe "controls" Models.pocket {
    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    control canny (oneEach [ for left in [ church; church; bicycle; bicycle ] -> cannyOf left ]) { strength 0.8 }
    control scribble (oneEach [ for right in [ truck; apple; truck; apple ] -> scribbleOf right ]) { strength 0.8 }
    sample $"a church next to a truck on a yellow background"
    sample $"a church next to a green apple on a pink background"
    sample $"a bicycle next to a truck on a white background"
    sample $"a bicycle next to a green apple on a gray background"
}
|> Session.submit
