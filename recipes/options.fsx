// How a training is watched and steered: validation on pictures held out, previews on the way, an optimiser that finds its
// own rate, averaged weights, weighted and smoothed losses, and caches that the next run finds.
#load "_recipes.fsx"

open Recipes

let robot = subject "robot" {
    token "sks"
    images "data/robot"
    heldOut "data/robot/held-out"
    prior 20<img>
}

recipe "options" Models.pocket {
    learn robot

    adapt (
        lora 32<rank> {
            only Attention
            only FeedForward
            only Convolution
            dropout 0.05
        }
    )

    train {
        steps 400<step>
        // Prodigy (arXiv 2306.06101) estimates the rate; this number multiplies what it finds.
        optimiser Prodigy
        rate 1.0
        size 128<px>
        schedule Cosine
        seed 7

        minSnr 5.0
        loss (Huber 0.1)
        noiseOffset 0.05
        captionDropout 0.1
        ema 0.99

        cacheLatents
        cacheTexts

        // The same noise and timesteps each time, so that the curve is of the weights alone.
        validate 50<step>
        preview 100<step>
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    sample $"a photo of {robot}"
    sample $"a photo of {robot} on a blue background"
}
|> Session.submit
