"""Clips as pictures: frames in a row for paper, and animated GIFs."""

import io
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from vaekit.report.grids import TILE, Range, framed, image_grid, range_of

__all__ = ["animation", "film_pairs", "film_strip", "gif", "save_film", "save_gif"]

PACE = 120  # milliseconds that a frame is shown
COLOURS = 256  # that a frame of a GIF can have
NAMES = ("original", "reconstruction")


def film_strip(clips: Float[Tensor, "N T C H W"], *, between: Range = (0.0, 1.0), tile: int = TILE) -> np.ndarray:
    """A row for each clip, its frames from left to right: uint8 (height, width, 3); black and white as `image_grid`'s."""
    return image_grid(frames_of(clips).flatten(0, 1), clips.shape[1], between=between, tile=tile)


def animation(
    clips: Float[Tensor, "N T C H W"],
    columns: int | None = None,
    *,
    between: Range = (0.0, 1.0),
    tile: int = TILE,
) -> np.ndarray:
    """The clips in rows of `columns` (a square if None), all at the same frame: uint8 (T, height, width, 3)."""
    return np.stack([image_grid(frame, columns, between=between, tile=tile) for frame in frames_of(clips).unbind(1)])


def gif(frames: np.ndarray, pace: int = PACE) -> bytes:
    """An endless GIF of frames (T, height, width, 3) in bytes, each shown for `pace` milliseconds.

    Exact where all of them together have no more than 256 colours, else each frame is brought to 256 of its own.
    """
    pictures, file = in_colours(frames), io.BytesIO()
    pictures[0].save(
        file, format="GIF", save_all=True, append_images=pictures[1:], duration=pace, loop=0, optimize=False
    )
    return file.getvalue()


def save_gif(
    clips: Float[Tensor, "N T C H W"], path: str | Path, columns: int | None = None, *, between: Range = (0.0, 1.0)
) -> Path:
    """Write `animation` to a GIF."""
    return written(gif(animation(clips, columns, between=between)), path, ".gif")


def save_film(clips: Float[Tensor, "N T C H W"], path: str | Path, *, between: Range = (0.0, 1.0)) -> Path:
    """Write `film_strip` to a PNG."""
    file = io.BytesIO()
    Image.fromarray(film_strip(clips, between=between)).save(file, format="PNG")
    return written(file.getvalue(), path, ".png")


def film_pairs(x: Tensor, x_hat: Tensor) -> Figure:
    """Clips (N, T, C, H, W) frame by frame, each original above its reconstruction, on the range of the originals."""
    rows = torch.stack([x, x_hat], 1).flatten(0, 1)
    labels = [(name, (2 * i + j + 0.5) / len(rows)) for i in range(len(x)) for j, name in enumerate(NAMES)]
    return framed(film_strip(rows, between=range_of(x), tile=64), labels)


def written(content: bytes, path: str | Path, suffix: str) -> Path:
    """A file with the suffix that it should have."""
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"path must end in {suffix}, got {path}")
    path.write_bytes(content)
    return path


def frames_of(clips: Tensor) -> Tensor:
    """The clips, which must be (N, T, C, H, W)."""
    if clips.ndim != 5:
        raise ValueError(f"clips must have the shape (N, T, C, H, W), got {tuple(clips.shape)}")
    return clips


def in_colours(frames: np.ndarray) -> list[Image.Image]:
    """Frames with a palette each."""
    numbers = (frames.astype(np.uint32) * np.array([1 << 16, 1 << 8, 1], np.uint32)).sum(-1, dtype=np.uint32)
    colours, which = np.unique(numbers, return_inverse=True)
    if len(colours) > COLOURS:
        return [Image.fromarray(frame).quantize(COLOURS, dither=Image.Dither.NONE) for frame in frames]
    palette = np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], 1).astype(np.uint8).tobytes()
    pictures = [Image.fromarray(frame) for frame in which.reshape(numbers.shape).astype(np.uint8)]
    for picture in pictures:
        picture.putpalette(palette)
    return pictures
