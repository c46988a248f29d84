"""Squares, ellipses and hearts of known size, turn and place, on the grid of dSprites (Matthey et al. 2017).

Drawn here. Outlines were fitted to the 320 frames of the set's published animation, of whose lit pixels they miss or add
fewer than one in three hundred; sizes and places in between follow from the set's description.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vaekit.data.rows import Rows
from vaekit.data.sequences import whole_at_least

__all__ = ["Shapes", "shapes"]

SHAPES = ("square", "ellipse", "heart")
GRID = {"shape": 3, "scale": 6, "orientation": 40, "posX": 32, "posY": 32}  # values of each factor
TURN = 39  # steps of a full turn: the last orientation is the first again
FIELD, FIRST, WAY = 64, 16.0, 32.0  # pixels: the field, where the first place is, and how far it is to the last
LEAST_SCALE, EACH_SCALE = 0.5, 0.1
REACH = 13.6  # pixels from a shape's centre to its furthest corner at full scale
HALF_SIDE, LONG, SHORT, DIP = 9.6, 12.76, 7.22, -2.0  # pixels; a heart's outline is seen from DIP above its centre
UPPER = (3.05, 4.16, 5.28, 6.23, 7.09, 7.87, 8.45, 8.91, 9.33, 9.60, 9.84, 10.03, 10.05, 10.09, 10.05, 9.89, 9.73, 9.48)
LOWER = (9.18, 8.94, 8.56, 8.32, 8.0, 7.82, 7.59, 7.53, 7.38, 7.40, 7.36, 7.44, 7.56, 7.73, 8.0, 8.44, 8.95, 9.91, 11.0)
HEART = np.array((*UPPER, *LOWER))  # distance to the outline every 5 degrees, from straight up to straight down
STEP = np.pi / 36
SMALLEST, LARGEST = 16, 128  # sides of a picture
AT_ONCE = 256  # pictures that are drawn together

Values = int | Sequence[int]


class Shapes(Rows):
    """Pictures (N, 1, size, size) of 0 and 1, drawn when they are taken: every combination of some values of each factor.

    `values`: which of the grid's values each factor of `GRID` has, in its order; the last factor changes first.
    """

    kept = "drawn when they are asked for"

    def __init__(self, values: Sequence[Sequence[int]], size: int) -> None:
        self.values, self.size = tuple(map(tuple, values)), size
        self.sizes = tuple(map(len, self.values))
        self.shape = (int(np.prod(self.sizes)), 1, size, size)
        self.dtype = np.dtype(np.uint8)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The pictures at `rows` (B,): (B, 1, size, size)."""
        latents = np.stack([np.array(own)[i] for own, i in zip(self.values, self.factors(rows).T, strict=True)], 1)
        parts = [drawn(latents[i : i + AT_ONCE], self.size) for i in range(0, len(latents), AT_ONCE)]
        return np.concatenate(parts)[:, None] if parts else np.empty((0, *self.shape[1:]), self.dtype)

    def factors(self, rows: np.ndarray) -> np.ndarray:
        """Which of its values each factor has in the pictures at `rows` (B,), counted from 0: (B, 5)."""
        return np.stack(np.unravel_index(rows, self.sizes), 1)


def shapes(
    shape: Values = 3,
    scale: Values = 6,
    orientation: Values = 40,
    pos_x: Values = 32,
    pos_y: Values = 32,
    *,
    size: int = FIELD,
) -> Shapes:
    """All 737,280 pictures of the grid, or those of some values of each factor: so many, evenly spread, or a list of them.

    Shapes are 0 a square, 1 an ellipse and 2 a heart; scales 0 to 5 are half to full size; orientations 0 to 39 are a full
    turn, of which the last is the first again, so of fewer than 40 no two are the same; places 0 to 31 go from left to
    right and from top to bottom. `size` is the side of a picture, of the same field in coarser or finer pixels.
    """
    side = whole_at_least(size, SMALLEST, "size")
    if side > LARGEST:
        raise ValueError(f"size must be at most {LARGEST} pixels, got {side}")
    asked = (shape, scale, orientation, pos_x, pos_y)
    return Shapes([chosen(value, name) for value, name in zip(asked, GRID, strict=True)], side)


def chosen(values: Any, name: str) -> tuple[int, ...]:
    """Values of a factor from how many there are to be, or as they are listed."""
    of = GRID[name]
    if isinstance(values, Sequence) and not isinstance(values, str):
        listed = tuple(whole_at_least(value, 0, f"a value of {name}") for value in values)
        if not listed or len(set(listed)) < len(listed) or max(listed) >= of:
            raise ValueError(f"values of {name} must be some of 0 to {of - 1}, each once, got {list(values)}")
        return listed
    n = whole_at_least(values, 1, name)
    if n > of:
        raise ValueError(f"{name} must have at most its {of} values, got {n}")
    different = TURN if name == "orientation" and n < of else of
    return tuple((2 * i + 1) * different // (2 * n) for i in range(n))


def drawn(latents: np.ndarray, size: int) -> np.ndarray:
    """Pictures (B, size, size) of shapes with the grid's values `latents` (B, 5): 1 at pixels whose middle is inside."""
    shape, scale, turn, *place = latents.T
    pixel = FIELD / size
    centre = FIRST + WAY * np.stack(place, 1) / (GRID["posX"] - 1)  # (B, 2): across and down
    corner = np.floor((centre - REACH) / pixel).astype(np.int64)  # of the window that holds the shape
    window = np.arange(int(np.ceil(2 * REACH / pixel)) + 1)
    at = corner[..., None] + window  # (B, 2, W)
    grown = LEAST_SCALE + EACH_SCALE * scale
    across, down = np.moveaxis(((at + 0.5) * pixel - centre[..., None]) / grown[:, None, None], 1, 0)
    angle = 2 * np.pi * (turn % TURN)[:, None] / TURN
    across, down = across[:, None, :], down[:, :, None]
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    u, v = cos * across - sin * down, sin * across + cos * down  # (B, W, W)
    pictures = np.zeros((len(latents), size, size), np.uint8)
    for kind, inside in enumerate((in_square, in_ellipse, in_heart)):
        own = np.flatnonzero(shape == kind)
        pictures[own[:, None, None], at[own, 1, :, None], at[own, 0, None, :]] = inside(u[own], v[own])
    return pictures


def in_square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether points of the shape's own frame, pixels at full scale, v down, are in the square."""
    return np.maximum(np.abs(u), np.abs(v)) <= HALF_SIDE


def in_ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Likewise in the ellipse."""
    return (u / LONG) ** 2 + (v / SHORT) ** 2 <= 1


def in_heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Likewise in the heart: not further from a point above its centre than its outline in that direction."""
    below = v - DIP
    steps = (np.arctan2(below, np.abs(u)) + np.pi / 2) / STEP  # 0 straight up, 36 straight down
    return np.hypot(u, below) <= np.interp(steps, np.arange(len(HEART)), HEART)
