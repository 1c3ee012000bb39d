// Trains the embedded models from icons: autoencoder, text encoder, the CLIP that evaluates, denoiser, upscaler.
// Wants an NVIDIA GPU and, in the folder of the icons, four npm packages, which `recipes run` names if they are absent.
#load "_recipes.fsx"

open Recipes
open Recipes.Pretraining

pretraining "pretrain" {
    icons "data/icons"
    scenes 300_000<img>
    seed 1
    device (Cuda 0)

    autoencoder {
        steps 5612<step>
        batch 64<img>
        rate 1.2e-3
        average 0.9995
        seed 1
    }

    textTowers {
        steps 2300<step>
        batch 1024<img>
        rate 1e-3
        seed 1
    }

    scoringTowers {
        steps 2300<step>
        batch 1024<img>
        rate 1e-3
        vary 0.5
        seed 2
    }

    denoiser {
        steps 12_121<step>
        batch 768<img>
        rate 1.2e-3
        average 0.9998
        seed 1
    }

    upscalerAutoencoder {
        steps 5911<step>
        batch 64<img>
        rate 1.2e-3
        average 0.9995
        seed 1
    }

    upscaler {
        steps 5154<step>
        batch 256<img>
        rate 1.5e-3
        average 0.9998
        seed 1
    }

    figures {
        captions 100
        backgrounds 3
        denoise 20<step>
        guidance 4.0
    }
}
|> Session.pretrain
