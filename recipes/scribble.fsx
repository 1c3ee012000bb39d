// Trains a ControlNet that draws along scribbles: a few thick strokes, made of each training picture by its annotator. As
// `controlnet.fsx` otherwise, with smaller batches and more steps. `controls.fsx` draws with both.
#load "_recipes.fsx"

open Recipes

let scenes = theme "scenes" {
    images "data/scenes"
    captions Metadata
}

let unseen = [ for number in 0..7 -> $"data/unseen/{number:D3}.webp" ]

recipe "scribble" Models.pocket {
    data scenes
    adapt (controlNet Scribble)

    train {
        steps 600<step>
        rate 1e-3
        batch 4<img>
        warmup 20<step>
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    control (ControlNets.learned Scribble) (oneEach [ for picture in unseen -> scribbleOf picture ]) { strength 1.0 }
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
