"""Examples side by side: grids of images at whole multiples of their pixels, and the vectors' counterpart."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.image import imsave
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vaekit.report.lines import draw_points, draw_vectors
from vaekit.report.style import DPI, SOFT, new_figure, styled, text_width
from vaekit.report.values import drawable

__all__ = ["image_grid", "reconstructions", "samples", "save_grid"]

Range = tuple[float, float]
TILE, GAP = 40, 2  # an image's longer side is at least TILE pixels, GAP pixels of white stand between two
WIDEST, LARGEST = 1400, 256  # pixels of a row of pairs, and of an image in a figure
PAD, HEADED_PAD = 24, 20


def image_grid(
    images: Float[Tensor, "N C H W"], columns: int | None = None, *, between: Range = (0.0, 1.0), tile: int = TILE
) -> np.ndarray:
    """The images in rows of `columns` (a square if None) as one picture, uint8 (height, width, 3), on white.

    Each pixel becomes a square block, so that the longer side takes at least `tile` pixels. One channel is grey, three
    are red, green and blue; of any other number the first is shown in false colours. Values are black at the first of
    `between`, white at the second, and clipped outside.
    """
    pixels = as_pixels(images, between)
    n = len(pixels)
    columns = math.ceil(math.sqrt(n)) if columns is None else columns
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    return arrange(enlarge(pixels, tile), min(columns, n), GAP * max(1, tile // TILE))


def save_grid(
    images: Float[Tensor, "N C H W"], path: str | Path, columns: int | None = None, *, between: Range = (0.0, 1.0)
) -> Path:
    """Write `image_grid` to a PNG, nothing around it."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"path must end in .png, got {path}")
    imsave(path, image_grid(images, columns, between=between), format="png")
    return path


def reconstructions(x: Float[Tensor, "N *event"], x_hat: Float[Tensor, "N *event"]) -> Figure:
    """Originals above their reconstructions; for vectors and series, reconstructions drawn over the originals.

    An event (C, H, W) is an image and (H, W) a map in false colours, unless one of its sides is 1: that is a series.
    Images outside [0, 1] are shown on the originals' range.
    """
    if x.shape != x_hat.shape:
        raise ValueError(f"x and x_hat must have one shape, got {tuple(x.shape)} and {tuple(x_hat.shape)}")
    if is_image(x):
        return image_pairs(x, x_hat)
    data, model = as_vectors(x, "x"), as_vectors(x_hat, "x_hat")
    if data.shape[1] == 2:
        return draw_points(data, model, "reconstruction", joined=True)
    return draw_vectors(data, model, "reconstruction")


def samples(
    x: Float[Tensor, "N *event"],
    *,
    columns: int | None = None,
    names: Sequence[str] = (),
    data: Float[Tensor, "M *event"] | None = None,
) -> Figure:
    """Samples in rows of `columns`, the rows named where there are `names`.

    `data`, examples to compare with, gives the range of images outside [0, 1] and is drawn behind points in the plane.
    """
    if is_image(x):
        pixels = image_grid(as_images(x), columns, between=range_of(x if data is None else data), tile=2 * TILE)
        rows = math.ceil(len(x) / (columns or math.ceil(math.sqrt(len(x)))))
        return framed(pixels, [(names[i], (i + 0.5) / rows) for i in range(len(names))])
    made = as_vectors(x, "x")
    if made.shape[1] == 2:
        return draw_points(None if data is None else as_vectors(data, "data"), made, "sample", joined=False)
    return draw_vectors(None, made, "sample", columns=columns or 4, names=names)


def is_image(x: Tensor) -> bool:
    """Whether examples (N, *event) are images or maps rather than vectors or series."""
    if x.ndim > 4:
        raise ValueError(f"examples of at most three axes can be drawn, got the shape {tuple(x.shape[1:])}")
    return x.ndim == 4 or (x.ndim == 3 and min(x.shape[1:]) > 1)


def as_images(x: Tensor) -> Tensor:
    """Images averaged down to LARGEST; a map (H, W) as two channels, so that it gets false colours."""
    images = x.float() if x.ndim == 4 else x.float()[:, None].expand(-1, 2, -1, -1)
    block = math.ceil(max(x.shape[-2:]) / LARGEST)
    return images if block == 1 else avg_pool2d(images, block, ceil_mode=True)


def as_vectors(x: Tensor, name: str) -> np.ndarray:
    """(N, D)."""
    return drawable(x.flatten(1) if x.ndim > 1 else x[:, None], name)


def as_pixels(images: Tensor, between: Range = (0.0, 1.0)) -> np.ndarray:
    """(N, C, H, W) to uint8 (N, H, W, 3)."""
    if images.ndim != 4:
        raise ValueError(f"images must have the shape (N, C, H, W), got {tuple(images.shape)}")
    low, high = between
    unit = ((drawable(images, "images") - low) / (high - low)).clip(0, 1)
    if unit.shape[1] not in (1, 3):
        return matplotlib.colormaps["viridis"](unit[:, 0], bytes=True)[..., :3]
    return (255 * unit).round().astype(np.uint8).transpose(0, 2, 3, 1).repeat(3 // unit.shape[1], axis=3)


def range_of(x: Tensor) -> Range:
    """(0, 1) for values that lie there, else from their lowest to their highest."""
    low, high = float(x.min()), float(x.max())
    return (0.0, 1.0) if (low >= 0 and high <= 1) or low == high else (low, high)


def enlarge(pixels: np.ndarray, tile: int) -> np.ndarray:
    """Every pixel of (N, H, W, 3) as a block, the same in both directions."""
    factor = math.ceil(tile / max(pixels.shape[1:3]))
    return pixels.repeat(factor, axis=1).repeat(factor, axis=2)


def arrange(tiles: np.ndarray, columns: int, gap: int, background: int = 255) -> np.ndarray:
    """(N, H, W, 3) in rows, `gap` pixels apart, as one picture."""
    n, height, width, _ = tiles.shape
    rows = math.ceil(n / columns)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), background, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        whole[top : top + height, left : left + width] = tile
    return whole


def image_pairs(x: Tensor, x_hat: Tensor) -> Figure:
    """Blocks of two rows, originals above reconstructions."""
    between, gap = range_of(x), 2 * GAP
    above, below = (enlarge(as_pixels(as_images(part), between), 2 * TILE) for part in (x, x_hat))
    n, height, width, _ = above.shape
    blocks = math.ceil(n / max(1, min(n, WIDEST // (width + gap))))
    columns = math.ceil(n / blocks)
    pairs = [arrange_pair(above[i : i + columns], below[i : i + columns], columns, gap) for i in range(0, n, columns)]
    between_blocks = np.full((4 * gap, pairs[0].shape[1], 3), 255, np.uint8)
    picture = np.concatenate([part for pair in pairs for part in (pair, between_blocks)][:-1])
    step, tall = pairs[0].shape[0] + len(between_blocks), picture.shape[0]
    labels = [("original", height / 2), ("reconstruction", height * 1.5 + gap)]
    return framed(picture, [(label, (i * step + y) / tall) for i in range(len(pairs)) for label, y in labels])


@styled
def headed(picture: np.ndarray, heads: Sequence[tuple[str, float, str]], above: int = 30) -> Figure:
    """The picture pixel by pixel, with words in so many pixels above it: each at pixels from its left, and how aligned."""
    tall, wide, _ = picture.shape
    whole_wide, whole_tall = wide + 2 * HEADED_PAD, tall + above + 2 * HEADED_PAD
    figure = new_figure(whole_wide / DPI, whole_tall / DPI, layout=None)
    place = (HEADED_PAD / whole_wide, HEADED_PAD / whole_tall, wide / whole_wide, tall / whole_tall)
    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    for word, across, side in heads:
        spot = (HEADED_PAD + across) / whole_wide, (HEADED_PAD + tall + above / 2) / whole_tall
        figure.text(*spot, word, ha=side, va="center", size=8, color=SOFT)
    return figure


def arrange_pair(above: np.ndarray, below: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """One row above the other, filled up with white."""
    blank = np.full((columns - len(above), *above.shape[1:]), 255, np.uint8)
    return arrange(np.concatenate([above, blank, below, blank]), columns, gap)


@styled
def framed(picture: np.ndarray, labels: Sequence[tuple[str, float]]) -> Figure:
    """The picture pixel by pixel, with labels on its left at fractions of its height from the top."""
    tall, wide, _ = picture.shape
    left = PAD + (math.ceil(max(text_width(label) for label, _ in labels)) + 20 if labels else 0)
    whole_wide, whole_tall = left + wide + PAD, tall + 2 * PAD
    figure = new_figure(whole_wide / DPI, whole_tall / DPI, layout=None)
    place = (left / whole_wide, PAD / whole_tall, wide / whole_wide, tall / whole_tall)
    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    for label, down in labels:
        figure.text(
            (left - 20) / whole_wide, 1 - (PAD + down * tall) / whole_tall, label, ha="right", va="center_baseline"
        )
    return figure
