"""Figures of several latents side by side: the nats of each, and examples from the first few alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from vaekit.report.grids import arrange, as_images, as_pixels, enlarge, headed, range_of
from vaekit.report.style import BLUE, FAINT, SOFT, dress, new_figure, number, styled

__all__ = ["kl_per_level", "level_by_level"]

NAMED = 12  # bars that are named one by one
TILE, GAP, APART = 64, 3, 24  # pixels of a figure


def worded(names: Sequence[str], n: int) -> str:
    """Which latents a column is made of."""
    return names[0] if n == 1 else "all" if n == len(names) else f"to {names[n - 1]}"


def level_by_level(x: Tensor, made: Mapping[int, Tensor], names: Sequence[str]) -> Figure:
    """Originals (N, C, H, W), and beside each what the first so many of the latents `names` make of it.

    A row for each example, a column for each number of latents.
    """
    between = range_of(x)
    columns = {"original": x, **{worded(names, n): x_hat for n, x_hat in made.items()}}
    tiles = [enlarge(as_pixels(as_images(images), between), TILE) for images in columns.values()]
    step = tiles[0].shape[2] + GAP
    rest = arrange(np.stack(tiles[1:], 1).reshape(-1, *tiles[0].shape[1:]), len(made), GAP)
    first = arrange(tiles[0], 1, GAP)
    apart = np.full((first.shape[0], APART, 3), 255, np.uint8)
    middles = [tiles[0].shape[2] / 2 + (i > 0) * (APART - GAP) + i * step for i in range(len(columns))]
    heads = [(word, across, "center") for word, across in zip(columns, middles, strict=True)]
    return headed(np.concatenate([first, apart, rest], axis=1), heads)


@styled
def kl_per_level(rates: Mapping[str, float], active: Mapping[str, tuple[int, int]]) -> Figure:
    """A bar for each latent: its rate in nats, blue where it has active dimensions or none are counted, with how many.

    `active` says by latent how many dimensions are active, and of how many.
    """
    nats, places = np.array(list(rates.values())), np.arange(1, len(rates) + 1)
    dead = np.array([active.get(name, (1, 1))[0] == 0 for name in rates])
    figure = new_figure(7.6, 3.4)
    axes = figure.subplots()
    dress(axes)
    axes.bar(places, nats, width=0.72, color=np.where(dead, FAINT, BLUE))
    axes.set_xlim(0.2, max(len(rates), 3) + 0.8)
    axes.set_ylim(min(0.0, float(nats.min())), 1.15 * max(float(nats.max()), 1e-3))
    axes.set_ylabel("KL, nats per example")
    every = -(-len(rates) // NAMED)
    axes.set_xticks(places[::every], list(rates)[::every])
    axes.tick_params(axis="x", length=0)
    if len(rates) <= NAMED:
        for place, height, name in zip(places, nats, rates, strict=True):
            on, of = active.get(name, (0, 0))
            said, top = f"{on} of {of}" if of else "", max(float(height), 0.0)
            axes.text(float(place), top, said, ha="center", va="bottom", size=8, color=SOFT)
    used = f", {sum(on for on, _ in active.values()):,} of {sum(of for _, of in active.values()):,} dimensions active"
    axes.set_title(f"{number(float(nats.sum()))} nats in {len(rates)} latents{used if active else ''}", weight="bold")
    return figure
