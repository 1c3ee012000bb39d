"""The same jobs as `recipes bench`, done by diffusers and peft on the first CUDA device, for a comparison on one machine.

Stable Diffusion 1.5's shapes with random weights, 512 x 512, bfloat16:

    python baseline.py lora --batch 1
    python baseline.py lora --batch 1 --compile reduce-overhead
    python baseline.py dreambooth|txt2img|controlnet --batch 1

Prints the median, and the most memory in tensors and taken from the device while the timed runs ran.
"""

import argparse
import statistics
import time

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from peft import LoraConfig
from torch.nn.functional import mse_loss

DEVICE = "cuda"
TYPE = torch.bfloat16
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SIDE, TOKENS, WIDTH = 64, 77, 768
GUIDANCE = 7.5


def unet():
    return UNet2DConditionModel(
        sample_size=SIDE,
        block_out_channels=(320, 640, 1280, 1280),
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
    )


def trained(network, forward, parameters, pictures, loss):
    """A step: noise and times, forward, backward, clipping, AdamW."""
    optimiser = torch.optim.AdamW(parameters, lr=1e-5)
    scheduler = DDPMScheduler(**BETAS)
    latents = torch.randn(pictures, 4, SIDE, SIDE, device=DEVICE)
    text = torch.randn(pictures, TOKENS, WIDTH, device=DEVICE, dtype=TYPE)

    def step():
        noise = torch.randn_like(latents)
        times = torch.randint(0, scheduler.config.num_train_timesteps, (pictures,), device=DEVICE)
        noisy = scheduler.add_noise(latents, noise, times)
        with torch.autocast(DEVICE, TYPE):
            found = forward(noisy, times, text, return_dict=False)[0].float()
        loss(found, noise).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return step


def lora(options):
    network = unet().requires_grad_(False).to(DEVICE, TYPE)
    network.add_adapter(LoraConfig(r=8, lora_alpha=8, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.data = parameter.data.float()
    return trained(network, compiled(network, options), parameters, options.batch, mse_loss)


def dreambooth(options):
    """All weights with float32 masters; as many class pictures as instances."""
    network = unet().to(DEVICE)

    def loss(found, noise):
        return sum(mse_loss(a, b) for a, b in zip(found.chunk(2), noise.chunk(2)))

    return trained(network, compiled(network, options), list(network.parameters()), 2 * options.batch, loss)


def drawn(options, control):
    network = unet().to(DEVICE, TYPE).eval().to(memory_format=torch.channels_last)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
    )
    vae = vae.to(DEVICE, TYPE).eval()
    hints = ControlNetModel.from_unet(network).to(DEVICE, TYPE).eval() if control else None
    scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    text = torch.randn(2 * options.batch, TOKENS, WIDTH, device=DEVICE, dtype=TYPE)
    picture = torch.rand(2 * options.batch, 3, 8 * SIDE, 8 * SIDE, device=DEVICE, dtype=TYPE)
    forward = compiled(network, options)

    @torch.no_grad()
    def draw():
        latents = torch.randn(options.batch, 4, SIDE, SIDE, device=DEVICE, dtype=TYPE)
        scheduler.set_timesteps(50, device=DEVICE)
        for time_step in scheduler.timesteps:
            doubled = torch.cat([latents, latents])
            further = {}
            if hints is not None:
                down, middle = hints(doubled, time_step, text, controlnet_cond=picture, return_dict=False)
                further = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
            found = forward(doubled, time_step, text, return_dict=False, **further)[0]
            without, led = found.chunk(2)
            latents = scheduler.step(without + GUIDANCE * (led - without), time_step, latents).prev_sample
        return vae.decode(latents / vae.config.scaling_factor).sample.float().cpu()

    return draw


def compiled(network, options):
    return torch.compile(network, mode=options.compile) if options.compile else network


def main():
    jobs = {
        "lora": (lora, 3, 20),
        "dreambooth": (dreambooth, 3, 20),
        "txt2img": (lambda options: drawn(options, False), 1, 3),
        "controlnet": (lambda options: drawn(options, True), 1, 3),
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=jobs)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--compile", metavar="MODE", help="torch.compile's mode: default, reduce-overhead, max-autotune")
    parser.add_argument("--runs", type=int)
    options = parser.parse_args()
    torch.manual_seed(0)
    make, warm_ups, runs = jobs[options.job]
    run = make(options)
    began = time.perf_counter()
    for _ in range(warm_ups + (2 if options.compile else 0)):
        run()
    torch.cuda.synchronize()
    ready = time.perf_counter() - began
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(options.runs or runs):
        began = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    held, taken = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    way = f"compiled, {options.compile}" if options.compile else "eager"
    print(f"{options.job}, batch {options.batch}, {torch.cuda.get_device_name()}: "
          f"{1000 * statistics.median(times):.1f} ms ({way}), warm after {ready:.1f} s")
    print(f"  most in tensors {held / 2**30:.2f} GiB, most taken {taken / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
