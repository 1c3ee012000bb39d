// Teaches the base model a way of drawing, the linocut, from a hundred captioned pictures: low-rank fine-tuning. The
// captions name what each picture shows and its colour as the base model's own do, with one new word where those name a
// style: what is left to learn is how it is printed.
#load "_recipes.fsx"

open Recipes

let linocuts = theme "linocuts" {
    images "data/linocut"
    captions Metadata
    flipped
}

recipe "theme" Models.pocket {
    data linocuts

    // Another kind (`dora`), rank or part of the network is one line:
    // `only (CrossAttention |> within [ Middle; Up 1 ])`.
    adapt (
        lora 16<rank> {
            only Attention
            only FeedForward
            alpha 16.0
        }
    )

    train {
        steps 1500<step>
        rate 4e-4
        batch 2<img>
        size 128<px>
        warmup 20<step>
        schedule Cosine
        seed 7
    }

    draw {
        denoise 20<step>
        guidance 4.0
        seeds [ 1; 2 ]
    }

    // The fish is among the hundred pictures, the other things are not.
    sample $"a linocut fish on a black background"
    sample $"a linocut dog on a blue background"
    sample $"a linocut pear on a red background"
    sample $"a linocut castle on a green background"
}
|> Session.submit
