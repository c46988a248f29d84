"""The VAE with an autoregressive decoder of pixels."""

from typing import Annotated, Literal

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Gaussian, StepByStep
from vaekit.data import DataSpec, Domain
from vaekit.models import VAE
from vaekit.networks import PixelCNN
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.autoregressive import AnnealingSteps, Cycles, weight_of
from vaekit.recipes.parts import AggressiveOption, Channels, FreeBits, Latent, aggressive_phases, conv_networks
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["pixel_vae"]

Blocks = Annotated[int, Ge(0), Doc("residual blocks at each size of encoder and decoder; 0 for plain convolutions")]


def pixel_vae(
    spec: DataSpec,
    *,
    latent: Latent = 32,
    channels: Channels = (32, 64),
    blocks: Blocks = 0,
    layers: Annotated[int, Ge(1), Doc("gated layers of the PixelCNN: with --kernel, how far back a pixel sees")] = 4,
    kernel: Annotated[int, Ge(3), Doc("side of its convolutions, an odd number")] = 3,
    width: Annotated[int, Ge(2), Doc("its features at each pixel")] = 32,
    order: Annotated[
        Literal["numbers", "names"], Doc("whether levels are read as numbers on a scale, or each as its own")
    ] = "numbers",
    free_bits: FreeBits = 0.0,
    annealing_steps: AnnealingSteps = 0,
    cycles: Cycles = 1,
    aggressive: AggressiveOption = False,
) -> System:
    """A VAE whose decoder draws pixel by pixel, so that its code needs to hold no texture (Gulrajani et al. 2017)."""
    encoder, decoder = conv_networks(spec, latent, channels, blocks)
    levels = levels_of(spec)
    reader = PixelCNN(
        (levels,) * spec.shape[0],
        spec.shape[1:],
        width=width,
        layers=layers,
        kernel=kernel,
        ordinal=order == "numbers",
        context=decoder.out_shape,  # type: ignore[arg-type]
    )
    model = VAE(
        StandardNormal(latent), Gaussian(encoder, latent), StepByStep(decoder, spec.shape, reader, levels=levels)
    )
    objective = Distortion() + weight_of(annealing_steps, cycles) * Rate(free_bits=free_bits)
    return System(model, objective, Plan(patience=10), aggressive_phases(model, objective, aggressive))


def levels_of(spec: DataSpec) -> int:
    """How many values a pixel has. Raises ValueError for pictures without a grid of them."""
    if spec.domain is Domain.BINARY:
        return 2
    if spec.domain is not Domain.LEVELS or spec.levels is None:
        raise ValueError(
            f"pixel-vae draws pixels from a grid of levels, got {spec.describe()}: open it with whole levels"
        )
    return spec.levels
