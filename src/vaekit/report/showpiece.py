"""The picture at the head of the README: what a model of images reconstructs, what it dreams, and how it learned."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from vaekit.data import Data, epoch_order
from vaekit.latent import typical
from vaekit.models.model import Model
from vaekit.report.curves import LINES, as_table, limits
from vaekit.report.grids import arrange, enlarge
from vaekit.report.pictures import batch_of, evaluated, infer, own_generators
from vaekit.report.style import BLUE, DPI, INK, SOFT, VERMILION, dress, new_figure, number, styled
from vaekit.report.values import drawable
from vaekit.training.metrics import judged_by

__all__ = ["showpiece"]

WIDE, TALL, MARGIN, TOP = 1600, 600, 40, 112  # pixels
TILE, GAP, SIDE = 48, 6, 8  # images of the model are 48 pixels wide, 8 by 8 of them


@styled
def showpiece(model: Model, data: Data, rows: Sequence[Mapping[str, float]], seed: int = 0) -> Figure:
    """Originals and reconstructions, samples, and the loss: 1600x600 pixels, for images of one channel.

    Data is drawn in dark ink and what the model makes in blue, whichever panel it stands in. Uses the test split, else
    the validation split, and draws under `seed`; nothing is picked by hand.
    """
    channels, height, width = data.spec.shape if len(data.spec.shape) == 3 else (0, 0, 0)
    if channels != 1 or max(height, width) > TILE or height != width:
        raise ValueError(f"the showpiece needs square images of one channel up to {TILE} pixels, got {data.spec.shape}")
    split = data.test if data.test is not None else data.valid
    if split is None or data.spec.context is not None or not rows or not {"train/loss", "valid/loss"} <= set(rows[0]):
        raise ValueError("the showpiece needs held-out data without a context, and rows with train/loss and valid/loss")
    chosen = epoch_order(len(split), 0, seed)[: SIDE * SIDE // 2]
    with torch.no_grad(), evaluated(model), own_generators(model, seed):
        batch = batch_of(model, split, chosen)
        x, x_hat = batch["x"], typical(infer(model, batch), "x")
        made = typical(model.generate(SIDE * SIDE), "x")
    return composed(x, x_hat, made, rows)


def composed(x: Tensor, x_hat: Tensor, made: Tensor, rows: Sequence[Mapping[str, float]]) -> Figure:
    """The three panels."""
    figure = new_figure(WIDE / DPI, TALL / DPI, layout=None)
    pairs = alternating(inked(x, INK), inked(x_hat, BLUE))
    dreams = arrange(inked(made, BLUE), SIDE, GAP)
    left = MARGIN
    for picture, title, caption in (
        (pairs, "Reconstructions", "held-out data in black, model in blue"),
        (dreams, "Samples", "z from the prior, mean of p(x|z)"),
    ):
        place(figure, picture, left)
        head(figure, left, title, caption)
        left += picture.shape[1] + 64
    draw_loss(figure, left, rows)
    return figure


def inked(images: Tensor, colour: str) -> np.ndarray:
    """(N, 1, H, W) in [0, 1] as ink on pale paper, enlarged: uint8 (N, h, w, 3)."""
    ink = LinearSegmentedColormap.from_list("ink", ["#f3f5f7", colour])
    return enlarge(ink(drawable(images, "images")[:, 0].clip(0, 1), bytes=True)[..., :3], TILE)


def alternating(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Rows of one and of the other in turn."""
    rows = [np.stack([above[i : i + SIDE], below[i : i + SIDE]]) for i in range(0, len(above), SIDE)]
    return arrange(np.concatenate(rows).reshape(-1, *above.shape[1:]), SIDE, GAP)


def place(figure: Figure, picture: np.ndarray, left: int) -> None:
    """The picture, pixel by pixel, below the headings."""
    tall, wide, _ = picture.shape
    axes = figure.add_axes((left / WIDE, 1 - (TOP + tall) / TALL, wide / WIDE, tall / TALL))
    axes.set_axis_off()
    axes.imshow(picture, interpolation="nearest", aspect="auto")


def head(figure: Figure, left: float, title: str, caption: str) -> None:
    """A panel's two lines of text."""
    figure.text(left / WIDE, 1 - 54 / TALL, title, weight="bold", fontsize=10.5)
    figure.text(left / WIDE, 1 - 88 / TALL, caption, fontsize=7.5, color=SOFT)


def draw_loss(figure: Figure, left: int, rows: Sequence[Mapping[str, float]]) -> None:
    """The loss in training and validation, named at their ends."""
    table = as_table(rows)
    bottom, tall = 62, TALL - TOP - 62
    axes: Axes = figure.add_axes(
        ((left + 50) / WIDE, bottom / TALL, (WIDE - left - 50 - MARGIN - 70) / WIDE, tall / TALL)
    )
    dress(axes)
    head(figure, left, "Loss", "nats per example, by epoch")
    for role, line in LINES.items():
        axes.plot(table["epoch"], table[f"{role}/loss"], **line)
    valid = table["valid/loss"]
    best = int(table[judged_by(table) or "valid/loss"].argmin())
    axes.set_ylim(*limits([table["train/loss"], valid], best))
    axes.set_xlim(0, table["epoch"][-1])
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.plot(table["epoch"][best], valid[best], "o", color=VERMILION, markersize=5, markeredgecolor="white", zorder=4)
    for role, colour in (("train", SOFT), ("valid", BLUE)):
        end = (table["epoch"][-1], table[f"{role}/loss"][-1])
        axes.annotate(
            role, end, (5, 0), textcoords="offset points", color=colour, fontsize=8, va="center", annotation_clip=False
        )
    axes.annotate(
        number(float(valid[best])),
        (table["epoch"][best], valid[best]),
        (0, -13),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        weight="bold",
        color=VERMILION,
    )
