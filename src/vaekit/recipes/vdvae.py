"""The very deep VAE."""

import math
from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge
from torch import nn
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.models import Hierarchy, TopDown
from vaekit.networks import Beside, Bottleneck, Chain, Residual, Rise, Stages
from vaekit.networks.initialisation import initialise
from vaekit.networks.scales import patches_in, patches_out, pool
from vaekit.networks.shapes import divided_sizes
from vaekit.objectives import Distortion, Rate
from vaekit.recipes.parts import (
    Latent,
    LikelihoodName,
    Patch,
    channels_last,
    picture_likelihood,
    refuse_all_but_pictures,
)
from vaekit.recipes.system import System
from vaekit.training import Adam, Plan

__all__ = ["vdvae"]

Size = tuple[int, ...]
Rates = Annotated[
    tuple[int, ...] | None,
    Ge(2),
    Doc("what height and width are divided by from each size to the next; down to one pixel if not said"),
]
EncoderBlocks = Annotated[
    tuple[int, ...] | None, Ge(0), Doc("encoder's blocks at each size, the picture's own first; one each if not said")
]
Latents = Annotated[
    tuple[int, ...] | None,
    Ge(0),
    Doc("decoder's blocks, each with a latent, at each size, the picture's own first; a few if not said"),
]

PUBLISHED: dict[str, dict[str, Any]] = {  # openai/vdvae, hps.py: its strings, read from the picture's size down
    "cifar10": {
        "width": 384,
        "latent": 16,
        "patch": 1,
        "rates": (2, 2, 2, 4),
        "encoder_blocks": (11, 6, 6, 3, 3),
        "decoder_blocks": (22, 11, 6, 3, 1),
    },
    "imagenet32": {
        "width": 512,
        "latent": 16,
        "patch": 1,
        "rates": (2, 2, 2, 4),
        "encoder_blocks": (15, 9, 8, 6, 6),
        "decoder_blocks": (41, 20, 10, 5, 2),
    },
    "imagenet64": {
        "width": 512,
        "latent": 16,
        "patch": 1,
        "rates": (2, 2, 2, 2, 4),
        "encoder_blocks": (11, 20, 9, 8, 7, 5),
        "decoder_blocks": (13, 32, 16, 8, 4, 2),
    },
}


def vdvae(
    spec: DataSpec,
    *,
    width: Annotated[int, Ge(4), Doc("channels of every map; blocks work on a quarter of them")] = 32,
    latent: Latent = 8,
    patch: Patch = 2,
    rates: Rates = None,
    encoder_blocks: EncoderBlocks = None,
    decoder_blocks: Latents = None,
    likelihood: LikelihoodName = None,
) -> System:
    """A very deep VAE: latents at every size down to one pixel, in one residual path (Child 2021).

    `latent` is the number of channels of each latent. The defaults are small. The paper's sizes are in
    `vaekit.recipes.vdvae.PUBLISHED`; that of CIFAR-10 is width 384, latent 16, rates 2 2 2 4, encoder blocks 11 6 6 3 3
    and decoder blocks 22 11 6 3 1, with batches of 32, lr 2e-4 and an EMA of 0.9999 over about a million steps.
    """
    refuse_all_but_pictures(spec)
    picture = spec.shape[1:]
    largest = tuple(-(-side // patch) for side in picture)
    rates = default_rates(largest) if rates is None else rates
    sizes = divided_sizes(largest, rates, "rates")
    up = (1,) * len(sizes) if encoder_blocks is None else encoder_blocks
    down = default_latents(len(sizes)) if decoder_blocks is None else decoder_blocks
    check_blocks(sizes, up, down)
    model = Hierarchy(
        bottom_up(patches_in(spec.shape[0], width, patch), width, sizes, rates, up),
        (width, *sizes[-1]),
        way_down(width, latent, sizes, rates, down),
        picture_likelihood(spec, way_out(width, patch, picture), likelihood),
    )
    return System(channels_last(model), Distortion() + Rate(), plan(math.prod(spec.shape)))


def plan(elements: int) -> Plan:
    """The paper's optimiser at ten times its learning rate, for small models; a norm that tells a step that went wrong.

    Its clip of 200 and skip of 400 are of a loss per element, and losses here are per example. `ema`: 0.9999 in the
    paper's million steps would still hold a third of the first weights after ten thousand.
    """
    optimiser = Adam(lr=2e-3, betas=(0.9, 0.9), weight_decay=0.01, warmup=100)
    return Plan(optimiser=optimiser, clip=200.0 * elements, skip=400.0 * elements, ema=0.999, patience=10)


def default_rates(size: Size) -> tuple[int, ...]:
    """Halvings down to maps of at most 4x4, then one pixel: 28 -> 14 -> 7 -> 4 -> 1."""
    side, rates = max(size), list[int]()
    while side > 4:
        rates.append(2)
        side = -(-side // 2)
    return (*rates, side) if side > 1 else tuple(rates)


def default_latents(sizes: int) -> tuple[int, ...]:
    """Two at each size, one at the smallest."""
    return (*(2,) * (sizes - 1), 1)


def check_blocks(sizes: Sequence[Size], up: Sequence[int], down: Sequence[int]) -> None:
    """Raise ValueError unless there is a number for every size, and a latent at the smallest."""
    said = ", ".join(named(size) for size in sizes)
    for name, blocks in (("encoder_blocks", up), ("decoder_blocks", down)):
        if len(blocks) != len(sizes):
            raise ValueError(f"{name} must hold a number for each of the sizes {said}, got {blocks}")
    if down[-1] < 1:
        raise ValueError(f"decoder_blocks must be at least 1 at the smallest size, {named(sizes[-1])}, got {down[-1]}")


def bottom_up(
    first: nn.Module, width: int, sizes: Sequence[Size], rates: Sequence[int], blocks: Sequence[int]
) -> nn.Module:
    """The `first` module, then at each size its blocks, whose result is the evidence there, and one more that is pooled."""
    gain = 1 / math.sqrt(sum(blocks) + len(rates))
    stages = {}
    for i, size in enumerate(sizes):
        above = [first] if i == 0 else [block(width, sizes[i - 1], gain), pool(rates[i - 1])]
        stages[named(size)] = nn.Sequential(*above, *(block(width, size, gain) for _ in range(blocks[i])))
    return Stages(stages)


def way_down(
    width: int, latent: int, sizes: Sequence[Size], rates: Sequence[int], latents: Sequence[int]
) -> list[nn.Module]:
    """From the smallest size up: its levels, or one block where it has none, and the rise to the next size."""
    gain = 1 / math.sqrt(sum(max(1, number) for number in latents))
    parts: list[nn.Module] = []
    for i in reversed(range(len(sizes))):
        parts += [Rise(width, rates[i], sizes[i])] if i < len(rates) else []
        parts += [level(width, latent, sizes[i], gain) for _ in range(latents[i])] or [block(width, sizes[i], gain)]
    return parts


def way_out(width: int, patch: int, size: Size) -> Chain:
    """From the last level's map to the picture's size, with half the channels where it has fewer pixels."""
    if patch == 1:
        return Chain((width, *size))
    return Chain((width // 2, *size), nn.GELU(), *patches_out(width, width // 2, patch, size), nn.GELU())


def level(width: int, latent: int, size: Size, gain: float) -> TopDown:
    """One latent; its prior starts at N(0, 1) and its posterior near it, and the sum of all levels at the size of one."""
    middle, kernel = width // 4, kernel_at(size)
    return TopDown(
        named(size),
        latent,
        prior=Bottleneck(width, middle, 2 * latent + width, kernel=kernel, gain=0.0),
        posterior=Beside(Bottleneck(2 * width, middle, 2 * latent, kernel=kernel, gain=0.1)),
        project=initialise(nn.Conv2d(latent, width, 1), gain),
        refine=block(width, size, gain),
    )


def block(width: int, size: Size, gain: float) -> nn.Module:
    """A residual block."""
    return Residual(Bottleneck(width, width // 4, width, kernel=kernel_at(size), gain=gain))


def kernel_at(size: Size) -> int:
    """3x3, but 1x1 on maps of one or two pixels."""
    return 3 if max(size) > 2 else 1


def named(size: Size) -> str:
    """(28, 28) as 28x28."""
    return "x".join(map(str, size))
