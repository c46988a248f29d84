"""The Nouveau VAE."""

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge
from torch import nn
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.models import Hierarchy, ResidualNormal
from vaekit.networks import Beside, Chain, Meet, Stages, convolution_cell, depthwise_cell, weight_normed
from vaekit.networks.cells import normed_convolution
from vaekit.networks.scales import patches_in, patches_out
from vaekit.networks.shapes import divided_sizes
from vaekit.objectives import Distortion, Linear, Rate, RateBalance, SpectralNorm
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

__all__ = ["nvae"]

Size = tuple[int, ...]
Groups = Annotated[
    tuple[int, ...],
    Ge(1),
    Doc("latents at each size, the smallest first; each next size has twice the height and width"),
]

PAPER = {"latent": 20, "patch": 1, "cells": 2, "halvings": 1, "edge_cells": 2}
PUBLISHED: dict[str, dict[str, Any]] = {  # NVlabs/NVAE, README.md; without the flows of all but MNIST
    "mnist": PAPER | {"width": 32, "groups": (5, 10), "halvings": 2, "edge_cells": 3},
    "cifar10": PAPER | {"width": 128, "groups": (30,)},
    "imagenet32": PAPER | {"width": 192, "groups": (28,)},
    "celeba64": PAPER | {"width": 64, "groups": (5, 10, 20)},
}


def nvae(
    spec: DataSpec,
    *,
    width: Annotated[int, Ge(4), Doc("channels of the largest map; twice as many after each halving")] = 8,
    groups: Groups = (2, 4),
    latent: Latent = 8,
    patch: Patch = 2,
    cells: Annotated[int, Ge(1), Doc("residual cells between one latent and the next, on both ways")] = 1,
    halvings: Annotated[
        int | None, Ge(0), Doc("how often the largest map is halved before there are latents; once, where it can be")
    ] = None,
    edge_cells: Annotated[int, Ge(1), Doc("residual cells at each size above the latents")] = 1,
    expansion: Annotated[int, Ge(2), Doc("how many times wider the decoder's depthwise convolutions are")] = 6,
    annealing_steps: Annotated[
        int, Ge(1), Doc("steps in which the rate is weighed in: 30 % of them in the paper")
    ] = 3000,
    spectral: Annotated[float, Ge(0), Doc("weight of the spectral norms of all weights")] = 0.01,
    likelihood: LikelihoodName = None,
) -> System:
    """A deep hierarchical VAE of depthwise convolutions and residual posteriors (Vahdat & Kautz 2020).

    `latent` is the number of channels of each latent. The defaults are small. The paper's sizes are in
    `vaekit.recipes.nvae.PUBLISHED`; that of CIFAR-10 is width 128, groups 30, latent 20, cells 2, halvings 1 and edge
    cells 2, with patch 1, batches of 256, lr 1e-2 and 400 epochs; that of MNIST width 32, groups 5 10, latent 20, cells 2,
    halvings 2 and edge cells 3, with patch 1 and batches of 400.
    """
    refuse_all_but_pictures(spec)
    if not groups:
        raise ValueError("groups must say how many latents there are at each size, got none")
    if halvings is None:
        halvings = default_halvings(spec.shape[1:], patch, len(groups))
    sizes = map_sizes(spec.shape[1:], patch, halvings + len(groups) - 1)
    model = Hierarchy(
        bottom_up(
            weight_normed(patches_in(spec.shape[0], width, patch)), width, groups[::-1], cells, halvings, edge_cells
        ),
        (width << (len(sizes) - 1), *sizes[-1]),
        way_down(width, latent, groups, cells, sizes, expansion),
        picture_likelihood(
            spec, way_out(width, sizes[: halvings + 1], edge_cells, expansion, patch, spec.shape[1:]), likelihood
        ),
    )
    weight = Linear(0.0, 1.0, annealing_steps)
    objective = Distortion() + weight * (Rate() + RateBalance(weight))
    return System(channels_last(model), objective + spectral * SpectralNorm(model) if spectral else objective, PLAN)


PLAN = Plan(optimiser=Adam(lr=1e-2, eps=1e-3, weight_decay=3e-4, adamax=True, decay=True, end_lr=1e-4), patience=10)


def default_halvings(picture: Size, patch: int, scales: int) -> int:
    """1 where the smallest map then still has more than one pixel, else 0."""
    return int(-(-max(picture) // patch) > 1 << scales)


def map_sizes(picture: Size, patch: int, halvings: int) -> list[Size]:
    """The largest map's size and what each halving leaves; a single pixel is refused, as batch norm needs several."""
    largest = tuple(-(-side // patch) for side in picture)
    sizes = divided_sizes(largest, (2,) * halvings, "halvings and groups")
    if max(sizes[-1]) == 1:
        raise ValueError(
            f"halvings and groups must leave more than one pixel, and {len(sizes)} sizes of a picture of "
            f"{picture[0]}x{picture[1]} in patches of {patch} end in one"
        )
    return sizes


def bottom_up(
    first: nn.Module, width: int, groups: Sequence[int], cells: int, halvings: int, edge_cells: int
) -> nn.Module:
    """Cells at each size, from the largest; each latent, from the last to z1, has the features after some more."""
    row: list[nn.Module] = [first]
    for _ in range(halvings):
        row += [convolution_cell(width, width) for _ in range(edge_cells - 1)]
        row.append(convolution_cell(width, width := 2 * width, halve=True))
    stages: dict[str, nn.Sequential] = {}
    for scale, number in enumerate(groups):
        row += [] if scale == 0 else [convolution_cell(width, width := 2 * width, halve=True)]
        for _ in range(number):
            row += [convolution_cell(width, width) for _ in range(cells)]
            stages[f"z{sum(groups) - len(stages)}"] = nn.Sequential(*row)
            row = []
    stages["z1"].append(nn.Sequential(nn.ELU(), normed_convolution(width, width, 1), nn.ELU()))
    return Stages(stages)


def way_down(
    width: int, latent: int, groups: Sequence[int], cells: int, sizes: Sequence[Size], expansion: int
) -> list[nn.Module]:
    """z1 first, then cells before every other latent, and a cell that raises the map before every size but the first."""
    parts: list[nn.Module] = []
    here = len(sizes) - 1
    z = 1
    for scale, number in enumerate(groups):
        channels = width << (here - scale)
        if scale:
            parts.append(depthwise_cell(2 * channels, channels, expansion, size=sizes[here - scale]))
        for _ in range(number):
            parts += [depthwise_cell(channels, channels, expansion) for _ in range(cells if z > 1 else 0)]
            parts.append(level(f"z{z}", channels, (latent, *sizes[here - scale]), top=z == 1))
            z += 1
    return parts


def level(name: str, channels: int, shape: tuple[int, ...], *, top: bool) -> ResidualNormal:
    """One latent: z1 from a standard normal, the others from what came down."""
    latent = shape[0]
    return ResidualNormal(
        name,
        shape,
        prior=None if top else nn.Sequential(nn.ELU(), normed_convolution(channels, 2 * latent, 1, gain=0.1)),
        posterior=Meet(channels, 2 * latent),
        combine=Beside(normed_convolution(channels + latent, channels, 1)),
    )


def way_out(width: int, sizes: Sequence[Size], edge_cells: int, expansion: int, patch: int, picture: Size) -> Chain:
    """From the last latent's map to the picture's own size, for a head's 1x1 convolution; half the expansion."""
    parts: list[nn.Module] = []
    for i in reversed(range(len(sizes) - 1)):
        channels = width << i
        parts.append(depthwise_cell(2 * channels, channels, expansion // 2, size=sizes[i]))
        parts += [depthwise_cell(channels, channels, expansion // 2) for _ in range(edge_cells - 1)]
    parts += [] if patch == 1 else [nn.ELU(), *patches_out(width, width, patch, picture)]
    return Chain((width, *picture), *parts, nn.ELU())
